//! Tests of kubernetes that need no API server; those that do are in `tests/` and the corpus.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

const ENDPOINT: &str = "endpoint http://127.0.0.1:1\nstartup_timeout 1ms\n";

fn mistake(properties: &str) -> String {
    let corefile = format!("cluster.local {{\n kubernetes {{\n{ENDPOINT}{properties}\n}}\n}}");
    Block::build(&[&PLUGIN], &corefile)
        .err()
        .unwrap()
        .to_string()
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn mistakes_are_named() {
    for (properties, message) in [
        ("pods", "Wrong argument count"),
        ("pods on", "wrong value for pods: on,  must be one of"),
        ("ttl", "Wrong argument count"),
        ("ttl 3601", "ttl must be in range [0, 3600]: 3601"),
        ("ttl -1", "ttl must be in range [0, 3600]: -1"),
        ("ttl x", "strconv.Atoi: parsing \"x\": invalid syntax"),
        ("labels =a", "unable to parse label selector value: '=a'"),
        ("ignore all", "unable to parse ignore value: 'all'"),
        (
            "multicluster x.test",
            "not authoritative for the multicluster zone x.test.",
        ),
        ("zonal\nnoendpoints", "zonal requires the endpoint cache"),
        ("namespaces a\nnamespace_labels b", "cannot both be set"),
        ("startup_timeout 5", "failed to parse startup_timeout: 5"),
        ("apiserver_qps -1", "apiserver_qps must be >= 0"),
        ("apiserver_burst x", "invalid apiserver_burst"),
        ("kubeconfig /nonexistent/config", "stat /nonexistent/config"),
        ("podz verified", "did you mean 'pods'?"),
    ] {
        let text = mistake(properties);
        assert!(text.contains(message), "{text}");
    }
}

#[tokio::test]
async fn before_the_first_sync_nothing_is_denied() {
    let corefile = format!("cluster.local {{\n kubernetes {{\n{ENDPOINT}}}\n}}");
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    block.start().await.unwrap();
    assert!(!block.is_ready());
    let denial = block.ask("web.shop.svc.cluster.local. A").await;
    assert!(denial.starts_with("SERVFAIL aa rd"), "{denial}");
    let soa = block.ask("cluster.local. SOA").await;
    assert!(soa.starts_with("NOERROR aa rd"), "{soa}");
    let version = block.ask("dns-version.cluster.local. TXT").await;
    assert!(version.contains("1.1.0"), "{version}");
    block.stop();
}
