//! Upstreams that are dead, silent, slow or lie.

use std::time::Duration;

use catena_dns::{Rcode, flag};
use catena_plugin::clock;
use catena_testing::Upstream;
use tokio::net::UdpSocket;

use super::{ANY, ask, block, dead, error, rcode};

/// Well above what an answer on loopback takes, well below any time-out.
const SLOW: Duration = Duration::from_millis(150);

/// How many of `count` queries, one after the other, are answered slowly; all must be answered.
async fn count_slow(block: &catena_testing::Block, count: usize) -> usize {
    let mut slow = 0;
    for number in 0..count {
        let begun = clock::now();
        assert_eq!(
            rcode(block, &format!("n{number}.example.org. A")).await,
            Rcode::NOERROR
        );
        slow += usize::from(clock::now() - begun > SLOW);
    }
    slow
}

#[tokio::test]
async fn a_dead_upstream_costs_a_try() {
    let (dead, upstream) = (dead().await, Upstream::start(ANY).await);
    let options = "{\n policy sequential\n}";
    let block = block(&format!(
        "forward . {dead} {} {options}",
        upstream.address()
    ))
    .await;
    assert_eq!(count_slow(&block, 20).await, 0);
    assert_eq!(upstream.take_seen().len(), 20);
}

#[tokio::test]
async fn the_error_of_a_dead_upstream_is_told_in_known_words() {
    let dead = dead().await;
    let block = block(&format!("forward . {dead}")).await;
    let outcome = ask(&block, "www. A").await;
    assert_eq!(outcome.rcode(), Some(Rcode::SERVFAIL));
    let text = error(&outcome);
    assert!(
        text.starts_with("read udp") && text.ends_with("connection refused"),
        "{text}"
    );
    let over_tcp = error(&ask(&block, "www. A tcp").await);
    assert_eq!(
        over_tcp,
        format!("dial tcp {dead}: connect: connection refused")
    );
}

#[tokio::test]
async fn a_silent_upstream_costs_few_slow_answers_and_then_none() {
    for policy in ["random", "round_robin", "sequential"] {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (silent_at, upstream) = (silent.local_addr().unwrap(), Upstream::start(ANY).await);
        let options = format!("{{\n policy {policy}\n}}");
        let lines = format!("forward . {silent_at} {} {options}", upstream.address());
        let slow = count_slow(&block(&lines).await, 60).await;
        assert!(slow <= 2, "{policy}: {slow} slow answers");
    }
}

#[tokio::test]
async fn silence_ends_in_servfail_while_the_client_still_waits_and_sooner_once_it_is_known() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let block = block(&format!("forward . {}", silent.local_addr().unwrap())).await;
    let begun = clock::now();
    let outcome = ask(&block, "www. A").await;
    assert_eq!(outcome.rcode(), Some(Rcode::SERVFAIL));
    assert!(
        error(&outcome).ends_with("i/o timeout"),
        "{}",
        error(&outcome)
    );
    let first = clock::now() - begun;
    assert!(first < Duration::from_millis(2800), "{first:?}");
    let begun = clock::now();
    assert_eq!(rcode(&block, "www. A").await, Rcode::SERVFAIL);
    let second = clock::now() - begun;
    assert!(second < Duration::from_millis(1300), "{second:?}");
}

#[tokio::test]
async fn an_upstream_that_answers_again_is_used_again_at_once() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let block = block(&format!("forward . {address} {{\n read_timeout 300ms\n}}")).await;
    assert_eq!(rcode(&block, "www. A").await, Rcode::SERVFAIL);
    assert_eq!(rcode(&block, "www. A").await, Rcode::SERVFAIL);
    let answering = tokio::runtime::Handle::current().spawn(async move {
        let mut buffer = [0; 512];
        loop {
            let (length, client) = silent.recv_from(&mut buffer).await.unwrap();
            buffer[2] |= 0x80;
            let _gone = silent.send_to(&buffer[..length], client).await;
        }
    });
    assert_eq!(count_slow(&block, 10).await, 0);
    answering.abort();
}

#[tokio::test]
async fn a_lost_datagram_is_made_up_for() {
    let upstream = Upstream::start(&format!("* * times 1 drop\n{ANY}")).await;
    let lines = format!(
        "forward . {} {{\n read_timeout 600ms\n max_fails 0\n}}",
        upstream.address()
    );
    let block = block(&lines).await;
    assert_eq!(rcode(&block, "www. A").await, Rcode::NOERROR);
    assert_eq!(upstream.take_seen().len(), 2);
}

#[tokio::test]
async fn a_slow_upstream_keeps_its_time_if_its_answers_are_preferred() {
    let slow = Upstream::start("slow. * after 700ms rcode NXDOMAIN\n* NS rcode REFUSED").await;
    let other = Upstream::start(ANY).await;
    let (first, second) = (slow.address(), other.address());
    let lines = format!("forward . {first} {second} {{\n policy sequential\n}}");
    let block = block(&lines).await;
    assert_eq!(rcode(&block, "slow. A").await, Rcode::NXDOMAIN);
    assert!(other.take_seen().is_empty());
}

#[tokio::test]
async fn attempts_are_counted() {
    let (one, two) = (dead().await, dead().await);
    let upstream = Upstream::start(ANY).await;
    let options = "{\n policy sequential\n max_connect_attempts 2\n}";
    let block = block(&format!(
        "forward . {one} {two} {} {options}",
        upstream.address()
    ))
    .await;
    assert_eq!(rcode(&block, "www. A").await, Rcode::SERVFAIL);
    assert!(upstream.take_seen().is_empty());
}

#[tokio::test]
async fn lies_are_ignored_while_the_truth_is_awaited() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let block = block(&format!("forward . {}", server.local_addr().unwrap())).await;
    let served = async {
        let mut buffer = [0; 512];
        let (length, client) = server.recv_from(&mut buffer).await.unwrap();
        let mut truth = buffer[..length].to_vec();
        truth[2] |= 0x80;
        truth[3] |= 3;
        let mut no_reply = truth.clone();
        no_reply[2] &= 0x7f;
        let mut other_question = truth.clone();
        other_question[13] ^= 1;
        let mut counts = truth.clone();
        counts[6..12].fill(0xff);
        let mut half_a_record = truth.clone();
        half_a_record[7] = 1;
        half_a_record.extend_from_slice(&[0xc0, 12, 0, 1]);
        for lie in [
            no_reply,
            other_question,
            counts,
            half_a_record,
            vec![0; 3],
            Vec::new(),
        ] {
            server.send_to(&lie, client).await.unwrap();
        }
        server.send_to(&truth, client).await.unwrap();
    };
    let (rcode, ()) = tokio::join!(rcode(&block, "www.example.org. A"), served);
    assert_eq!(rcode, Rcode::NXDOMAIN);
}

#[tokio::test]
async fn a_datagram_longer_than_the_client_takes_becomes_a_truncated_reply() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let block = block(&format!("forward . {}", server.local_addr().unwrap())).await;
    let served = async {
        let mut buffer = [0; 512];
        let (length, client) = server.recv_from(&mut buffer).await.unwrap();
        let mut reply = buffer[..length].to_vec();
        reply[2] |= 0x80;
        for _ in 0..40 {
            reply[7] += 1;
            reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
        }
        server.send_to(&reply, client).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(ask(&block, "www.example.org. A"), served);
    let reply = outcome.as_reply().unwrap();
    assert!(reply.header().has(flag::TC));
    assert_eq!(reply.records().count(), 0);
}

#[tokio::test]
async fn a_reply_that_is_cut_over_tcp_too_is_given_as_it_is() {
    let upstream = Upstream::start(&ANY.replace("ra", "ra tc")).await;
    let lines = format!("forward . {} {{\n prefer_udp\n}}", upstream.address());
    let outcome = ask(&block(&lines).await, "www.example.org. A tcp").await;
    assert!(outcome.as_reply().unwrap().header().has(flag::TC));
    assert_eq!(upstream.take_seen().len(), 2);
}

#[tokio::test]
async fn an_alias_that_leads_to_another_without_end_costs_one_query() {
    let endless = r#"* * answer "{qname} 60 IN CNAME x.{qname}""#;
    let upstream = Upstream::start(endless).await;
    let block = block(&format!("forward . {}", upstream.address())).await;
    assert_eq!(rcode(&block, "www.example.org. A").await, Rcode::NOERROR);
    assert_eq!(upstream.take_seen().len(), 1);
}
