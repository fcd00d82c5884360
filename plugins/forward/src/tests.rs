//! The plugin against scripted upstreams on loopback.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod faults;
mod merging;
mod setup;

use std::net::SocketAddr;

use catena_dns::{Rcode, flag};
use catena_plugin::Outcome;
use catena_testing::{Block, Question, Upstream, plugin_contract};
use tokio::net::UdpSocket;

use crate::PLUGIN;

#[test]
fn the_plugin_keeps_what_all_plugins_promise() {
    plugin_contract(&PLUGIN);
}

async fn block(lines: &str) -> Block {
    let block = Block::build(&[&PLUGIN], &format!(". {{\n{lines}\n}}\n")).unwrap();
    block.start().await.unwrap();
    block
}

async fn ask(block: &Block, question: &str) -> Outcome {
    block.outcome(&Question::parse(question)).await
}

async fn rcode(block: &Block, question: &str) -> Rcode {
    ask(block, question).await.rcode().unwrap()
}

fn error(outcome: &Outcome) -> String {
    outcome.error.as_ref().unwrap().to_string()
}

/// An address where nobody listens.
async fn dead() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

const WWW: &str = r#"www.example.org. A ra answer "{qname} 60 IN A 192.0.2.1""#;
const ANY: &str = r#"* * ra answer "{qname} 60 IN A 192.0.2.1""#;

#[tokio::test]
async fn answer_comes_back_in_the_letter_case_of_the_client() {
    let upstream = Upstream::start(WWW).await;
    let block = block(&format!("forward . {}", upstream.address())).await;
    let question = Question::parse("wWw.eXample.org. A");
    let outcome = block.outcome(&question).await;
    let reply = outcome.as_reply().unwrap();
    assert_eq!(reply.packet()[..2], question.packet[..2]);
    assert_eq!(reply.packet()[12..33], question.packet[12..33]);
    assert_eq!(upstream.take_seen().len(), 1);
}

#[tokio::test]
async fn names_outside_from_and_names_excepted_are_passed_on() {
    let upstream = Upstream::start(ANY).await;
    let lines = format!(
        "forward example.org {} {{\n except a.example.org\n}}\n",
        upstream.address()
    );
    let block = block(&(lines + "script {\n * * rcode NXDOMAIN\n}")).await;
    assert_eq!(rcode(&block, "example.org. A").await, Rcode::NOERROR);
    assert_eq!(rcode(&block, "xa.example.org. A").await, Rcode::NOERROR);
    assert_eq!(rcode(&block, "x.a.example.org. A").await, Rcode::NXDOMAIN);
    assert_eq!(rcode(&block, "example.com. A").await, Rcode::NXDOMAIN);
}

#[tokio::test]
async fn a_zone_that_is_excepted_from_itself_is_still_forwarded_at_its_apex() {
    let upstream = Upstream::start(ANY).await;
    let lines = format!(
        "forward example.org {} {{\n except example.org\n}}\n",
        upstream.address()
    );
    let block = block(&(lines + "script {\n * * rcode NXDOMAIN\n}")).await;
    assert_eq!(rcode(&block, "example.org. A").await, Rcode::NOERROR);
    assert_eq!(rcode(&block, "x.example.org. A").await, Rcode::NXDOMAIN);
}

#[tokio::test]
async fn a_code_of_failover_sends_the_query_to_the_next_upstream() {
    let one = Upstream::start("* * rcode SERVFAIL").await;
    let two = Upstream::start("bad. * rcode SERVFAIL\n* * rcode NXDOMAIN").await;
    let (first, second) = (one.address(), two.address());
    let options = "{\n policy sequential\n failover SERVFAIL\n}";
    let block = block(&format!("forward . {first} {second} {options}")).await;
    assert_eq!(rcode(&block, "www. A").await, Rcode::NXDOMAIN);
    assert_eq!(rcode(&block, "bad. A").await, Rcode::SERVFAIL);
    assert_eq!((one.take_seen().len(), two.take_seen().len()), (2, 2));
}

#[tokio::test]
async fn a_code_of_next_sends_the_query_to_the_next_directive() {
    let one = Upstream::start("nx. * rcode NXDOMAIN\nnodata. * rcode NOERROR").await;
    let two = Upstream::start(ANY).await;
    let options = "{\n next nxdomain\n next_on_nodata\n}";
    let lines = format!(
        "forward . {} {options}\nforward . {}",
        one.address(),
        two.address()
    );
    let block = block(&lines).await;
    assert_eq!(rcode(&block, "nx. A").await, Rcode::NOERROR);
    let nodata = ask(&block, "nodata. A").await;
    assert_eq!(
        nodata
            .as_reply()
            .unwrap()
            .count(catena_dns::Section::Answer),
        1
    );
    assert_eq!(two.take_seen().len(), 2);
}

#[tokio::test]
async fn next_means_nothing_without_a_further_directive() {
    let upstream = Upstream::start("* * rcode NXDOMAIN").await;
    let lines = format!("forward . {} {{\n next NXDOMAIN\n}}\n", upstream.address());
    let block = block(&(lines + "script {\n * * rcode NOERROR\n}")).await;
    assert_eq!(rcode(&block, "www. A").await, Rcode::NXDOMAIN);
}

#[tokio::test]
async fn a_truncated_reply_is_fetched_over_tcp_if_udp_is_preferred() {
    let upstream = Upstream::start(&WWW.replace("ra", "ra udp-tc")).await;
    let plain = block(&format!("forward . {}", upstream.address())).await;
    let outcome = ask(&plain, "www.example.org. A").await;
    assert!(outcome.as_reply().unwrap().header().has(flag::TC));
    let block = block(&format!(
        "forward . {} {{\n prefer_udp\n}}",
        upstream.address()
    ))
    .await;
    let outcome = ask(&block, "www.example.org. A tcp").await;
    assert!(!outcome.as_reply().unwrap().header().has(flag::TC));
    assert_eq!(upstream.take_seen().len(), 3);
}

#[tokio::test]
async fn queries_above_max_concurrent_are_refused_at_once() {
    let upstream = Upstream::start("* * after 300ms rcode NOERROR").await;
    let lines = format!("forward . {} {{\n max_concurrent 1\n}}", upstream.address());
    let block = block(&lines).await;
    let (first, second) = tokio::join!(ask(&block, "a. A"), ask(&block, "b. A"));
    assert_eq!(first.rcode(), Some(Rcode::NOERROR));
    assert_eq!(second.rcode(), Some(Rcode::REFUSED));
    assert_eq!(error(&second), "concurrent queries exceeded maximum 1");
    assert_eq!(rcode(&block, "c. A").await, Rcode::NOERROR);
}
