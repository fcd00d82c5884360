//! Tests of bind.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

fn bound(directives: &str) -> Vec<String> {
    let corefile = format!(". {{\n{directives}\n}}");
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    block.config().bind.clone()
}

fn refused(directives: &str) -> String {
    let corefile = format!(". {{\n{directives}\n}}");
    let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
    findings.headline(findings.items().first().unwrap())
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn addresses_of_all_lines_count() {
    assert_eq!(
        bound("bind 127.0.0.1 ::1\nbind 192.0.2.1"),
        ["127.0.0.1", "::1", "192.0.2.1"]
    );
    // The server itself refuses what it cannot listen on twice.
    assert_eq!(bound("bind 127.0.0.1 127.0.0.1").len(), 2);
}

#[test]
fn an_interface_stands_for_its_addresses() {
    assert!(bound("bind lo").contains(&"127.0.0.1".to_owned()));
}

#[test]
fn exceptions_count_for_their_own_line() {
    assert_eq!(
        bound("bind 127.0.0.1 ::1 {\n except 0::1\n}\nbind ::1"),
        ["127.0.0.1", "::1"]
    );
    assert_eq!(
        bound("bind lo {\n except lo\n}\nbind 192.0.2.1"),
        ["192.0.2.1"]
    );
}

#[test]
fn mistakes_are_named() {
    for (directives, message) in [
        (
            "bind lo {\n except lo\n}",
            "no address is left to listen on",
        ),
        ("bind", "at least one address or interface name is expected"),
        (
            "bind localhost",
            "not a valid IP address or interface name: \"localhost\"",
        ),
        (
            "bind 127.0.0.1:53",
            "not a valid IP address or interface name: \"127.0.0.1:53\"",
        ),
        (
            "bind ::1 {\n except\n}",
            "at least one address or interface must be given to except",
        ),
        ("bind ::1 {\n but ::1\n}", "invalid option \"but\""),
    ] {
        let found = refused(directives);
        assert!(found.contains(message), "{found}");
    }
}
