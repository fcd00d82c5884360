//! What one watch tells, on its way into the store; and what is wrong with watches.

use std::collections::HashSet;
use std::sync::Arc;

use catena_kube::{Object, Refusal, Resource, Sink};
use catena_plugin::clock::{self, Instant};
use catena_plugin::metrics::Gauge;

use super::Registry;
use crate::metrics::{LAST_CONTACT, unix_now};
use crate::object::{self, Claimant, Id, RpcService, Service, Slice};
use crate::store::Store;

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RpcServices(Claimant),
    Services,
    Slices,
}

impl Kind {
    /// Takes an object in; its Id, or `None` for one that makes no sense.
    fn apply(self, store: &mut Store, object: &Object<'_>) -> Option<Id> {
        match self {
            Kind::RpcServices(claimant) => {
                let read = RpcService::read(object, claimant);
                store.apply_rpc_service(claimant, read).ok()
            }
            _ if !object::is_protobuf(object) => None,
            Kind::Services => Some(store.apply_service(Service::read(object.bytes).ok()?)),
            Kind::Slices => Some(store.apply_slice(Slice::read(object.bytes).ok()?)),
        }
    }

    fn delete(self, store: &mut Store, object: &Object<'_>) -> Option<()> {
        match self {
            Kind::RpcServices(claimant) => {
                store.delete_rpc_service(claimant, &RpcService::read_id(object)?);
            }
            Kind::Services => store.delete_service(&object::read_id(object.bytes)?),
            Kind::Slices => store.delete_slice(&object::read_id(object.bytes)?),
        }
        Some(())
    }

    fn keep(self, store: &mut Store, named: &HashSet<Id>) {
        match self {
            Kind::RpcServices(claimant) => store.keep_rpc_services(claimant, named),
            Kind::Services => store.keep_services(named),
            Kind::Slices => store.keep_slices(named),
        }
    }
}

/// One watch.
pub(super) struct Feed {
    place: u32,
    kind: Kind,
    pub resource: Resource,
    /// What the list that is being told has named.
    named: Option<HashSet<Id>>,
    has_listed: bool,
    has_complained: bool,
}

impl Feed {
    pub fn new(place: u32, kind: Kind, resource: Resource) -> Feed {
        Feed {
            place,
            kind,
            resource,
            named: None,
            has_listed: false,
            has_complained: false,
        }
    }

    pub fn sink<'f>(&'f mut self, registry: &'f Arc<Registry>) -> FeedSink<'f> {
        FeedSink {
            feed: self,
            registry,
            last_contact: LAST_CONTACT.with(&[&registry.label()]),
        }
    }
}

pub(super) struct FeedSink<'f> {
    feed: &'f mut Feed,
    registry: &'f Registry,
    last_contact: Gauge,
}

impl FeedSink<'_> {
    fn note_list(&mut self) {
        self.feed.has_listed = true;
        self.registry.note_list(self.feed.place);
    }
}

impl Sink for FeedSink<'_> {
    fn begin(&mut self) {
        self.feed.named = Some(HashSet::new());
    }

    fn apply(&mut self, object: &Object<'_>) {
        let applied = self
            .feed
            .kind
            .apply(&mut self.registry.store.lock(), object);
        match (applied, &mut self.feed.named) {
            (Some(id), Some(named)) => {
                named.insert(id);
            }
            (Some(_), None) => {}
            (None, _) => self.malformed(),
        }
    }

    fn delete(&mut self, object: &Object<'_>) {
        let deleted = self
            .feed
            .kind
            .delete(&mut self.registry.store.lock(), object);
        if deleted.is_none() {
            self.malformed();
        }
    }

    fn listed(&mut self) {
        if let Some(named) = self.feed.named.take() {
            self.feed.kind.keep(&mut self.registry.store.lock(), &named);
        }
        self.last_contact.set(unix_now());
        self.note_list();
    }

    fn flush(&mut self) {
        if self.feed.has_listed {
            self.registry.changed.notify_one();
            self.last_contact.set(unix_now());
        }
    }

    fn heard(&mut self) {
        self.last_contact.set(unix_now());
        self.registry.trouble.lock().end(self.feed.place);
    }

    fn lost(&mut self, refusal: &Refusal) {
        let is_custom = matches!(self.feed.kind, Kind::RpcServices(_));
        if is_custom && matches!(refusal, Refusal::Status { code: 404, .. }) {
            // The kind is not defined in this cluster, so there are none; it is looked for again.
            if !self.feed.has_listed {
                let path = self.feed.resource.path;
                tracing::info!(target: "plugin/rpcservice", "The API server has no {path}");
                self.note_list();
            }
            return;
        }
        let mut trouble = self.registry.trouble.lock();
        trouble.begin(self.feed.place, self.feed.resource.path, refusal);
    }

    fn malformed(&mut self) {
        if !self.feed.has_complained {
            self.feed.has_complained = true;
            tracing::warn!(
                target: "plugin/rpcservice",
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
    fn begin(&mut self, feed: u32, path: &str, refusal: &Refusal) {
        self.since.get_or_insert_with(clock::now);
        // All watches suffer alike from a server that is not there: one line is enough.
        let text = match refusal {
            Refusal::Status { .. } => format!("Failed to watch {path}: {refusal}"),
            _ => format!("Failed to reach the Kubernetes API: {refusal}"),
        };
        let is_told = self.feeds.iter().any(|(_, known)| *known == text);
        self.feeds.retain(|(known, _)| *known != feed);
        if !is_told {
            tracing::error!(target: "plugin/rpcservice", "{text}");
        }
        self.feeds.push((feed, text));
    }

    fn end(&mut self, feed: u32) {
        self.feeds.retain(|(known, _)| *known != feed);
        if self.feeds.is_empty()
            && let Some(since) = self.since.take()
        {
            let seconds = clock::now().duration_since(since).as_secs_f64();
            tracing::info!(
                target: "plugin/rpcservice",
                "Kubernetes API answers again, after {seconds:.1} s"
            );
        }
    }
}
