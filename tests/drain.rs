//! A server that is told to stop answers what it owes, and ends well.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::client::{Connection, query};
use crate::server::{Server, free_port};

/// An upstream that hands over each query and answers when told to.
struct Upstream(UdpSocket);

impl Upstream {
    fn start() -> Upstream {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .unwrap();
        Upstream(socket)
    }

    fn next(&self) -> (Vec<u8>, SocketAddr) {
        let mut packet = [0; 1500];
        let (length, from) = self.0.recv_from(&mut packet).unwrap();
        (packet[..length].to_vec(), from)
    }

    /// Answers NOERROR without records.
    fn answer(&self, (mut packet, to): (Vec<u8>, SocketAddr)) {
        packet[2] |= 0x80;
        self.0.send_to(&packet, to).unwrap();
    }
}

#[test]
fn waiting_queries_are_answered_after_sigterm_and_sigint() {
    for signal in ["TERM", "INT"] {
        let upstream = Upstream::start();
        let folder = tempfile::tempdir().unwrap();
        let to = upstream.0.local_addr().unwrap();
        fs::write(
            folder.path().join("Corefile"),
            format!(". {{\n    forward . {to}\n}}\n"),
        )
        .unwrap();
        let port = free_port();
        let mut server = Server::start(folder.path(), "Corefile", port);
        server.started().unwrap();

        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .unwrap();
        client
            .send_to(&query("slow.test", 5), (Ipv4Addr::LOCALHOST, port))
            .unwrap();
        let over_udp = upstream.next();
        let mut connection = Connection::open(port);
        connection.send("slower.test", 6).unwrap();
        let over_tcp = upstream.next();

        server.signal(signal);
        upstream.answer(over_udp);
        let mut reply = [0; 1500];
        let length = client.recv(&mut reply).unwrap();
        assert!(length >= 12 && reply[1] == 5, "SIG{signal}");
        upstream.answer(over_tcp);
        assert_eq!(connection.receive().unwrap(), (6, None), "SIG{signal}");

        let (status, output) = server.ended();
        assert_eq!(status.code(), Some(0), "SIG{signal}:\n{output}");
    }
}
