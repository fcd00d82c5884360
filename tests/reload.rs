//! A new Corefile takes over without a lost query; a bad one never does.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::client::{Connection, ask, query};
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
        "# the first line of what is being written\n",
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

#[test]
fn a_hundred_reloads_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let more = "cache\n    loadbalance\n    errors\n    forward . 127.0.0.1:1";
    let (mut server, port) = started(folder.path(), &corefile(1, more));
    let mut reload = |count: u8| {
        for version in 0..count {
            replace(folder.path(), &corefile(version, more));
            server.signal("USR1");
            server.says("Reloading complete").unwrap();
            assert_eq!(ask(port, "version.test").unwrap(), address(version));
        }
        (server.holds(), server.mebibytes())
    };
    let ((files, threads), memory) = reload(10);
    let ((files_now, threads_now), memory_now) = reload(90);
    // The one or other file or thread may be open for a moment.
    assert!(files_now <= files + 8, "{files_now} files after {files}");
    assert!(
        threads_now <= threads + 4,
        "{threads_now} threads after {threads}"
    );
    assert!(
        memory_now <= memory + 8,
        "{memory_now} MiB after {memory} MiB"
    );
}

#[test]
fn a_corefile_is_taken_up_however_it_is_put_in_place_and_not_before_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Corefile");
    let with_reload = |version| corefile(version, "reload 2s 0");
    let (mut server, port) = started(folder.path(), &with_reload(1));
    // Emptied for longer than the plugin needs to notice, then written in place.
    fs::write(&path, "").unwrap();
    server.says("has no server block").unwrap();
    assert_eq!(ask(port, "version.test").unwrap(), address(1), "empty");
    fs::write(&path, with_reload(2)).unwrap();
    server.says("Reloading complete").unwrap();
    assert_eq!(ask(port, "version.test").unwrap(), address(2), "in place");

    fs::remove_file(&path).unwrap();
    server.says("Corefile parse failed").unwrap();
    assert_eq!(ask(port, "version.test").unwrap(), address(2), "deleted");
    fs::write(&path, with_reload(3)).unwrap();
    server.says("Reloading complete").unwrap();
    assert_eq!(ask(port, "version.test").unwrap(), address(3), "made anew");
}

/// Writes the folder that a mounted volume would swap in, and swaps it in.
fn swap_volume(folder: &Path, version: u8) {
    let name = format!("..{version}");
    fs::create_dir(folder.join(&name)).unwrap();
    let text = corefile(version, "reload 2s 0");
    fs::write(folder.join(&name).join("Corefile"), text).unwrap();
    std::os::unix::fs::symlink(&name, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[test]
fn the_swap_of_a_mounted_volume_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    swap_volume(folder.path(), 1);
    let link = folder.path().join("Corefile");
    std::os::unix::fs::symlink("..data/Corefile", link).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    swap_volume(folder.path(), 2);
    server.says("Reloading complete").unwrap();
    assert_eq!(ask(port, "version.test").unwrap(), address(2));
}

#[test]
fn sigterm_in_the_middle_of_reloads_ends_the_process_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let more = format!(
        "reload 2s 0\n    forward . {}",
        silent.local_addr().unwrap()
    );
    let version = |version| corefile(version, &format!("{more}\n    cache"));
    let (mut server, port) = started(folder.path(), &version(1));
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let waiting = query("waits.example.org", 1);
    client
        .send_to(&waiting, (Ipv4Addr::LOCALHOST, port))
        .unwrap();
    replace(folder.path(), &version(2));
    server.signal("USR1");
    replace(folder.path(), &version(3));
    server.signal("USR1");
    let told = SystemTime::now();
    server.signal("TERM");
    let (status, output) = server.ended();
    assert_eq!(status.code(), Some(0), "{output}");
    let took = told.elapsed().unwrap();
    assert!(took < Duration::from_secs(15), "{took:?}\n{output}");
}
