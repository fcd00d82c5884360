//! What cannot start says why in a line that names the place, and ends with a status of failure.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::server::{Server, free_port};

/// Starts what must not start; its output.
fn refused(folder: &Path, corefile: &str, port: u16) -> String {
    fs::write(folder.join("Corefile"), corefile).unwrap();
    let (status, output) = Server::start(folder, "Corefile", port).ended();
    assert!(
        status.code().is_some_and(|code| code != 0),
        "{status}:\n{output}"
    );
    assert!(!output.contains("panicked"), "{output}");
    output
}

#[track_caller]
fn assert_says(output: &str, words: &[&str]) {
    for word in words {
        assert!(output.contains(word), "lacks {word:?}:\n{output}");
    }
}

#[test]
fn port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let _taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    let output = refused(folder.path(), ". {\n    whoami\n}\n", port);
    assert_says(&output, &[&port.to_string(), "address already in use"]);
}

#[test]
fn missing_corefile_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (status, output) = Server::start(folder.path(), "no-such-file", free_port()).ended();
    assert!(
        status.code().is_some_and(|code| code != 0),
        "{status}:\n{output}"
    );
    assert_says(&output, &["no-such-file"]);
}

#[test]
fn unknown_directive_is_named_with_its_line_and_the_nearest_known() {
    let folder = tempfile::tempdir().unwrap();
    let output = refused(
        folder.path(),
        ". {\n    errors\n    cahce 30\n}\n",
        free_port(),
    );
    assert_says(
        &output,
        &[
            "Corefile:3:5",
            "Unknown directive 'cahce'",
            "cahce 30",
            "^^^^^",
            "cache",
        ],
    );
}

#[test]
fn every_mistake_of_a_file_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let corefile = ". {\n    cahce\n    bufsize x\n    forward\n    loop now\n}\n";
    let output = refused(folder.path(), corefile, free_port());
    assert_says(
        &output,
        &["Corefile:2:", "Corefile:3:", "Corefile:4:", "Corefile:5:"],
    );
}

#[test]
fn words_that_nobody_reads_are_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing asks a server block without a key; its words have to be known all the same.
    let corefile = ". {\n    cache {\n        success 5 {\n        }\n    }\n}\n{\n    cahce\n}\n";
    let output = refused(folder.path(), corefile, free_port());
    assert_says(
        &output,
        &[
            "Corefile:3:18: plugin/cache: Error during parsing: unknown property '{'",
            "'success' takes no block",
            "Corefile:8:5: Error during parsing: Unknown directive 'cahce'",
        ],
    );
}

#[test]
fn mistake_in_an_imported_file_has_its_place_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("more"), "errors\ncahce\n").unwrap();
    let output = refused(folder.path(), ". {\n    import more\n}\n", free_port());
    assert_says(&output, &["more:2:1", "cahce"]);
}

#[test]
fn mistake_in_a_zone_file_has_its_place_there() {
    let folder = tempfile::tempdir().unwrap();
    let zone = "$ORIGIN test.\n@ 60 IN SOA ns host 1 2 3 4 5\nwww 60 IN A 192.0.2.256\n";
    fs::write(folder.path().join("db.test"), zone).unwrap();
    let output = refused(folder.path(), "test {\n    file db.test\n}\n", free_port());
    assert_says(&output, &["db.test:3", "192.0.2.256"]);
}

#[test]
fn upstream_that_is_no_address_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = refused(
        folder.path(),
        ". {\n    forward . no.such.host.invalid\n}\n",
        free_port(),
    );
    assert_says(&output, &["Corefile:2:15", "no.such.host.invalid"]);
}
