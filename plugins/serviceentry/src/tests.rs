//! Tests of serviceentry that need no API server; the others are in `tests/`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod istiod;
mod replay;

use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

const ENDPOINT: &str = "endpoint http://127.0.0.1:1\nstartup_timeout 1ms\n";

fn corefile(properties: &str) -> String {
    format!("global {{\n serviceentry {{\n{ENDPOINT}{properties}\n}}\n script\n}}")
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn mistakes_are_named() {
    for (properties, message) in [
        ("ttl 3601", "ttl must be in range [0, 3600]: 3601"),
        ("order upside_down", "order cannot be 'upside_down'"),
        ("clients nodes", "clients cannot be 'nodes'"),
        ("workload", "the workload's namespace"),
        ("workload app app", "label 'app' is not KEY=VALUE"),
        ("workload app\naddresses x", "addresses"),
        ("addresses 192.0.2.1", "there is none"),
        ("workload app\nclients pods", "not both"),
        ("export_to all", "nobody is meant by 'all'"),
        ("automatic always", "no automatic addresses 'always'"),
        ("strict_compat 2001:db8::1", "an IPv4 address"),
        ("labels =a", "unable to parse label selector value: '=a'"),
        ("serch example.org", "did you mean 'search'?"),
    ] {
        let built = Block::build(&[&PLUGIN], &corefile(properties));
        let text = built.err().unwrap().to_string();
        assert!(text.contains(message), "{text}");
    }
}

#[tokio::test]
async fn before_all_is_known_nothing_is_denied() {
    let block = Block::build(&[&PLUGIN], &corefile("")).unwrap();
    block.start().await.unwrap();
    assert!(!block.is_ready());
    let denial = block.ask("a.global. A").await;
    assert!(denial.contains("SERVFAIL"), "{denial}");
    let foreign = block.ask("example.org. A").await;
    assert!(foreign.contains("script saw"), "{foreign}");
    block.stop();
}

#[tokio::test]
async fn names_are_passed_on_before_all_is_known_if_so_wished() {
    let block = Block::build(&[&PLUGIN], &corefile("unsynced pass")).unwrap();
    block.start().await.unwrap();
    let text = block.ask("a.global. A").await;
    assert!(text.contains("script saw"), "{text}");
    block.stop();
}
