//! The cache against a naive map, on random walks under a paused clock.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use catena_testing::{Block, Question};
use proptest::prelude::*;

use super::corefile;
use crate::PLUGIN;

/// Names and the TTLs of their records.
const NAMES: [(&str, u64); 3] = [("five", 5), ("nine", 9), ("sixty", 60)];

/// For each step of `walk`, a wait and a name to ask for: whether the source was asked.
fn cache(walk: &[(u64, usize)]) -> Vec<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let rules: String = NAMES
        .iter()
        .map(|(name, ttl)| format!("{name}. A answer \"{{qname}} {ttl} IN A 192.0.2.1\"\n"))
        .collect();
    runtime.block_on(async {
        let block = Block::build(&[&PLUGIN], &corefile("cache", &rules)).unwrap();
        let mut asked = Vec::new();
        for (wait, name) in walk {
            tokio::time::sleep(Duration::from_millis(*wait)).await;
            let question = Question::parse(&format!("{}. A", NAMES[*name].0));
            let _outcome = block.outcome(&question).await;
            asked.push(!block.script().unwrap().take_seen().is_empty());
        }
        asked
    })
}

fn map(walk: &[(u64, usize)]) -> Vec<bool> {
    let (mut now, mut expires) = (0, BTreeMap::new());
    walk.iter()
        .map(|(wait, name)| {
            now += wait;
            let is_known = expires.get(name).is_some_and(|expires| now < *expires);
            if !is_known {
                expires.insert(*name, now + NAMES[*name].1 * 1000);
            }
            !is_known
        })
        .collect()
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_source_is_asked_when_a_naive_map_would_ask(
        walk in proptest::collection::vec((0u64..8000, 0..NAMES.len()), 1..60)
    ) {
        prop_assert_eq!(cache(&walk), map(&walk));
    }
}
