//! Which queries are logged, and how the lines look.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, Question, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;
use crate::class::{Classes, Kind};
use crate::format::Format;

const SCRIPT: &str = "script {
    ok.test. A answer \"ok.test. 30 IN A 192.0.2.1\" aa
    nodata.test. A authority \"test. 30 IN SOA ns.test. mail.test. 1 2 3 4 5\"
    cut.test. A authority \"cut.test. 30 IN NS ns.cut.test.\"
    fail.test. A fail SERVFAIL
    refused.test. A fail REFUSED
    old.test. A answer \"ok.test. 30 IN A 192.0.2.1\" rcode NXDOMAIN
    drop.test. A drop
}";

async fn look<T>(
    question: &str,
    look: impl FnOnce(&catena_plugin::Query<'_>, &catena_plugin::Outcome) -> T,
) -> T {
    let block = Block::build(&[&PLUGIN], &format!(". {{\nlog\n{SCRIPT}\n}}")).unwrap();
    block.start().await.unwrap();
    let question = Question::parse(question);
    let outcome = block.outcome(&question).await;
    block.view(&question, |query| look(query, &outcome))
}

async fn line(format: &str, question: &str) -> String {
    look(question, |query, outcome| {
        let mut line = String::new();
        Format::parse(format).write(query, outcome, &mut line);
        line
    })
    .await
}

#[test]
fn it_keeps_the_promises_of_a_plugin() {
    plugin_contract(&PLUGIN);
}

#[tokio::test]
async fn every_kind_of_outcome_has_its_class() {
    let cases = [
        ("ok.test. A", Kind::NoError, "success"),
        ("nodata.test. A", Kind::NoData, "denial"),
        ("cut.test. A", Kind::Delegation, "success"),
        ("none.test. A", Kind::NameError, "denial"),
        ("fail.test. A", Kind::ServerError, "error"),
        ("refused.test. A", Kind::OtherError, "error"),
        ("old.test. A", Kind::OtherError, "error"),
        ("drop.test. A", Kind::OtherError, "error"),
        ("ok.test. AXFR", Kind::Meta, "error"),
    ];
    for (question, expected, class) in cases {
        let kind = look(question, Kind::of).await;
        assert_eq!(kind, expected, "{question}");
        assert_eq!(kind.class_name(), class, "{question}");
        assert!(Classes::named(class).unwrap().contain(kind));
        assert!(Classes::ALL.contain(kind));
    }
}

#[tokio::test]
async fn the_common_format_is_that_of_coredns() {
    let line = line("{common}", "OK.test. A do edns=1232").await;
    let (line, duration) = line.rsplit_once(' ').unwrap();
    let expected = "10.240.0.1:40212 - 4660 \"A IN ok.test. udp 36 true 1232\" NOERROR qr,aa,rd 48";
    assert_eq!(line, expected);
    let seconds = duration.strip_suffix('s').unwrap();
    assert!(seconds.parse::<f64>().is_ok(), "{duration}");
}

#[tokio::test]
async fn a_failure_is_logged_as_the_server_will_write_it() {
    let line_of = async |question: &str| line("{rcode} {>rflags} {rsize}", question).await;
    assert_eq!(line_of("fail.test. A no-rd").await, "SERVFAIL qr 27");
    assert_eq!(line_of("fail.test. A cd").await, "SERVFAIL qr,rd,cd 27");
    assert_eq!(line_of("drop.test. A").await, "- - 0");
}

#[tokio::test]
async fn addresses_of_version_6_stand_in_brackets() {
    let text = line("{remote} {local}", "ok.test. A from=2001:db8::1").await;
    assert_eq!(text, "[2001:db8::1] [::]");
    let text = line("{local} {/none/such}", "ok.test. A tcp").await;
    assert_eq!(text, "127.0.0.1 -");
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    let corefile = ". {
    log . {
        class everything
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:15: plugin/log: invalid Class: everything
          3 |         class everything
            |               ^^^^^^^^^^ it knows success, denial, error and all"#]],
    );
    let corefile = ". {
    log {
        clas error
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:9: plugin/log: Error during parsing: unknown property 'clas'
          3 |         clas error
            |         ^^^^ did you mean 'class'?"#]],
    );
}
