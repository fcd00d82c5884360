//! A new Corefile takes over without a lost query; a bad one never does.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::{Connection, ask};
use crate::server::{Server, free_port};

/// A Corefile whose `version.test` has the address 192.0.2.`version`.
fn corefile(version: u8, more: &str) -> String {
    format!(
        "test {{\n    hosts {{\n        192.0.2.{version} version.test\n    }}\n    {more}\n}}\n"
    )
}

fn address(version: u8) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::new(192, 0, 2, version))
}

/// Puts a file in place at once, as editors and mounted volumes do.
fn replace(folder: &Path, text: &str) {
    fs::write(folder.join("Corefile.new"), text).unwrap();
    fs::rename(folder.join("Corefile.new"), folder.join("Corefile")).unwrap();
}

fn started(folder: &Path, text: &str) -> (Server, u16) {
    replace(folder, text);
    let port = free_port();
    let mut server = Server::start(folder, "Corefile", port);
    server.started().unwrap();
    (server, port)
}

#[test]
fn reloads_by_signal_lose_no_query_over_udp_and_tcp() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, port) = started(folder.path(), &corefile(1, ""));
    let stop = Arc::new(AtomicBool::new(false));
    let udp = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Ordering::Relaxed) {
                assert!(ask(port, "version.test").unwrap().is_some());
            }
        }
    });
    let mut connection = Connection::open(port);
    for version in 2..12 {
        replace(folder.path(), &corefile(version, ""));
        server.signal("USR1");
        // The connection is older than every reload, and asks in the middle of it.
        connection.send("version.test", version.into()).unwrap();
        assert_eq!(connection.receive().unwrap().0, u16::from(version));
        server.says("Reloading complete").unwrap();
        assert_eq!(ask(port, "version.test").unwrap(), address(version));
    }
    stop.store(true, Ordering::Relaxed);
    udp.join().unwrap();
    connection.send("version.test", 99).unwrap();
    assert_eq!(connection.receive().unwrap(), (99, address(11)));
}

#[test]
fn bad_corefile_leaves_the_old_one_serving() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, port) = started(folder.path(), &corefile(1, ""));
    for bad in [
        "test {\n    no-such-directive\n}\n",
        "test {\n    hosts {\n",
        "",
    ] {
        replace(folder.path(), bad);
        server.signal("USR1");
        server.says("[ERROR]").unwrap();
        assert_eq!(ask(port, "version.test").unwrap(), address(1), "{bad:?}");
    }
    fs::remove_file(folder.path().join("Corefile")).unwrap();
    server.signal("USR1");
    server.says("[ERROR]").unwrap();
    assert_eq!(ask(port, "version.test").unwrap(), address(1), "no file");

    replace(folder.path(), &corefile(2, ""));
    server.signal("USR1");
    server.says("Reloading complete").unwrap();
    assert_eq!(ask(port, "version.test").unwrap(), address(2));
}

#[test]
fn reload_plugin_and_signal_work_together() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, port) = started(folder.path(), &corefile(1, "reload 2s 0"));
    for version in [2, 4] {
        replace(folder.path(), &corefile(version, "reload 2s 0"));
        server.signal("USR1");
        server.says("Reloading complete").unwrap();
        assert_eq!(ask(port, "version.test").unwrap(), address(version));
        replace(folder.path(), &corefile(version + 1, "reload 2s 0"));
        server.says("Reloading complete").unwrap();
        assert_eq!(ask(port, "version.test").unwrap(), address(version + 1));
    }
}
