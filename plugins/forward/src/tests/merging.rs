//! Equal queries at the same time, and how well hidden each query is.

use std::collections::HashSet;

use catena_testing::{Question, Upstream};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::{WWW, block};

/// Asks all `questions` at the same time; each must get its own id back.
async fn ask_at_once(lines: &str, questions: Vec<String>) {
    let block = std::sync::Arc::new(block(lines).await);
    let mut asking = JoinSet::new();
    for (id, text) in (0u16..).zip(questions) {
        let block = std::sync::Arc::clone(&block);
        asking.spawn(async move {
            let mut question = Question::parse(&text);
            question.packet[..2].copy_from_slice(&id.to_be_bytes());
            let outcome = block.outcome(&question).await;
            let reply = outcome.as_reply().unwrap();
            assert_eq!(reply.packet()[..2], id.to_be_bytes());
            assert_eq!(reply.packet()[12..33], question.packet[12..33]);
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

fn slow() -> String {
    WWW.replace("ra", "ra after 100ms")
}

#[tokio::test]
async fn equal_queries_at_the_same_time_are_asked_once() {
    let upstream = Upstream::start(&slow()).await;
    let cases = [
        "www.example.org. A",
        "WWW.example.org. A",
        "wWw.ExamplE.org. A",
    ];
    let questions = cases
        .iter()
        .cycle()
        .take(50)
        .map(|text| (*text).to_owned())
        .collect();
    ask_at_once(&format!("forward . {}", upstream.address()), questions).await;
    assert_eq!(upstream.take_seen().len(), 1);
}

#[tokio::test]
async fn queries_of_other_type_or_bits_are_asked_apart() {
    let upstream = Upstream::start(&slow()).await;
    let questions = [
        "A",
        "A cd",
        "A ad",
        "A edns=1232",
        "A do",
        "A tcp",
        "A option=65001:01",
    ];
    let questions: Vec<_> = questions
        .iter()
        .map(|rest| format!("www.example.org. {rest}"))
        .collect();
    let count = questions.len();
    ask_at_once(&format!("forward . {}", upstream.address()), questions).await;
    assert_eq!(upstream.take_seen().len(), count);
}

#[tokio::test]
async fn client_subnets_and_cookies_do_not_multiply_queries_to_an_upstream_that_ignores_them() {
    let upstream = Upstream::start(&slow()).await;
    let question =
        |n| format!("www.example.org. A option=8:00011800c0{n:02x}02 option=10:{n:016x}");
    let questions = (0..50).map(question).collect();
    ask_at_once(&format!("forward . {}", upstream.address()), questions).await;
    assert_eq!(upstream.take_seen().len(), 1);
}

#[tokio::test]
async fn an_answer_for_one_subnet_is_not_given_to_others() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let asked = tokio::runtime::Handle::current().spawn(async move {
        let mut buffer = [0; 512];
        let mut count = 0;
        loop {
            let got = server.recv_from(&mut buffer);
            let Ok(got) = tokio::time::timeout(std::time::Duration::from_millis(400), got).await
            else {
                return count;
            };
            count += 1;
            let (length, client) = got.unwrap();
            let mut reply = buffer[..length].to_vec();
            reply[2] |= 0x80;
            // The scope of the subnet option, the last one in the OPT record.
            reply[length - 4] = 24;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            server.send_to(&reply, client).await.unwrap();
        }
    });
    let question = |n| format!("www.example.org. A option=8:00011800c0{n:02x}02");
    ask_at_once(
        &format!("forward . {address}"),
        (0..3).map(question).collect(),
    )
    .await;
    assert_eq!(asked.await.unwrap(), 3);
}

#[tokio::test]
async fn queries_leave_from_many_ports_with_many_ids() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let block = block(&format!("forward . {}", server.local_addr().unwrap())).await;
    let (mut ports, mut ids) = (HashSet::new(), HashSet::new());
    for _ in 0..300 {
        let served = async {
            let mut buffer = [0; 512];
            let (length, client) = server.recv_from(&mut buffer).await.unwrap();
            ports.insert(client.port());
            ids.insert([buffer[0], buffer[1]]);
            buffer[2] |= 0x80;
            server.send_to(&buffer[..length], client).await.unwrap();
        };
        let question = Question::parse("www.example.org. A");
        let (outcome, ()) = tokio::join!(block.outcome(&question), served);
        assert!(outcome.as_reply().is_some());
    }
    assert!(ports.len() >= 250, "{} ports", ports.len());
    assert!(ids.len() >= 290, "{} ids", ids.len());
}
