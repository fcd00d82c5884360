//! The endpoint, the lameduck time and the check of oneself.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use catena_plugin::clock;
use catena_plugin::metrics::{Family, Value};
use catena_testing::{Block, check_diagnostics, expect, plugin_contract};

use crate::{PLUGIN, metrics};

#[test]
fn it_keeps_the_promises_of_a_plugin() {
    plugin_contract(&PLUGIN);
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test(start_paused = true)]
async fn the_end_is_put_off_by_the_lameduck_time() {
    let port = free_port();
    let corefile = format!(". {{\nhealth 127.0.0.1:{port} {{\nlameduck 7s\n}}\n}}");
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    block.start().await.unwrap();
    let begin = clock::now();
    block.shut_down().await;
    let passed = clock::now().duration_since(begin).as_secs();
    assert_eq!(passed, 7);
}

#[tokio::test]
async fn the_process_asks_itself_and_counts() {
    let port = free_port();
    let corefile = format!(". {{\nhealth 127.0.0.1:{port}\n}}");
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    block.start().await.unwrap();
    let deadline = clock::now() + Duration::from_secs(10);
    let asked = || {
        let samples = metrics::DURATION.samples();
        let values = samples.first().map(|sample| sample.value.clone());
        matches!(values, Some(Value::Spread(_, buckets)) if buckets.last().unwrap().1 > 0)
    };
    while !asked() {
        assert!(clock::now() < deadline, "it never asks itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    let corefile = ". {
    health 8080 {
        lameduck 5
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:2:12: plugin/health: address 8080: missing port in address
          2 |     health 8080 {
            |            ^^^^"#]],
    );
    let corefile = ". {
    health :8080 {
        lameduck 5
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:18: plugin/health: unable to parse lameduck duration value: '5'
          3 |         lameduck 5
            |                  ^ a number with a unit is expected, such as 5s"#]],
    );
}
