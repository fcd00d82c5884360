//! What is shared, what is told of trouble, and when lists are complete.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Following, Shared};
use crate::{
    Access, Client, ClientOptions, Encoding, Feeds, Notice, Object, Reader, Refusal, Resource, Sink,
};

/// What readers and `tell` have seen.
type Log = Arc<Mutex<Vec<String>>>;

struct Names(Log);

impl Reader for Names {
    type Named = HashSet<usize>;

    fn apply(&mut self, object: &Object<'_>, named: Option<&mut HashSet<usize>>) -> bool {
        if let Some(named) = named {
            named.insert(object.bytes.len());
        }
        !object.bytes.is_empty()
    }

    fn delete(&mut self, _: &Object<'_>) -> bool {
        true
    }

    fn listed(&mut self, named: HashSet<usize>) {
        self.0.lock().push(format!("listed {}", named.len()));
    }

    fn flush(&mut self) {
        self.0.lock().push("flush".to_owned());
    }
}

fn feeds(resources: Vec<Resource>) -> (Feeds<Names>, Log) {
    let log = Log::default();
    let readers = resources
        .into_iter()
        .map(|resource| (Names(Arc::clone(&log)), resource));
    let access = Access::Endpoint {
        url: "http://192.0.2.1".to_owned(),
        tls: None,
    };
    let client = Client::new(access, ClientOptions::default(), |_| {});
    let told = Arc::clone(&log);
    let feeds = Feeds::new(client, readers, move |notice| match notice {
        Notice::Heard(_) => {}
        notice => told.lock().push(format!("{notice:?}")),
    });
    (feeds, log)
}

fn refusal(code: u16) -> Refusal {
    let message = "no".to_owned();
    Refusal::Status { code, message }
}

/// Does `what` to the feed at `place`, as a watch does.
fn with(feeds: &Feeds<Names>, place: usize, what: impl FnOnce(&mut Following<'_, Names>)) {
    let (feed, _) = &mut *feeds.feeds.get(place).unwrap().try_lock().unwrap();
    what(&mut Following { feeds, feed });
}

fn two() -> Vec<Resource> {
    vec![
        Resource::new("/api/v1/services", Encoding::Protobuf),
        Resource::custom("/apis/example.com/v1/things"),
    ]
}

#[test]
fn lists_are_complete_when_all_are() {
    let (feeds, log) = feeds(two());
    with(&feeds, 0, |sink| {
        sink.begin();
        sink.flush();
        sink.listed();
        sink.flush();
    });
    assert!(!feeds.is_listed());
    with(&feeds, 1, |sink| {
        sink.begin();
        sink.listed();
    });
    assert!(feeds.is_listed());
    assert_eq!(*log.lock(), ["listed 0", "flush", "listed 0"]);
}

#[test]
fn an_optional_kind_that_is_not_defined_has_no_objects() {
    let (feeds, log) = feeds(two());
    with(&feeds, 1, |sink| {
        sink.lost(&refusal(404));
        sink.lost(&refusal(404));
    });
    with(&feeds, 0, |sink| sink.lost(&refusal(404)));
    let absent = r#"Absent("/apis/example.com/v1/things")"#;
    let lost = r#"Lost("Failed to watch services: no (404)")"#;
    assert_eq!(*log.lock(), [absent, "listed 0", lost]);
    assert!(!feeds.is_listed());
}

#[test]
fn what_is_dispensable_and_refused_has_no_objects() {
    let maps = Resource {
        dispensable: true,
        ..Resource::new("/api/v1/configmaps", Encoding::Protobuf)
    };
    let (feeds, log) = feeds(vec![maps, Resource::custom("/apis/example.com/v1/things")]);
    for place in [0, 0, 1] {
        with(&feeds, place, |sink| sink.lost(&refusal(403)));
    }
    let withheld = r#"Withheld("/api/v1/configmaps")"#;
    let lost = r#"Lost("Failed to watch things: no (403)")"#;
    assert_eq!(*log.lock(), [withheld, "listed 0", lost]);
    assert!(!feeds.is_listed());
}

#[test]
fn what_is_no_more_shown_is_told_and_stays() {
    let maps = Resource {
        dispensable: true,
        ..Resource::new("/api/v1/configmaps", Encoding::Protobuf)
    };
    let (feeds, log) = feeds(vec![maps]);
    let withheld = r#"Withheld("/api/v1/configmaps")"#;
    for _ in 0..2 {
        with(&feeds, 0, |sink| {
            sink.begin();
            sink.listed();
            sink.lost(&refusal(403));
            sink.lost(&refusal(403));
        });
    }
    assert_eq!(*log.lock(), ["listed 0", withheld, "listed 0", withheld]);
}

#[test]
fn trouble_is_told_once_and_ends_when_all_watches_are_well() {
    let (feeds, log) = feeds(two());
    let gone = Refusal::Connection("gone".to_owned());
    for place in [0, 1, 0] {
        with(&feeds, place, |sink| sink.lost(&gone));
    }
    let told = std::mem::take(&mut *log.lock());
    assert_eq!(
        told,
        [r#"Lost("Failed to reach the Kubernetes API: gone")"#]
    );
    with(&feeds, 0, |sink| sink.heard());
    assert!(log.lock().is_empty());
    with(&feeds, 1, |sink| sink.heard());
    assert!(log.lock().concat().starts_with("Back("));
}

#[test]
fn what_is_held_is_shared_and_what_is_not_is_made_anew() {
    let shared = Shared::new();
    let first = shared.find_or(|_| true, || 1);
    assert_eq!(*shared.find_or(|known| *known == 1, || 2), 1);
    assert_eq!(*shared.find_or(|known| *known == 3, || 3), 3);
    drop(first);
    assert_eq!(*shared.find_or(|known| *known == 1, || 4), 4);
}
