//! When agents are asked.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use catena_plugin::clock;

use super::{Answer, Rounds};
use crate::Id;

const POLL: Duration = Duration::from_secs(10);

fn asked(agents: &[&str]) -> crate::registry::Asked {
    let agents = agents.iter().map(|agent| agent.parse().unwrap()).collect();
    Arc::new(BTreeMap::from([(id(), agents)]))
}

fn id() -> Id {
    Id::new("shop", "user").unwrap()
}

fn answer(rounds: &Rounds, is_told: bool) -> Answer {
    Answer {
        service: id(),
        agents: rounds.services[&id()].agents.clone(),
        told: is_told.then(|| Arc::from([])),
        wrong: String::new(),
    }
}

async fn wait(rounds: &Rounds) -> Duration {
    rounds.first_due().unwrap() - clock::now()
}

#[tokio::test(start_paused = true)]
async fn agents_are_asked_at_once_and_then_from_time_to_time() {
    let mut rounds = Rounds::default();
    rounds.follow(&asked(&["10.0.0.1"]));
    assert!(rounds.next_due().is_some());
    assert!(rounds.next_due().is_none());
    rounds.note(&answer(&rounds, true), POLL);
    assert_eq!(wait(&rounds).await, POLL);
    rounds.follow(&asked(&["10.0.0.1"]));
    assert!(rounds.next_due().is_none());
    rounds.follow(&asked(&["10.0.0.2"]));
    assert!(rounds.next_due().is_some());
}

#[tokio::test(start_paused = true)]
async fn agents_that_do_not_answer_are_asked_again_less_and_less_often() {
    let mut rounds = Rounds::default();
    rounds.follow(&asked(&[]));
    let mut waits = Vec::new();
    for _ in 0..6 {
        tokio::time::sleep(POLL).await;
        assert!(rounds.next_due().is_some());
        rounds.note(&answer(&rounds, false), POLL);
        waits.push(wait(&rounds).await.as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
}

#[tokio::test(start_paused = true)]
async fn agents_that_came_during_a_round_are_asked_after_it() {
    let mut rounds = Rounds::default();
    rounds.follow(&asked(&["10.0.0.1"]));
    rounds.next_due().unwrap();
    let late = answer(&rounds, true);
    rounds.follow(&asked(&["10.0.0.2"]));
    assert!(rounds.next_due().is_none());
    rounds.note(&late, POLL);
    assert!(rounds.next_due().is_some());
    rounds.follow(&Arc::default());
    rounds.note(&late, POLL);
    assert!(rounds.first_due().is_none());
}
