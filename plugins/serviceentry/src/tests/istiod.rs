//! Control planes as sources: several of them, lost ones, and mistakes in the Corefile.

use std::time::Duration;

use catena_testing::recording::Recording;
use catena_testing::{Block, Call, Istiod};
use tokio::time::{sleep, timeout};

use crate::PLUGIN;

const PAUSE: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(20);

/// The first table of a recording, as the first viewer got it.
fn table(recording: &str) -> Vec<u8> {
    let all = Recording::all();
    let found = all.iter().find(|found| found.name == recording).unwrap();
    let viewers = found.responses("xds-delta");
    let (_, responses) = viewers.first().unwrap();
    responses.first().unwrap().octets.clone()
}

fn block(planes: &[&Istiod]) -> Block {
    let planes = planes.iter().map(|plane| plane.address().to_string());
    let planes = planes.collect::<Vec<_>>().join(" ");
    let corefile = format!(
        "example.com {{
            serviceentry {{
                istiod {planes}
                workload app
                startup_timeout 1ms
            }}
        }}"
    );
    Block::build(&[&PLUGIN], &corefile).unwrap()
}

async fn tell(call: &mut Call, table: &[u8]) {
    call.answer(table);
    // Who we are, or what became of the table before; then of this one.
    call.query().await.unwrap();
}

/// Asks until the answer has `wanted` in it.
async fn until(block: &Block, question: &str, wanted: &str) {
    let found = timeout(LONG, async {
        while !block.ask(question).await.contains(wanted) {
            sleep(PAUSE).await;
        }
    });
    assert!(found.await.is_ok(), "{}", block.ask(question).await);
}

#[tokio::test]
async fn first_control_plane_that_has_a_host_counts() {
    let (mut one, mut two) = (Istiod::start().await, Istiod::start().await);
    let block = block(&[&one, &two]);
    block.start().await.unwrap();
    let (mut first, mut second) = (one.call().await, two.call().await);
    tell(&mut second, &table("se-same-host")).await;
    until(&block, "same.example.com. A", "198.51.100.82").await;
    assert!(!block.is_ready());
    let unknown = block.ask("nobody.example.com. A").await;
    assert!(unknown.starts_with("SERVFAIL"), "{unknown}");
    tell(&mut first, &table("empty-mesh")).await;
    until(&block, "nobody.example.com. A", "NXDOMAIN aa").await;
    assert!(block.is_ready());
    tell(&mut first, &table("se-addresses")).await;
    until(&block, "one.example.com. A", "NOERROR aa").await;
    until(&block, "same.example.com. A", "198.51.100.82").await;
    block.stop();
}

#[tokio::test]
async fn hosts_of_a_lost_control_plane_stay() {
    let mut istiod = Istiod::start().await;
    let block = block(&[&istiod]);
    block.start().await.unwrap();
    let mut call = istiod.call().await;
    tell(&mut call, &table("se-same-host")).await;
    until(&block, "same.example.com. A", "198.51.100.82").await;
    istiod.cut();
    let mut call = istiod.call().await;
    tell(&mut call, &table("empty-mesh")).await;
    call.query().await.unwrap();
    until(&block, "same.example.com. A", "198.51.100.82").await;
    drop(istiod);
    until(&block, "same.example.com. A", "198.51.100.82").await;
    assert!(block.is_ready());
    let service = block.ask("shop.app.svc.cluster.local. A").await;
    assert!(!service.contains("10.96.3.1"), "{service}");
    block.stop();
}

#[test]
fn mistakes_about_control_planes_are_named() {
    for (properties, message) in [
        ("istiod", "the address of a control plane"),
        ("istiod unix:///x", "control plane 'unix:///x'"),
        ("istiod a:1\nprotocol grpc", "protocol cannot be 'grpc'"),
        ("istiod a:1\nempty_table never", "empty_table"),
        (
            "istiod a:1\ntoken /t",
            "a token would be read by all on the way to a:1",
        ),
        (
            "istiod a:1\ntls a b c d",
            "no more than a certificate, a key and a CA",
        ),
        ("istiod a:1\nendpoint b:1", "not both"),
        ("istiod a:1\nclients pods", "not all pods"),
    ] {
        let corefile = format!("mesh.test {{\n serviceentry {{\n{properties}\n}}\n}}");
        let text = Block::build(&[&PLUGIN], &corefile)
            .err()
            .unwrap()
            .to_string();
        assert!(text.contains(message), "{text}");
    }
}
