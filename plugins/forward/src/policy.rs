//! In which order the upstreams are tried.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rand::seq::SliceRandom;
use smallvec::SmallVec;

/// Places of upstreams, the one to ask first at the front.
pub(crate) type Order = SmallVec<[usize; 16]>;

/// How upstreams are chosen.
#[derive(Debug, Default)]
pub(crate) enum Policy {
    /// Any order, each as likely as the others.
    #[default]
    Random,
    /// Each upstream comes first in turn.
    RoundRobin(AtomicUsize),
    /// As written.
    Sequential,
}

impl Policy {
    /// Reads the word after `policy`.
    pub fn parse(word: &str) -> Option<Policy> {
        match word {
            "random" => Some(Policy::Random),
            "round_robin" => Some(Policy::RoundRobin(AtomicUsize::new(0))),
            "sequential" => Some(Policy::Sequential),
            _ => None,
        }
    }

    /// The order for one query among `count` upstreams.
    pub fn order(&self, count: usize) -> Order {
        let mut order: Order = (0..count).collect();
        match self {
            _ if count < 2 => {}
            Policy::Sequential => {}
            Policy::Random => order.shuffle(&mut rand::rng()),
            Policy::RoundRobin(turn) => {
                let first = turn.fetch_add(1, Relaxed).wrapping_add(1) % count;
                if let Some(passed) = order.get_mut(..=first) {
                    passed.rotate_right(1);
                }
            }
        }
        order
    }

    /// Whether an upstream stands before others because its answers are preferred.
    pub fn prefers_the_first(&self) -> bool {
        matches!(self, Policy::Sequential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_robin_begins_with_each_in_turn_and_keeps_the_others_in_order() {
        let policy = Policy::RoundRobin(AtomicUsize::new(0));
        let orders: Vec<Vec<usize>> = (0..3).map(|_| policy.order(3).to_vec()).collect();
        assert_eq!(orders, [vec![1, 0, 2], vec![2, 0, 1], vec![0, 1, 2]]);
    }

    #[test]
    fn random_orders_hold_every_upstream_once() {
        for _ in 0..50 {
            let mut order = Policy::Random.order(5);
            order.sort_unstable();
            assert_eq!(order.as_slice(), [0, 1, 2, 3, 4]);
        }
    }
}
