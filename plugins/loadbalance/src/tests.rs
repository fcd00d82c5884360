//! Tests of loadbalance.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use catena_testing::{Block, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

const SCRIPT: &str = r#"script {
    pool. A answer "pool. 1 IN A 192.0.2.1" answer "pool. 2 IN A 192.0.2.2"
        answer "pool. 3 IN A 192.0.2.3"
    six. AAAA answer "six. 1 IN AAAA 2001:db8::1" answer "six. 1 IN AAAA 2001:db8::2"
    alias. A answer "x. 1 IN A 192.0.2.1" answer "x. 1 IN A 192.0.2.2"
        answer "alias. 1 IN CNAME x."
    mail. MX answer "mail. 1 IN MX 1 a.mail." answer "mail. 1 IN MX 2 b.mail."
        additional "a.mail. 1 IN A 192.0.2.1" additional "b.mail. 1 IN A 192.0.2.2"
    gone. A rcode NXDOMAIN answer "gone. 1 IN A 192.0.2.1" answer "gone. 1 IN A 192.0.2.2"
    mixed. ANY answer "mixed. 1 IN A 192.0.2.1" answer "other. 1 IN A 192.0.2.2"
        answer "mixed. 1 IN AAAA ::1"
}"#;

fn block(directive: &str) -> Block {
    Block::build(&[&PLUGIN], &format!(". {{\n{directive}\n{SCRIPT}\n}}")).unwrap()
}

/// All that comes back in `count` tries.
async fn seen(block: &Block, question: &str, count: usize) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..count {
        seen.insert(block.ask(question).await);
    }
    seen
}

/// The last octet of each address, in order.
fn order(transcript: &str) -> Vec<&str> {
    let lines = transcript.lines().filter(|line| line.contains(" IN A"));
    lines
        .map(|line| line.rsplit(['.', ':']).next().unwrap())
        .collect()
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[tokio::test]
async fn all_orders_turn_up_and_ttls_stay_with_their_addresses() {
    let block = block("loadbalance");
    let orders = seen(&block, "pool. A", 400).await;
    assert_eq!(orders.len(), 6);
    for transcript in &orders {
        for octet in ["1", "2", "3"] {
            assert!(transcript.contains(&format!("pool. {octet} IN A 192.0.2.{octet}")));
        }
    }
    assert_eq!(seen(&block, "six. AAAA", 100).await.len(), 2);
}

#[tokio::test]
async fn an_alias_comes_first_and_mail_exchangers_keep_their_names() {
    let block = block("loadbalance");
    for transcript in seen(&block, "alias. A", 20).await {
        let second = transcript.lines().nth(2).unwrap();
        assert_eq!(second.trim(), "answer alias. 1 IN CNAME x.");
    }
    let orders = seen(&block, "mail. MX", 100).await;
    assert_eq!(orders.len(), 2);
    for transcript in orders {
        assert!(transcript.contains("additional a.mail. 1 IN A 192.0.2.1"));
        assert!(transcript.contains("additional b.mail. 1 IN A 192.0.2.2"));
    }
}

#[tokio::test]
async fn what_is_no_set_of_addresses_stays_as_it_is() {
    let block = block("loadbalance");
    assert_eq!(seen(&block, "gone. A", 50).await.len(), 1);
    assert_eq!(seen(&block, "mixed. ANY", 50).await.len(), 1);
}

#[tokio::test]
async fn preferred_networks_come_first() {
    let block = block("loadbalance {\n prefer 192.0.2.3/32 192.0.2.2/31\n}");
    for transcript in seen(&block, "pool. A", 50).await {
        assert_eq!(order(&transcript), ["3", "2", "1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_address_is_drawn_by_weight_and_the_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights");
    fs::write(&file, "# none yet\n").unwrap();
    let block = block(&format!(
        "loadbalance weighted {} {{\n reload 10s\n}}",
        file.display()
    ));
    block.start().await.unwrap();
    let firsts = |seen: &BTreeSet<String>| {
        let firsts = seen
            .iter()
            .map(|transcript| order(transcript)[0].to_owned());
        firsts.collect::<BTreeSet<_>>()
    };
    assert_eq!(firsts(&seen(&block, "pool. A", 200).await).len(), 3);

    fs::write(&file, "POOL\n192.0.2.1 1\n192.0.2.2 255\n192.0.2.3 1\n").unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    let mut second_first = 0;
    for _ in 0..400 {
        second_first += usize::from(order(&block.ask("pool. A").await)[0] == "2");
    }
    assert!(second_first > 370, "{second_first}");
    // The others stay where they are.
    let seen = seen(&block, "pool. A", 200).await;
    assert!(
        seen.iter()
            .all(|transcript| order(transcript) != ["2", "3", "1"])
    );
}

#[tokio::test]
async fn a_weight_file_with_a_mistake_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights");
    for (text, message) in [
        ("192.0.2.1\n", "wrong domain name:\"192.0.2.1\""),
        ("192.0.2.1 3\n", "missing domain name"),
        ("a\nb 3\n", "wrong IP address:\"b\""),
        ("a\n192.0.2.1 0\n", "wrong weight value:\"0\""),
        ("a\n192.0.2.1 256\n", "wrong weight value:\"256\""),
        ("a b c\n", "could not parse weight line:\"a b c\""),
    ] {
        fs::write(&file, text).unwrap();
        let block = block(&format!("loadbalance weighted {}", file.display()));
        let error = block.start().await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    fs::remove_file(&file).unwrap();
    let once = format!("loadbalance weighted {} {{\n reload 0s\n}}", file.display());
    assert!(block(&once).start().await.is_err());
    let later = format!("loadbalance weighted {}", file.display());
    assert!(block(&later).start().await.is_ok());
}

#[test]
fn mistakes_are_named() {
    for (directive, message) in [
        ("loadbalance random", "unknown policy: random"),
        (
            "loadbalance round_robin x",
            "unknown property for round_robin",
        ),
        ("loadbalance weighted", "missing weight file argument"),
        ("loadbalance weighted a b", "unexpected argument(s)"),
        (
            "loadbalance weighted a {\n reload\n}",
            "reload duration value is missing",
        ),
        (
            "loadbalance weighted a {\n reload 5s 6s\n}",
            "unexpected argument",
        ),
        (
            "loadbalance weighted a {\n reload x\n}",
            "invalid reload duration 'x'",
        ),
        (
            "loadbalance weighted a {\n prefer ::/0\n}",
            "unknown property 'prefer'",
        ),
        (
            "loadbalance {\n prefer 10.0.0.1\n}",
            "invalid CIDR \"10.0.0.1\"",
        ),
        (
            "loadbalance {\n prefer 10.0.0.1/33\n}",
            "invalid CIDR \"10.0.0.1/33\"",
        ),
        (
            "loadbalance {\n avoid 10.0.0.0/8\n}",
            "unknown property 'avoid'",
        ),
    ] {
        let corefile = format!(". {{\n{directive}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
    check_diagnostics(
        &[&PLUGIN],
        ". {\n loadbalance rond\n}",
        expect![[r#"
        Corefile:2:14: plugin/loadbalance: unknown policy: rond
          2 |  loadbalance rond
            |              ^^^^ it knows round_robin and weighted"#]],
    );
}
