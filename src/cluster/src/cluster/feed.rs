//! What one watch tells, on its way into the store; and what is wrong with watches.

use std::sync::Arc;

use catena_kube::{Object, Refusal, Resource, Sink};
use catena_plugin::clock::{self, Instant};

use super::Cluster;
use crate::metrics::{LAST_CONTACT, unix_now};
use crate::store::{Kind, Seen};

/// One watch.
pub(super) struct Feed {
    place: u32,
    kind: Kind,
    pub resource: Resource,
    /// What the list that is being told has named.
    seen: Option<Seen>,
    has_listed: bool,
    /// Objects that were no good since the last good list.
    malformed: u32,
}

impl Feed {
    pub fn new(place: u32, kind: Kind, resource: Resource) -> Feed {
        Feed {
            place,
            kind,
            resource,
            seen: None,
            has_listed: false,
            malformed: 0,
        }
    }

    pub fn sink<'f>(&'f mut self, cluster: &'f Arc<Cluster>) -> FeedSink<'f> {
        FeedSink {
            feed: self,
            cluster,
            last_contact: LAST_CONTACT.with(&[&cluster.label()]),
        }
    }
}

pub(super) struct FeedSink<'f> {
    feed: &'f mut Feed,
    cluster: &'f Arc<Cluster>,
    last_contact: catena_plugin::metrics::Gauge,
}

impl Sink for FeedSink<'_> {
    fn begin(&mut self) {
        self.feed.seen = Some(Seen::default());
    }

    fn apply(&mut self, object: &Object<'_>) {
        let applied = self.cluster.writer.lock().apply(self.feed.kind, object);
        match (applied, &mut self.feed.seen) {
            (Ok(hash), Some(seen)) => {
                seen.insert(hash);
            }
            (Ok(_), None) => {}
            (Err(_), _) => self.malformed(),
        }
    }

    fn delete(&mut self, object: &Object<'_>) {
        let deleted = self.cluster.writer.lock().delete(self.feed.kind, object);
        if deleted.is_err() {
            self.malformed();
        }
    }

    fn listed(&mut self) {
        let mut writer = self.cluster.writer.lock();
        if let Some(seen) = self.feed.seen.take() {
            writer.sweep(self.feed.kind, &seen);
        }
        writer.publish();
        writer.shrink();
        drop(writer);
        self.last_contact.set(unix_now());
        self.feed.has_listed = true;
        self.cluster.note_list(self.feed.place);
    }

    fn flush(&mut self) {
        // Half of a first list is no use to anybody, and publishing it costs.
        if self.feed.has_listed {
            self.cluster.writer.lock().publish();
            self.last_contact.set(unix_now());
        }
    }

    fn heard(&mut self) {
        self.last_contact.set(unix_now());
        self.cluster.trouble.lock().end(self.feed.place);
    }

    fn lost(&mut self, refusal: &Refusal) {
        let kind = self.feed.resource.plural();
        let mut trouble = self.cluster.trouble.lock();
        trouble.begin(self.feed.place, kind, refusal);
    }

    fn malformed(&mut self) {
        self.feed.malformed += 1;
        if self.feed.malformed == 1 {
            tracing::warn!(
                target: "plugin/kubernetes",
                "The API server sent something that is no object of {}; it is left out",
                self.feed.resource.plural()
            );
        }
    }
}

/// What is wrong with the watches of a cluster: told when it begins, changes or ends.
#[derive(Default)]
pub(super) struct Trouble {
    since: Option<Instant>,
    /// By feed: what was wrong last.
    feeds: Vec<(u32, String)>,
}

impl Trouble {
    fn begin(&mut self, feed: u32, plural: &str, refusal: &Refusal) {
        let since = *self.since.get_or_insert_with(clock::now);
        // All watches suffer alike from a server that is not there: one line is enough.
        let text = match refusal {
            Refusal::Status { .. } => format!("Failed to watch {plural}: {refusal}"),
            _ => format!("Failed to reach the Kubernetes API: {refusal}"),
        };
        let is_told = self.feeds.iter().any(|(_, known)| *known == text);
        self.feeds.retain(|(known, _)| *known != feed);
        self.feeds.push((feed, text.clone()));
        if !is_told {
            let seconds = clock::now().duration_since(since).as_secs();
            tracing::error!(target: "plugin/kubernetes", "{text}");
            tracing::debug!(target: "plugin/kubernetes", "lost for {seconds} s");
        }
    }

    fn end(&mut self, feed: u32) {
        self.feeds.retain(|(known, _)| *known != feed);
        if self.feeds.is_empty()
            && let Some(since) = self.since.take()
        {
            let seconds = clock::now().duration_since(since).as_secs_f64();
            tracing::info!(
                target: "plugin/kubernetes",
                "Kubernetes API answers again, after {seconds:.1} s"
            );
        }
    }
}
