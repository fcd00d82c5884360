//! When debug lines are on.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_promises_of_a_plugin() {
    plugin_contract(&PLUGIN);
}

#[test]
fn it_is_told_to_the_server() {
    let block = Block::build(&[&PLUGIN], ". {\n debug\n debug\n}").unwrap();
    assert!(block.config().debug);
}
