//! Loops that are true, and queries that only look like one.

#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, Question, plugin_contract};

use super::*;

#[test]
fn the_plugin_keeps_what_all_plugins_promise() {
    plugin_contract(&PLUGIN);
}

#[test]
fn a_listener_on_all_addresses_is_reached_over_loopback() {
    for (listener, reached) in [
        (":1053", "127.0.0.1:1053"),
        ("[::]:53", "127.0.0.1:53"),
        ("192.0.2.1:53", "192.0.2.1:53"),
        ("[::1]:53", "[::1]:53"),
    ] {
        assert_eq!(
            target(listener).unwrap().1,
            reached.parse().unwrap(),
            "{listener}"
        );
    }
}

fn watch() -> Arc<Watch> {
    Arc::new(Watch::default())
}

fn client() -> SocketAddr {
    "192.0.2.9:1234".parse().unwrap()
}

#[test]
fn a_name_that_comes_again_while_the_first_is_inside_came_back() {
    let watch = watch();
    let name = watch.new_probe().unwrap();
    let first = watch.enter(name.view(), client()).unwrap();
    assert!(watch.probe.lock().as_ref().unwrap().sent_again_by.is_none());
    let _second = watch.enter(name.view(), client()).unwrap();
    assert_eq!(
        watch.probe.lock().as_ref().unwrap().sent_again_by,
        Some(client())
    );
    drop(first);
}

#[test]
fn a_name_that_is_sent_again_and_again_after_its_answer_is_no_loop() {
    let watch = watch();
    let name = watch.new_probe().unwrap();
    for _ in 0..5 {
        drop(watch.enter(name.view(), client()).unwrap());
    }
    assert!(watch.probe.lock().as_ref().unwrap().sent_again_by.is_none());
}

#[test]
fn probe_names_differ_each_time() {
    let watch = watch();
    let names: Vec<Name> = (0..20).map(|_| watch.new_probe().unwrap()).collect();
    for (place, name) in names.iter().enumerate() {
        assert_eq!(name.view().label_count(), 2);
        assert!(!names[..place].contains(name));
    }
}

#[tokio::test]
async fn other_queries_pass() {
    let corefile = ". {\n loop\n script {\n * * rcode NOERROR\n }\n}\n";
    let block = Block::build(&[&PLUGIN], corefile).unwrap();
    let outcome = block
        .outcome(&Question::parse("www.example.org. HINFO"))
        .await;
    assert_eq!(outcome.rcode(), Some(catena_dns::Rcode::NOERROR));
}
