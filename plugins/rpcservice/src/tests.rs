//! Tests of rpcservice that need no API server; the others are in `tests/`.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

const ENDPOINT: &str = "endpoint http://127.0.0.1:1\nstartup_timeout 1ms\n";

fn corefile(properties: &str) -> String {
    format!("rpc.cluster.local {{\n rpcservice {{\n{ENDPOINT}{properties}\n}}\n script\n}}")
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn mistakes_are_named() {
    for (properties, message) in [
        ("ttl 3601", "ttl must be in range [0, 3600]: 3601"),
        ("poll 1ms", "more often than every 100ms"),
        ("poll often", "poll"),
        ("agent_port 70000", "agent_port"),
        ("labels =a", "unable to parse label selector value: '=a'"),
        ("kubeconfig /nonexistent/config", "stat /nonexistent/config"),
        ("pol 1s", "did you mean 'poll'?"),
    ] {
        let built = Block::build(&[&PLUGIN], &corefile(properties));
        let text = built.err().unwrap().to_string();
        assert!(text.contains(message), "{text}");
    }
}

#[tokio::test]
async fn before_all_is_known_nothing_is_denied() {
    let block = Block::build(&[&PLUGIN], &corefile("poll 1s")).unwrap();
    block.start().await.unwrap();
    assert!(!block.is_ready());
    for question in ["com.a.rpc.cluster.local. A", "rpc.cluster.local. A"] {
        let denial = block.ask(question).await;
        assert!(denial.starts_with("SERVFAIL aa rd"), "{denial}");
    }
    let soa = block.ask("rpc.cluster.local. SOA").await;
    assert!(soa.starts_with("NOERROR aa rd"), "{soa}");
    assert!(
        soa.contains("ns.dns.rpc.cluster.local. hostmaster.rpc.cluster.local."),
        "{soa}"
    );
    let ns = block.ask("rpc.cluster.local. NS").await;
    // Where this machine has no address but its own loopback, there is no name server to tell.
    assert!(
        ns.contains("NS ns.dns.rpc.cluster.local.") || ns.starts_with("SERVFAIL"),
        "{ns}"
    );
    let transfer = block.ask("rpc.cluster.local. AXFR tcp").await;
    assert!(transfer.contains("REFUSED"), "{transfer}");
    block.stop();
}

#[tokio::test]
async fn names_of_other_zones_are_passed_on() {
    let block = Block::build(&[&PLUGIN], &corefile("fallthrough")).unwrap();
    let text = block.ask("com.a.rpc.cluster.local. A").await;
    assert!(text.contains("script saw"), "{text}");
    let text = block.ask("example.org. A").await;
    assert!(text.contains("script saw"), "{text}");
}
