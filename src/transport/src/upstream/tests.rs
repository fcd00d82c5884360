//! Exchanges with real sockets: what is answered, what is forged, what never comes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::*;

const QUESTION: &[u8] = b"\x04wWw4\x07example\x03org\x00\x00\x01\x00\x01";

fn query() -> Vec<u8> {
    let mut query = vec![0xAB, 0xCD, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend_from_slice(QUESTION);
    query
}

fn reply_to(query: &[u8], mark: u8) -> Vec<u8> {
    let mut reply = query.to_vec();
    reply[2] |= 0x80;
    reply.push(mark);
    reply
}

fn whole(packet: &[u8]) -> Option<Vec<u8>> {
    Some(packet.to_vec())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn server() -> (UdpSocket, Endpoint) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::from(socket.local_addr().unwrap());
    (socket, endpoint)
}

async fn receive(server: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 512];
    let (length, peer) = server.recv_from(&mut buffer).await.unwrap();
    buffer.truncate(length);
    (buffer, peer)
}

#[tokio::test]
async fn answer_comes_back_under_the_id_on_the_wire() {
    let (server, endpoint) = server().await;
    let sent = query();
    let asked = exchange_udp(endpoint, &sent, soon(), whole);
    let served = async {
        let (query, peer) = receive(&server).await;
        server.send_to(&reply_to(&query, 7), peer).await.unwrap();
        (query, peer)
    };
    let (answer, (query, peer)) = tokio::join!(asked, served);
    let answer = answer.unwrap();
    assert_eq!(answer.reply, reply_to(&query, 7));
    assert_eq!(answer.local, peer);
    assert_eq!(query[2..], sent[2..]);
    assert!(!answer.reused);
}

#[tokio::test]
async fn forged_answers_are_ignored_while_the_true_one_is_awaited() {
    let (server, endpoint) = server().await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sent = query();
    let asked = exchange_udp(endpoint, &sent, soon(), |packet| {
        packet.last().filter(|mark| **mark != 99).copied()
    });
    let served = async {
        let (query, peer) = receive(&server).await;
        let mut wrong_id = reply_to(&query, 1);
        wrong_id[0] ^= 1;
        let mut wrong_name = reply_to(&query, 2);
        wrong_name[14] ^= 3;
        let mut wrong_type = reply_to(&query, 3);
        wrong_type[12 + QUESTION.len() - 3] = 16;
        let mut no_reply = reply_to(&query, 4);
        no_reply[2] &= 0x7F;
        let mut no_question = reply_to(&query, 5);
        no_question[5] = 0;
        let mut wrong_opcode = reply_to(&query, 6);
        wrong_opcode[2] |= 0x20;
        let cut_off = &reply_to(&query, 7)[..20];
        let forged: [&[u8]; 8] = [
            &wrong_id,
            &wrong_name,
            &wrong_type,
            &no_reply,
            &no_question,
            &wrong_opcode,
            cut_off,
            b"",
        ];
        for packet in forged {
            server.send_to(packet, peer).await.unwrap();
        }
        stranger.send_to(&reply_to(&query, 8), peer).await.unwrap();
        // Right in all but what the reader checks.
        server.send_to(&reply_to(&query, 99), peer).await.unwrap();
        server.send_to(&reply_to(&query, 42), peer).await.unwrap();
    };
    let (answer, ()) = tokio::join!(asked, served);
    assert_eq!(answer.unwrap().reply, 42);
}

#[tokio::test]
async fn question_in_other_letter_case_is_accepted() {
    let (server, endpoint) = server().await;
    let sent = query();
    let asked = exchange_udp(endpoint, &sent, soon(), whole);
    let served = async {
        let (query, peer) = receive(&server).await;
        let mut reply = reply_to(&query, 1);
        reply[13..17].make_ascii_lowercase();
        server.send_to(&reply, peer).await.unwrap();
    };
    let (answer, ()) = tokio::join!(asked, served);
    assert!(answer.is_ok());
}

#[tokio::test]
async fn three_hundred_queries_leave_from_at_least_250_ports_under_random_ids() {
    let (server, endpoint) = server().await;
    let (mut ports, mut ids) = (HashSet::new(), HashSet::new());
    for _ in 0..300 {
        let sent = query();
        let asked = exchange_udp(endpoint, &sent, soon(), whole);
        let served = async {
            let (query, peer) = receive(&server).await;
            server.send_to(&reply_to(&query, 0), peer).await.unwrap();
            (u16::from_be_bytes([query[0], query[1]]), peer.port())
        };
        let (answer, (id, port)) = tokio::join!(asked, served);
        answer.unwrap();
        ids.insert(id);
        ports.insert(port);
    }
    assert!(ports.len() >= 250, "{} ports", ports.len());
    assert!(ids.len() >= 290, "{} ids", ids.len());
}

#[tokio::test]
async fn closed_port_is_an_error_at_once() {
    let (socket, endpoint) = server().await;
    drop(socket);
    let started = Instant::now();
    let error = exchange_udp(endpoint, &query(), soon(), whole)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_a_late_answer_is_dropped() {
    let (server, endpoint) = server().await;
    let deadline = Instant::now() + Duration::from_millis(50);
    let error = exchange_udp(endpoint, &query(), deadline, whole)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let (late, peer) = receive(&server).await;
    server.send_to(&reply_to(&late, 1), peer).await.unwrap();
    let sent = query();
    let asked = exchange_udp(endpoint, &sent, soon(), whole);
    let served = async {
        let (query, peer) = receive(&server).await;
        server.send_to(&reply_to(&query, 2), peer).await.unwrap();
    };
    let (answer, ()) = tokio::join!(asked, served);
    assert_eq!(answer.unwrap().reply.last(), Some(&2));
}

#[tokio::test]
async fn a_thousand_queries_at_once_share_the_ports_there_are() {
    let (server, endpoint) = server().await;
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        asked.spawn(async move { exchange_udp(endpoint, &query(), soon(), whole).await });
    }
    let mut ports = HashSet::new();
    for _ in 0..1000 {
        let (query, peer) = receive(&server).await;
        ports.insert(peer.port());
        server.send_to(&reply_to(&query, 1), peer).await.unwrap();
    }
    while let Some(answer) = asked.join_next().await {
        answer.unwrap().unwrap();
    }
    assert!(ports.len() <= 1000);
}

#[tokio::test]
async fn query_without_one_question_is_refused() {
    let (_server, endpoint) = server().await;
    let mut none = query();
    none[5] = 0;
    for packet in [none.as_slice(), &query()[..20], b""] {
        let error = exchange_udp(endpoint, packet, soon(), whole)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
