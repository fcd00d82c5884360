//! The plugin against scripted upstreams on loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, Question, Upstream, plugin_contract};

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

const WWW: &str = r#"www.example.org. A ra answer "{qname} 60 IN A 192.0.2.1""#;

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
