//! Tests of kubernetai that need no API server.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

fn corefile(more: &str) -> String {
    let one = |port| {
        format!(
            " kubernetai cluster.local {{\n  endpoint http://127.0.0.1:{port}\n  startup_timeout \
             1ms\n  fallthrough\n  {more}\n }}\n"
        )
    };
    let script = " script {\n  a.b.svc.cluster.local. A answer \"{qname} 5 IN A 192.0.2.1\"\n }\n";
    format!("cluster.local {{\n{}{}{script}}}", one(1), one(2))
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[tokio::test]
async fn a_cluster_that_is_not_known_denies_nothing() {
    let block = Block::build(&[&PLUGIN], &corefile("")).unwrap();
    block.start().await.unwrap();
    assert!(!block.is_ready());
    let answer = block.ask("a.b.svc.cluster.local. A").await;
    assert!(answer.starts_with("SERVFAIL aa rd"), "{answer}");
    block.stop();
}

#[tokio::test]
async fn others_may_answer_for_a_cluster_that_is_not_known_but_not_deny() {
    let block = Block::build(&[&PLUGIN], &corefile("fallthrough_on servfail")).unwrap();
    block.start().await.unwrap();
    let answer = block.ask("a.b.svc.cluster.local. A").await;
    assert!(answer.contains("192.0.2.1"), "{answer}");
    let denial = block.ask("x.b.svc.cluster.local. A").await;
    assert!(denial.contains("SERVFAIL aa rd"), "{denial}");
    block.stop();
}

#[test]
fn mistakes_are_named() {
    for (property, message) in [
        (
            "fallthrough_on refused",
            "unable to fall through on 'refused'",
        ),
        ("fallthrough_on", "Wrong argument count"),
        ("podz", "did you mean 'pods'?"),
    ] {
        let findings = Block::build(&[&PLUGIN], &corefile(property)).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
}
