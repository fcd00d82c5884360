//! The same over TLS, and clients that do not get as far as that.

use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// A server's settings, and those of a client that trusts it.
fn pair() -> (Arc<ServerConfig>, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(vec!["dns.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), TlsConnector::from(Arc::new(client)))
}

fn serve_tls(limits: StreamLimits, slots: usize) -> (Served, TlsConnector) {
    let (server, client) = pair();
    let served = serve_on(ConnectionSlots::new(slots), limits, Some(server));
    (served, client)
}

async fn connect(served: &Served, client: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from("dns.test").unwrap();
    timeout(PATIENCE, client.connect(name, stream))
        .await
        .unwrap()
        .unwrap()
}

async fn ask(client: &mut TlsStream<TcpStream>, packet: &[u8]) {
    client.write_all(&framed(packet)).await.unwrap();
    client.flush().await.unwrap();
}

#[tokio::test]
async fn queries_over_tls_are_pipelined_and_late_replies_overtake() {
    let (served, client) = serve_tls(StreamLimits::default(), 100);
    let mut stream = connect(&served, &client).await;
    let queries = [framed(b"late"), framed(b"b"), framed(b"now")].concat();
    stream.write_all(&queries).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(answer(&mut stream).await, vec![b'b'; 60_000]);
    assert_eq!(answer(&mut stream).await, b"won");
    served.gate.add_permits(1);
    assert_eq!(answer(&mut stream).await, b"etal");
}

#[tokio::test]
async fn all_large_replies_reach_a_client_that_reads_late() {
    let (served, client) = serve_tls(StreamLimits::default(), 100);
    let mut stream = connect(&served, &client).await;
    let queries: Vec<u8> = (0..100).flat_map(|_| framed(b"b")).collect();
    stream.write_all(&queries).await.unwrap();
    stream.flush().await.unwrap();
    // What is encrypted and not yet sent must not be forgotten while nothing comes.
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..100 {
        assert_eq!(answer(&mut stream).await.len(), 60_000);
    }
}

#[tokio::test]
async fn client_that_leaves_without_a_word_gets_what_is_owed() {
    let (served, client) = serve_tls(StreamLimits::default(), 100);
    let mut stream = connect(&served, &client).await;
    ask(&mut stream, b"late").await;
    ask(&mut stream, b"q").await;
    assert_eq!(answer(&mut stream).await, b"q");
    // The end of TCP, without that of TLS before it.
    stream.get_mut().0.shutdown().await.unwrap();
    served.gate.add_permits(1);
    assert_eq!(answer(&mut stream).await, b"etal");
    assert!(ended(&mut stream).await);
}

#[tokio::test]
async fn client_that_never_reads_over_tls_is_cut() {
    let limits = StreamLimits {
        write: Duration::from_millis(200),
        ..StreamLimits::default()
    };
    let (served, client) = serve_tls(limits, 100);
    let mut deaf = connect(&served, &client).await;
    let taken = served.slots.free();
    let queries: Vec<u8> = (0..1000).flat_map(|_| framed(b"b")).collect();
    deaf.write_all(&queries).await.unwrap();
    deaf.flush().await.unwrap();
    let free = async {
        while served.slots.free() == taken {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, free).await.unwrap();
}

/// Whether the server says no more than an alert, if that, before it ends the connection.
async fn is_turned_away(client: &mut TcpStream) -> bool {
    let mut said = Vec::new();
    // A reset is an end, too.
    let _reset = timeout(PATIENCE, client.read_to_end(&mut said))
        .await
        .unwrap();
    let alert = 21;
    said.is_empty() || (said[0] == alert && said.len() < 16)
}

#[tokio::test]
async fn what_is_no_tls_is_turned_away_at_once() {
    let (served, client) = serve_tls(StreamLimits::default(), 100);
    for words in [
        &framed(b"a query in plain text")[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xFF; 4000],
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let started = Instant::now();
        stream.write_all(words).await.unwrap();
        assert!(is_turned_away(&mut stream).await);
        assert!(started.elapsed() < StreamLimits::default().read);
    }
    let mut stream = connect(&served, &client).await;
    ask(&mut stream, b"q").await;
    assert_eq!(answer(&mut stream).await, b"q");
}

#[tokio::test]
async fn handshake_cut_off_after_any_octet_harms_nobody() {
    let (served, client) = serve_tls(StreamLimits::default(), 100);
    let name = ServerName::try_from("dns.test").unwrap();
    let config = Arc::clone(client.config());
    let mut session = rustls::ClientConnection::new(config, name).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    for end in 0..hello.len() {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(&hello[..end]).await.unwrap();
        stream.shutdown().await.unwrap();
        assert!(is_turned_away(&mut stream).await, "after {end} octets");
    }
    let mut stream = connect(&served, &client).await;
    ask(&mut stream, b"q").await;
    assert_eq!(answer(&mut stream).await, b"q");
}

#[tokio::test]
async fn handshakes_that_stand_still_or_crawl_are_cut_after_the_read_time_out() {
    let (served, _) = serve_tls(short(), 100);
    let started = Instant::now();
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    // The head of a record of 512 octets, and then one octet at a time.
    slow.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
        .await
        .unwrap();
    let crawl = async {
        while slow.write_all(&[1]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, crawl).await.unwrap();
    assert!(is_turned_away(&mut silent).await);
    assert!(started.elapsed() >= short().read);
}

#[tokio::test]
async fn handshakes_that_never_end_leave_half_of_the_places_to_others() {
    let (server, _) = pair();
    let limits = StreamLimits {
        read: PATIENCE,
        ..StreamLimits::default()
    };
    let slots = ConnectionSlots::new(8);
    let tls = serve_on(slots.clone(), limits, Some(server));
    let plain = serve_on(slots, limits, None);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(tls.address).await.unwrap());
    }
    let taken = async {
        while tls.slots.handshakes.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, taken).await.unwrap();
    let mut client = TcpStream::connect(plain.address).await.unwrap();
    client.write_all(&framed(b"q")).await.unwrap();
    assert_eq!(answer(&mut client).await, b"q");
}

#[tokio::test]
async fn stop_answers_over_tls_and_does_not_wait_for_handshakes() {
    let (served, client) = serve_tls(StreamLimits::default(), 100);
    let _silent = TcpStream::connect(served.address).await.unwrap();
    let mut stream = connect(&served, &client).await;
    ask(&mut stream, b"late").await;
    ask(&mut stream, b"q").await;
    assert_eq!(answer(&mut stream).await, b"q");
    let started = Instant::now();
    served.stop.cancel();
    served.gate.add_permits(1);
    assert_eq!(answer(&mut stream).await, b"etal");
    assert!(ended(&mut stream).await);
    timeout(PATIENCE, served.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(started.elapsed() < StreamLimits::default().read);
}

#[tokio::test]
async fn many_hellos_at_once_do_not_keep_a_query_waiting() {
    let (server, client) = pair();
    let slots = ConnectionSlots::new(200);
    let tls = serve_on(slots.clone(), StreamLimits::default(), Some(server));
    let plain = serve_on(slots, StreamLimits::default(), None);
    let name = ServerName::try_from("dns.test").unwrap();
    let config = Arc::clone(client.config());
    let mut session = rustls::ClientConnection::new(config, name).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    // All is there before the server runs for the first time, the hellos before the query.
    let connect = |address, words: &[u8]| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, words).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let hellos: Vec<_> = (0..60).map(|_| connect(tls.address, &hello)).collect();
    let asking = connect(plain.address, &framed(b"q"));
    let mut asking = TcpStream::from_std(asking).unwrap();
    assert_eq!(answer(&mut asking).await, b"q");
    let answered = hellos.iter().filter(|stream| stream.peek(&mut [0]).is_ok());
    let answered = answered.count();
    assert!(answered < 15, "the query came after {answered} handshakes");
}
