//! What is wrong with the watches of one API server: told when it begins, changes or ends.

use tokio::time::Instant;

use crate::{Refusal, Resource};

#[derive(Default)]
pub(super) struct Trouble {
    since: Option<Instant>,
    /// By feed: what was wrong last.
    feeds: Vec<(u32, String)>,
}

impl Trouble {
    /// What to tell of `refusal`, if it says anything new.
    pub fn begin(&mut self, feed: u32, of: &Resource, refusal: &Refusal) -> Option<String> {
        self.since.get_or_insert_with(Instant::now);
        // All watches suffer alike from a server that is not there: one line is enough.
        let text = match refusal {
            Refusal::Status { .. } => format!("Failed to watch {}: {refusal}", of.plural()),
            _ => format!("Failed to reach the Kubernetes API: {refusal}"),
        };
        let is_told = self.feeds.iter().any(|(_, known)| *known == text);
        self.feeds.retain(|(known, _)| *known != feed);
        self.feeds.push((feed, text.clone()));
        (!is_told).then_some(text)
    }

    /// What to tell when `feed` is well, if nothing else is wrong.
    pub fn end(&mut self, feed: u32) -> Option<String> {
        self.feeds.retain(|(known, _)| *known != feed);
        if !self.feeds.is_empty() {
            return None;
        }
        let seconds = self.since.take()?.elapsed().as_secs_f64();
        Some(format!(
            "Kubernetes API answers again, after {seconds:.1} s"
        ))
    }
}
