//! A small DNS client for tests against the built binary.

use std::io;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Message, Name, RecordType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const PATIENCE: Duration = Duration::from_secs(10);

/// A query for the address of `name`.
pub fn query(name: &str, id: u16) -> Vec<u8> {
    let name: Name = name.parse().unwrap();
    let mut query = Message::query(name.view(), RecordType::A);
    query.id = id;
    query.to_packet()
}

/// The first address of an answer; `None` for any other answer.
pub fn address(packet: &[u8]) -> Option<Ipv4Addr> {
    let reply = Message::decode(packet).unwrap();
    let rdata: [u8; 4] = reply.answers.first()?.rdata.as_ref().try_into().ok()?;
    Some(rdata.into())
}

/// Asks one question over UDP, once.
pub fn ask(port: u16, name: &str) -> Result<Option<Ipv4Addr>, io::Error> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(&query(name, 7), (Ipv4Addr::LOCALHOST, port))?;
    let mut reply = [0; 1500];
    let length = socket.recv(&mut reply)?;
    Ok(address(&reply[..length]))
}

/// Puts `packet` over UDP, and returns what comes back.
pub fn exchange(port: u16, packet: &[u8]) -> Result<Vec<u8>, io::Error> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(packet, (Ipv4Addr::LOCALHOST, port))?;
    let mut reply = vec![0; 65_535];
    let length = socket.recv(&mut reply)?;
    reply.truncate(length);
    Ok(reply)
}

/// Puts `packet` over TCP, and returns what comes back.
pub fn exchange_tcp(port: u16, packet: &[u8]) -> Result<Vec<u8>, io::Error> {
    let mut connection = Connection::open(port);
    connection.send_packet(packet)?;
    connection.receive_packet()
}

/// A connection, TCP or TLS over it, on which one question after the other is asked.
pub struct Connection<S = TcpStream>(S);

impl Connection {
    pub fn open(port: u16) -> Connection {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Connection(stream)
    }
}

impl Connection<StreamOwned<ClientConnection, TcpStream>> {
    /// Shakes hands with `localhost`, which must show a certificate of `ca`.
    pub fn open_tls(port: u16, ca: &Path) -> io::Result<Self> {
        let certificates = CertificateDer::pem_file_iter(ca).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.map(Result::unwrap));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let Connection(tcp) = Connection::open(port);
        let mut stream = StreamOwned::new(session, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection(stream))
    }
}

impl<S: io::Read + io::Write> Connection<S> {
    /// One that is open already, on either side.
    pub fn over(stream: S) -> Connection<S> {
        Connection(stream)
    }

    pub fn send(&mut self, name: &str, id: u16) -> Result<(), io::Error> {
        self.send_packet(&query(name, id))
    }

    pub fn send_packet(&mut self, packet: &[u8]) -> Result<(), io::Error> {
        let mut framed = u16::try_from(packet.len()).unwrap().to_be_bytes().to_vec();
        framed.extend_from_slice(packet);
        self.0.write_all(&framed)
    }

    /// The next answer: its id and its first address.
    pub fn receive(&mut self) -> Result<(u16, Option<Ipv4Addr>), io::Error> {
        let packet = self.receive_packet()?;
        let id = u16::from_be_bytes([packet[0], packet[1]]);
        Ok((id, address(&packet)))
    }

    pub fn receive_packet(&mut self) -> Result<Vec<u8>, io::Error> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length)?;
        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut packet)?;
        Ok(packet)
    }
}
