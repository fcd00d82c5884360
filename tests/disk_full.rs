//! A log that cannot be written does not keep queries from being answered.

use std::fs::{self, OpenOptions};
use std::net::Ipv4Addr;

use crate::client::ask;
use crate::server::{Server, answers, free_port};

#[test]
fn queries_are_answered_while_the_log_has_no_room_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let corefile = "test {\n    log\n    errors\n    hosts {\n        192.0.2.1 a.test\n    }\n}\n";
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let port = free_port();
    let mut server = Server::start_with_output(folder.path(), port, full);
    assert!(answers(port));
    for _ in 0..2000 {
        let address = ask(port, "a.test").unwrap();
        assert_eq!(address, Some(Ipv4Addr::new(192, 0, 2, 1)));
    }
    server.signal("TERM");
    let (status, errors) = server.ended();
    assert_eq!(status.code(), Some(0), "{errors}");
}
