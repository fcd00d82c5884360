//! The cache in a chain: what clients see, and what the source is asked.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use catena_dns::Reply;
use catena_plugin::metrics::{Sample, Value};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration};
use catena_testing::{Block, Question, check_chain, expect, plugin_contract};
use parking_lot::Mutex;

use crate::{PLUGIN, metrics};

mod model;
mod stale;

/// A Corefile with `cache` as given and a script of `rules`.
fn corefile(cache: &str, rules: &str) -> String {
    format!(". {{\n    {cache}\n    script {{\n{rules}\n    }}\n}}\n")
}

const WWW: &str = r#"www.example.org. A ra ad answer "{qname} 60 IN A 192.0.2.1""#;
const SOA: &str = r#"authority "example.org. 20 IN SOA ns. host. 1 2 3 4 5""#;
#[test]
fn the_plugin_keeps_what_all_plugins_promise() {
    plugin_contract(&PLUGIN);
}

/// A stage such as `errors` or `prometheus`: it looks at what comes back.
struct Passing(Arc<()>);

impl Plugin for Passing {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        next.serve(query).then(&self.0, query, |_, _, outcome| {
            assert!(outcome.rcode().is_some());
            outcome
        })
    }
}

static PASSING: Registration = Registration {
    name: "passing",
    setup: |cx| {
        (0..5).for_each(|_| cx.add_stage(Passing(Arc::default())));
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

#[test]
fn a_warm_hit_allocates_and_decodes_nothing() {
    let text = corefile("passing\n cache {\n prefetch 100\n serve_stale\n}", WWW);
    let block = Block::build(&[&PASSING, &PLUGIN], &text).unwrap();
    let questions = ["WWW.example.org. A", "wWw.example.org. A do ad"].map(Question::parse);
    let ask = || {
        for question in &questions {
            let outcome = pin!(block.outcome(question));
            let Poll::Ready(outcome) = outcome.poll(&mut Context::from_waker(Waker::noop())) else {
                unreachable!("nobody waits");
            };
            assert_eq!(outcome.as_reply().unwrap().records().count(), 1);
        }
    };
    ask();
    ask();
    let before = catena_dns::decodes();
    let used = allocation_counter::measure(ask);
    assert_eq!(catena_dns::decodes(), before);
    assert_eq!(used.count_total, 0);
    assert_eq!(block.script().unwrap().take_seen().len(), 2);
}

#[test]
fn a_hit_has_the_case_asked_and_the_time_left() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache", WWW),
        "
        www.example.org. A
        wait 10s
        WWW.Example.org. A
        www.example.org. A no-rd ad
        wait 49s
        www.example.org. A
        wait 1s
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd ra
              answer www.example.org. 60 IN A 192.0.2.1
            > wait 10s
            > WWW.Example.org. A
            NOERROR aa rd ra
              answer www.example.org. 50 IN A 192.0.2.1
            > www.example.org. A no-rd ad
            NOERROR aa ra ad
              answer www.example.org. 50 IN A 192.0.2.1
            > wait 49s
            > www.example.org. A
            NOERROR aa rd ra
              answer www.example.org. 1 IN A 192.0.2.1
            > wait 1s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd ra
              answer www.example.org. 60 IN A 192.0.2.1
        "#]],
    );
}

#[test]
fn do_and_cd_have_answers_of_their_own() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache", WWW),
        "
        www.example.org. A
        www.example.org. A do
        www.example.org. A cd
        www.example.org. A
        www.example.org. A do
        www.example.org. A cd
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd ra
              answer www.example.org. 60 IN A 192.0.2.1
            > www.example.org. A do
              script saw www.example.org. A ad edns=1232 do
            NOERROR rd ra ad
              answer www.example.org. 60 IN A 192.0.2.1
              opt edns=1232 do
            > www.example.org. A cd
              script saw www.example.org. A cd ad
            NOERROR rd ra cd
              answer www.example.org. 60 IN A 192.0.2.1
            > www.example.org. A
            NOERROR aa rd ra
              answer www.example.org. 60 IN A 192.0.2.1
            > www.example.org. A do
            NOERROR aa rd ra ad
              answer www.example.org. 60 IN A 192.0.2.1
              opt edns=1232 do
            > www.example.org. A cd
            NOERROR aa rd ra cd
              answer www.example.org. 60 IN A 192.0.2.1
        "#]],
    );
}

#[test]
fn denials_are_kept_for_the_ttl_of_their_soa() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache", &format!("nx.example.org. * rcode NXDOMAIN {SOA}")),
        "
        nx.example.org. A
        wait 19s
        nx.example.org. A
        wait 1s
        nx.example.org. A
        ",
        expect![[r#"
            > nx.example.org. A
              script saw nx.example.org. A ad
            NXDOMAIN rd
              authority example.org. 20 IN SOA ns. host. 1 2 3 4 5
            > wait 19s
            > nx.example.org. A
            NXDOMAIN aa rd
              authority example.org. 1 IN SOA ns. host. 1 2 3 4 5
            > wait 1s
            > nx.example.org. A
              script saw nx.example.org. A ad
            NXDOMAIN rd
              authority example.org. 20 IN SOA ns. host. 1 2 3 4 5
        "#]],
    );
}

#[test]
fn failures_are_kept_shortly_and_refusals_never() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache",
            "
            fail.example.org. * rcode SERVFAIL
            refused.example.org. * rcode REFUSED
            unwritten.example.org. * fail SERVFAIL
            ",
        ),
        "
        fail.example.org. A
        wait 4s
        fail.example.org. A
        wait 1s
        fail.example.org. A
        refused.example.org. A
        refused.example.org. A
        unwritten.example.org. A
        unwritten.example.org. A
        ",
        expect![[r#"
            > fail.example.org. A
              script saw fail.example.org. A ad
            SERVFAIL rd
            > wait 4s
            > fail.example.org. A
            SERVFAIL aa rd
            > wait 1s
            > fail.example.org. A
              script saw fail.example.org. A ad
            SERVFAIL rd
            > refused.example.org. A
              script saw refused.example.org. A ad
            REFUSED rd
            > refused.example.org. A
              script saw refused.example.org. A ad
            REFUSED rd
            > unwritten.example.org. A
              script saw unwritten.example.org. A ad
            SERVFAIL not written
            > unwritten.example.org. A
              script saw unwritten.example.org. A ad
            SERVFAIL not written
        "#]],
    );
}

#[test]
fn one_ttl_is_given_to_all_records_within_its_bounds() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache {\n success 1000 100 50\n}",
            r#"
            long. A answer "long. 300 IN A 192.0.2.1" additional "ns. 200 IN A 192.0.2.2"
            short. A answer "short. 300 IN A 192.0.2.1" additional "ns. 2 IN A 192.0.2.2"
            "#,
        ),
        "
        long. A
        short. A
        ",
        expect![[r#"
            > long. A
              script saw long. A ad
            NOERROR rd
              answer long. 100 IN A 192.0.2.1
              additional ns. 100 IN A 192.0.2.2
            > short. A
              script saw short. A ad
            NOERROR rd
              answer short. 50 IN A 192.0.2.1
              additional ns. 50 IN A 192.0.2.2
        "#]],
    );
}

/// A last stage that answers every question as if it were one for `www.example.org. A`.
struct Forger;

impl Plugin for Forger {
    fn serve(&self, query: &Query<'_>, _: Next<'_>) -> Flow {
        let victim = Question::parse("www.example.org. A");
        let forged = query.with_packet(&victim.packet, |query| Reply::to(query));
        forged.map_or_else(Outcome::silent, Outcome::reply).into()
    }
}

static FORGER: Registration = Registration {
    name: "forger",
    setup: |cx| {
        cx.add_stage(Forger);
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

#[tokio::test]
async fn a_reply_to_another_question_is_not_kept() {
    let plugins = [&PLUGIN, &FORGER];
    let block = Block::build(&plugins, ". {\n cache org\n forger\n}").unwrap();
    let drops = || {
        let label = |sample: &Sample| sample.labels.contains(&"org.".to_owned());
        let samples = metrics::ALL[5].samples().into_iter().filter(label);
        samples.map(|sample| sample.value).collect::<Vec<_>>()
    };
    block.ask("evil.example.org. A").await;
    block.ask("www.example.org. MX").await;
    assert_eq!(drops(), [Value::Number(2.0)]);
    block.ask("www.example.org. A").await;
    assert_eq!(drops(), [Value::Number(2.0)]);
}

#[test]
fn what_a_reply_says_of_other_names_is_not_kept_for_them() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache",
            r#"
            www.example.org. A answer "{qname} 300 IN CNAME x.example.net."
            answer "x.example.net. 300 IN A 192.0.2.66"
            authority "example.net. 300 IN NS ns.example.org."
            additional "ns.example.org. 300 IN A 192.0.2.66"
            * * answer "{qname} 300 IN A 192.0.2.1"
            "#,
        ),
        "
        www.example.org. A
        x.example.net. A
        ns.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 300 IN CNAME x.example.net.
              answer x.example.net. 300 IN A 192.0.2.66
              authority example.net. 300 IN NS ns.example.org.
              additional ns.example.org. 300 IN A 192.0.2.66
            > x.example.net. A
              script saw x.example.net. A ad
            NOERROR rd
              answer x.example.net. 300 IN A 192.0.2.1
            > ns.example.org. A
              script saw ns.example.org. A ad
            NOERROR rd
              answer ns.example.org. 300 IN A 192.0.2.1
        "#]],
    );
}

#[tokio::test]
async fn a_flood_of_names_that_do_not_exist_drives_out_no_name_that_does() {
    let rules = format!(
        r#"
        *.hot.example.org. * answer "{{qname}} 300 IN A 192.0.2.1"
        * * rcode NXDOMAIN {SOA}
        "#
    );
    let block = Block::build(&[&PLUGIN], &corefile("cache", &rules)).unwrap();
    let hot: Vec<String> = (0..50)
        .map(|n| format!("n{n}.hot.example.org. A"))
        .collect();
    for name in &hot {
        block.ask(name).await;
    }
    for number in 0..30_000 {
        let question = Question::parse(&format!("n{number}.example.org. A"));
        let _denied = block.outcome(&question).await;
    }
    block.script().unwrap().take_seen();
    for name in &hot {
        block.ask(name).await;
    }
    assert!(block.script().unwrap().take_seen().is_empty());
}

#[test]
fn truncated_replies_and_empty_aliases_are_not_kept() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache",
            r#"
            cut.example.org. A tc answer "{qname} 300 IN A 192.0.2.1"
            alias.example.org. A answer "{qname} 300 IN CNAME x.example.org."
            "#,
        ),
        "
        cut.example.org. A
        cut.example.org. A
        alias.example.org. A
        alias.example.org. A
        ",
        expect![[r#"
            > cut.example.org. A
              script saw cut.example.org. A ad
            NOERROR tc rd
              answer cut.example.org. 300 IN A 192.0.2.1
            > cut.example.org. A
              script saw cut.example.org. A ad
            NOERROR tc rd
              answer cut.example.org. 300 IN A 192.0.2.1
            > alias.example.org. A
              script saw alias.example.org. A ad
            NOERROR rd
              answer alias.example.org. 300 IN CNAME x.example.org.
            > alias.example.org. A
              script saw alias.example.org. A ad
            NOERROR rd
              answer alias.example.org. 300 IN CNAME x.example.org.
        "#]],
    );
}

#[test]
fn names_outside_its_zones_and_disabled_ones_pass_by() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache example.org {\n disable success off.example.org\n disable denial\n}",
            &format!(
                r#"
                *.nx.example.org. * rcode NXDOMAIN {SOA}
                * A answer "{{qname}} 300 IN A 192.0.2.1"
                "#
            ),
        ),
        "
        www.example.net. A
        www.example.net. A
        www.off.example.org. A
        www.off.example.org. A
        a.nx.example.org. A
        a.nx.example.org. A
        www.example.org. A
        www.example.org. A
        ",
        expect![[r#"
            > www.example.net. A
              script saw www.example.net. A
            NOERROR rd
              answer www.example.net. 300 IN A 192.0.2.1
            > www.example.net. A
              script saw www.example.net. A
            NOERROR rd
              answer www.example.net. 300 IN A 192.0.2.1
            > www.off.example.org. A
              script saw www.off.example.org. A ad
            NOERROR rd
              answer www.off.example.org. 300 IN A 192.0.2.1
            > www.off.example.org. A
              script saw www.off.example.org. A ad
            NOERROR rd
              answer www.off.example.org. 300 IN A 192.0.2.1
            > a.nx.example.org. A
              script saw a.nx.example.org. A ad
            NXDOMAIN rd
              authority example.org. 20 IN SOA ns. host. 1 2 3 4 5
            > a.nx.example.org. A
              script saw a.nx.example.org. A ad
            NXDOMAIN rd
              authority example.org. 20 IN SOA ns. host. 1 2 3 4 5
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 300 IN A 192.0.2.1
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 300 IN A 192.0.2.1
        "#]],
    );
}

#[test]
fn keepttl_keeps_the_ttl() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache {\n keepttl\n}", WWW),
        "
        www.example.org. A
        wait 59s
        www.example.org. A
        wait 1s
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd ra
              answer www.example.org. 60 IN A 192.0.2.1
            > wait 59s
            > www.example.org. A
            NOERROR aa rd ra
              answer www.example.org. 60 IN A 192.0.2.1
            > wait 1s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd ra
              answer www.example.org. 60 IN A 192.0.2.1
        "#]],
    );
}

/// A last stage that answers as if from a wildcard, and an outer one that reads what it said.
struct Wildcard(Arc<Mutex<Vec<Option<String>>>>);

impl Plugin for Wildcard {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        if next.is_end() {
            query.set_metadata("zone/wildcard", || "*.example.org.".to_owned());
            return Outcome::reply(Reply::to(query)).into();
        }
        query.enable_metadata(&Arc::from([]));
        next.serve(query)
            .then(&self.0, query, |seen, query, outcome| {
                seen.lock().push(query.metadata("zone/wildcard"));
                outcome
            })
    }
}

#[tokio::test]
async fn a_hit_tells_the_wildcard_it_was_made_from() {
    static READER: Registration = Registration {
        name: "reader",
        setup: |cx| {
            cx.add_stage(Wildcard(Arc::clone(&SEEN)));
            Ok(())
        },
        ..FORGER
    };
    static WILDCARD: Registration = Registration {
        name: "wildcard",
        setup: READER.setup,
        ..FORGER
    };
    static SEEN: LazyLock<Arc<Mutex<Vec<Option<String>>>>> = LazyLock::new(Arc::default);
    let corefile = ". {\n reader\n cache\n wildcard\n}";
    let block = Block::build(&[&READER, &PLUGIN, &WILDCARD], corefile).unwrap();
    for _ in 0..2 {
        block.ask("www.example.org. A").await;
    }
    let wildcard = || Some("*.example.org.".to_owned());
    assert_eq!(*SEEN.lock(), [wildcard(), wildcard()]);
}
