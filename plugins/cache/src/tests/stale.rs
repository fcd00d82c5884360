//! Entries that are refreshed early, or used when they are old.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use catena_testing::{Block, Question, check_chain, expect};

use super::{SOA, WWW, corefile};
use crate::PLUGIN;

/// Answers once, then fails.
const WWW_ONCE: &str = r#"
    www.example.org. A times 1 answer "www.example.org. 10 IN A 192.0.2.1"
    www.example.org. A rcode SERVFAIL
"#;
/// Answers once, then differently.
const WWW_CHANGES: &str = r#"
    www.example.org. A times 1 answer "www.example.org. 10 IN A 192.0.2.1"
    www.example.org. A answer "www.example.org. 10 IN A 192.0.2.2"
"#;

#[test]
fn a_popular_name_is_fetched_before_it_expires() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache {\n prefetch 2 1m 50%\n}", WWW_CHANGES),
        "
        www.example.org. A
        www.example.org. A
        www.example.org. A
        wait 5s
        www.example.org. A
        wait 1s
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.1
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 10 IN A 192.0.2.1
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 10 IN A 192.0.2.1
            > wait 5s
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 5 IN A 192.0.2.1
            > wait 1s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 9 IN A 192.0.2.2
        "#]],
    );
}

#[test]
fn a_stale_answer_is_given_while_it_is_refreshed() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache {\n serve_stale 1h immediate 30s\n}", WWW_CHANGES),
        "
        www.example.org. A
        wait 11s
        www.example.org. A
        wait 1s
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.1
            > wait 11s
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > wait 1s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 9 IN A 192.0.2.2
        "#]],
    );
}

#[test]
fn a_failure_never_takes_the_place_of_a_stale_answer() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache {\n serve_stale 1m\n}", WWW_ONCE),
        "
        www.example.org. A
        wait 11s
        www.example.org. A
        wait 1s
        www.example.org. A
        wait 57s
        www.example.org. A
        wait 1s
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.1
            > wait 11s
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 0 IN A 192.0.2.1
            > wait 1s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 0 IN A 192.0.2.1
            > wait 57s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 0 IN A 192.0.2.1
            > wait 1s
            > www.example.org. A
              script saw www.example.org. A ad
              script saw www.example.org. A ad
            SERVFAIL rd
        "#]],
    );
}

#[test]
fn a_failure_is_not_given_when_it_is_stale() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache {\n serve_stale\n}",
            r#"
            www.example.org. A times 1 rcode SERVFAIL
            www.example.org. A answer "www.example.org. 10 IN A 192.0.2.2"
            "#,
        ),
        "
        www.example.org. A
        wait 6s
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            SERVFAIL rd
            > wait 6s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.2
        "#]],
    );
}

#[test]
fn after_a_failure_the_source_is_left_alone() {
    check_chain(
        &[&PLUGIN],
        &corefile("cache {\n serve_stale 1h immediate 30s 10s\n}", WWW_ONCE),
        "
        www.example.org. A
        wait 11s
        www.example.org. A
        wait 9s
        www.example.org. A
        wait 2s
        www.example.org. A
        wait 1s
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.1
            > wait 11s
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > wait 9s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > wait 2s
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > wait 1s
        "#]],
    );
}

#[test]
fn verify_asks_first() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache {\n serve_stale 1h verify 0 30s\n}",
            r#"
            www.example.org. A times 1 answer "www.example.org. 10 IN A 192.0.2.1"
            www.example.org. A times 1 rcode SERVFAIL
            www.example.org. A times 1 fail SERVFAIL
            www.example.org. A times 1 tc
            www.example.org. A answer "www.example.org. 10 IN A 192.0.2.2"
            "#,
        ),
        "
        www.example.org. A
        wait 11s
        www.example.org. A
        www.example.org. A
        www.example.org. A
        www.example.org. A
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.1
            > wait 11s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.2
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 10 IN A 192.0.2.2
        "#]],
    );
}

#[test]
fn verify_waits_no_longer_than_its_timeout() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache {\n serve_stale 1h verify 200ms 30s\n}",
            r#"
            www.example.org. A times 1 answer "www.example.org. 10 IN A 192.0.2.1"
            www.example.org. A after 1s times 1 answer "www.example.org. 10 IN A 192.0.2.2"
            www.example.org. A after 100ms answer "www.example.org. 10 IN A 192.0.2.3"
            "#,
        ),
        "
        www.example.org. A
        wait 11s
        www.example.org. A
        wait 2s
        www.example.org. A
        wait 11s
        WWW.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.1
            > wait 11s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > wait 2s
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 9 IN A 192.0.2.2
            > wait 11s
            > WWW.example.org. A
              script saw WWW.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 10 IN A 192.0.2.3
        "#]],
    );
}

#[test]
fn data_overrules_an_old_denial() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache {\n serve_stale 1h verify\n}",
            &format!("www.example.org. A times 1 rcode NXDOMAIN {SOA}\n{WWW}"),
        ),
        "
        www.example.org. A
        wait 21s
        www.example.org. A
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NXDOMAIN rd
              authority example.org. 20 IN SOA ns. host. 1 2 3 4 5
            > wait 21s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd ra
              answer www.example.org. 60 IN A 192.0.2.1
            > www.example.org. A
            NOERROR aa rd ra
              answer www.example.org. 60 IN A 192.0.2.1
        "#]],
    );
}

#[test]
fn prefer_positive_keeps_an_old_answer() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "cache {\n serve_stale 1h verify 0 30s\n serve_stale_policy prefer_positive\n}",
            &format!(
                r#"
                www.example.org. A times 1 answer "www.example.org. 10 IN A 192.0.2.1"
                www.example.org. A times 1 rcode NXDOMAIN {SOA}
                www.example.org. A times 1 additional "x. 10 IN A 192.0.2.9"
                www.example.org. A answer "www.example.org. 10 IN A 192.0.2.2"
                "#
            ),
        ),
        "
        www.example.org. A
        wait 11s
        www.example.org. A
        www.example.org. A
        www.example.org. A
        www.example.org. A
        ",
        expect![[r#"
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.1
            > wait 11s
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR aa rd
              answer www.example.org. 30 IN A 192.0.2.1
            > www.example.org. A
              script saw www.example.org. A ad
            NOERROR rd
              answer www.example.org. 10 IN A 192.0.2.2
            > www.example.org. A
            NOERROR aa rd
              answer www.example.org. 10 IN A 192.0.2.2
        "#]],
    );
}

#[tokio::test(start_paused = true)]
async fn equal_queries_for_a_stale_name_make_one_refresh() {
    let text = corefile("cache {\n serve_stale\n}", WWW);
    let block = Block::build(&[&PLUGIN], &text).unwrap();
    block.start().await.unwrap();
    let question = Question::parse("www.example.org. A");
    let seen = || block.script().unwrap().take_seen().len();
    let _first = block.outcome(&question).await;
    assert_eq!(seen(), 1);
    tokio::time::sleep(Duration::from_secs(61)).await;
    for _ in 0..50 {
        let outcome = block.outcome(&question).await;
        let reply = outcome.as_reply().unwrap();
        assert!(reply.records().all(|record| record.ttl == 0));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(seen(), 1);
}

#[tokio::test(start_paused = true)]
async fn refreshes_that_run_at_once_are_bounded() {
    let slow = r#"* A after 5s answer "{qname} 10 IN A 192.0.2.1""#;
    let text = corefile("cache {\n success 10000\n serve_stale\n}", slow);
    let block = Block::build(&[&PLUGIN], &text).unwrap();
    block.start().await.unwrap();
    let questions: Vec<_> = (0..1100)
        .map(|number| Question::parse(&format!("n{number}. A")))
        .collect();
    let mut asked = Vec::new();
    for question in &questions {
        asked.push(block.outcome(question));
    }
    futures_util::future::join_all(asked).await;
    block.script().unwrap().take_seen();
    tokio::time::sleep(Duration::from_secs(11)).await;
    for question in &questions {
        let _stale = block.outcome(question).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(block.script().unwrap().take_seen().len(), 1024);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_ends_early_lets_the_next_one_begin() {
    let rules = r#"
        www.example.org. A times 1 answer "{qname} 10 IN A 192.0.2.1"
        www.example.org. A after 5s answer "{qname} 10 IN A 192.0.2.1"
    "#;
    let text = corefile("cache {\n serve_stale\n}", rules);
    let block = Block::build(&[&PLUGIN], &text).unwrap();
    let question = Question::parse("www.example.org. A");
    let seen = || block.script().unwrap().take_seen().len();
    // Without a start no background work can run, so the attempt ends at once.
    let _first = block.outcome(&question).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let _stale = block.outcome(&question).await;
    assert_eq!(seen(), 1);
    block.start().await.unwrap();
    let _stale = block.outcome(&question).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(seen(), 1);
}
