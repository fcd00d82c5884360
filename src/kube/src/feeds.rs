//! Several resources of one API server, watched together: what its owners share.

mod shared;
mod trouble;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::AcqRel, Ordering::Acquire};
use std::time::{SystemTime, UNIX_EPOCH};

use catena_plugin::Background;
use tokio::sync::{Mutex, Notify};

use crate::{AccessError, Client, Object, Position, Refusal, Resource, Sink, watch};

pub use shared::Shared;
use trouble::Trouble;

/// Takes objects of one resource in.
pub trait Reader: Send {
    /// What a list has named so far.
    type Named: Default + Send;

    /// The object is there, new or changed; `false` if it makes no sense.
    ///
    /// While a list is told, its name belongs into `named`.
    fn apply(&mut self, object: &Object<'_>, named: Option<&mut Self::Named>) -> bool;
    /// The object is gone; `false` if it makes no sense.
    fn delete(&mut self, object: &Object<'_>) -> bool;
    /// A list is complete: what it has not named is gone.
    fn listed(&mut self, named: Self::Named);
    /// Nothing more has arrived for now; not called before the first list is complete.
    fn flush(&mut self);
}

/// Something to log or to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// The server was heard, at this Unix time in seconds.
    Heard(i64),
    /// Something is wrong that was not told before.
    Lost(&'a str),
    /// All is well again.
    Back(&'a str),
    /// The server does not know an optional resource.
    Absent(&'a str),
    /// The server does not show a dispensable resource.
    Withheld(&'a str),
    /// The server sent something that is left out; told once for each resource.
    Malformed(&'a str),
}

/// A line for a log; empty for what is only counted.
impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Heard(_) => Ok(()),
            Notice::Lost(text) | Notice::Back(text) => f.write_str(text),
            Notice::Absent(path) => write!(f, "The API server has no {path}"),
            Notice::Withheld(path) => write!(f, "The API server does not show us {path}"),
            Notice::Malformed(plural) => write!(
                f,
                "The API server sent something that is no object of {plural}; it is left out"
            ),
        }
    }
}

/// Resources of one API server that are watched together.
///
/// They outlive those who poll them: the next one goes on where the last one was.
pub struct Feeds<R: Reader> {
    client: Client,
    feeds: Vec<Mutex<(Feed<R>, Position)>>,
    trouble: parking_lot::Mutex<Trouble>,
    /// One bit for each feed whose first list is not complete.
    unlisted: AtomicU32,
    listed: Notify,
    tell: Box<dyn Fn(Notice<'_>) + Send + Sync>,
}

struct Feed<R: Reader> {
    bit: u32,
    resource: Resource,
    reader: R,
    /// What the list that is being told has named.
    named: Option<R::Named>,
    has_listed: bool,
    /// The server was found not to have the resource, or not to show it.
    is_missing: bool,
    has_complained: bool,
}

impl<R: Reader> Feeds<R> {
    /// Feeds that nobody polls yet; `tell` is told of what is to be logged and counted.
    ///
    /// Of more than 32 resources the rest is left out.
    pub fn new(
        client: Client,
        resources: impl IntoIterator<Item = (R, Resource)>,
        tell: impl Fn(Notice<'_>) + Send + Sync + 'static,
    ) -> Feeds<R> {
        let feeds = (0..u32::BITS).zip(resources).map(|(place, read)| Feed {
            bit: 1 << place,
            resource: read.1,
            reader: read.0,
            named: None,
            has_listed: false,
            is_missing: false,
            has_complained: false,
        });
        let feeds = Vec::from_iter(feeds);
        Feeds {
            unlisted: AtomicU32::new(feeds.iter().fold(0, |bits, feed| bits | feed.bit)),
            feeds: feeds
                .into_iter()
                .map(|feed| Mutex::new((feed, Position::default())))
                .collect(),
            client,
            trouble: parking_lot::Mutex::default(),
            listed: Notify::new(),
            tell: Box::new(tell),
        }
    }

    /// Looks whether all files and variables are there that the server is asked with.
    pub fn check_access(&self) -> Result<(), AccessError> {
        self.client.check_access()
    }

    /// Watches all resources for as long as the generation of `background` lives.
    ///
    /// When another generation watches already, its end is waited for, and the watches are taken
    /// on from where they are.
    pub fn run(self: &Arc<Self>, background: &Background)
    where
        R: 'static,
    {
        for place in 0..self.feeds.len() {
            let feeds = Arc::clone(self);
            background.spawn(async move { match feeds.follow(place).await {} });
        }
    }

    /// Watches the resource at `place` for as long as it is polled.
    ///
    /// When another watches it already, its end is waited for.
    pub async fn follow(&self, place: usize) -> Infallible {
        let Some(feed) = self.feeds.get(place) else {
            return std::future::pending().await;
        };
        let (feed, position) = &mut *feed.lock().await;
        let resource = feed.resource.clone();
        let mut sink = Following { feeds: self, feed };
        watch(&self.client, &resource, position, &mut sink).await
    }

    /// Whether all first lists are complete.
    pub fn is_listed(&self) -> bool {
        self.unlisted.load(Acquire) == 0
    }

    /// Waits until all first lists are complete.
    pub async fn listed(&self) {
        loop {
            let notified = self.listed.notified();
            if self.is_listed() {
                return;
            }
            notified.await;
        }
    }
}

/// A feed that is polled.
struct Following<'f, R: Reader> {
    feeds: &'f Feeds<R>,
    feed: &'f mut Feed<R>,
}

impl<R: Reader> Following<'_, R> {
    fn complete(&mut self, named: R::Named) {
        self.feed.reader.listed(named);
        self.feed.has_listed = true;
        let before = self.feeds.unlisted.fetch_and(!self.feed.bit, AcqRel);
        if before == self.feed.bit {
            self.feeds.listed.notify_waiters();
        }
    }

    fn note_contact(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        (self.feeds.tell)(Notice::Heard(now));
    }
}

impl<R: Reader> Sink for Following<'_, R> {
    fn begin(&mut self) {
        self.feed.named = Some(R::Named::default());
    }

    fn apply(&mut self, object: &Object<'_>) {
        let feed = &mut *self.feed;
        if !feed.reader.apply(object, feed.named.as_mut()) {
            self.malformed();
        }
    }

    fn delete(&mut self, object: &Object<'_>) {
        if !self.feed.reader.delete(object) {
            self.malformed();
        }
    }

    fn listed(&mut self) {
        if let Some(named) = self.feed.named.take() {
            self.feed.is_missing = false;
            self.complete(named);
            self.note_contact();
        }
    }

    fn flush(&mut self) {
        // Half of a first list is no use to anybody, and publishing it costs.
        if self.feed.has_listed {
            self.feed.reader.flush();
            self.note_contact();
        }
    }

    fn heard(&mut self) {
        self.note_contact();
        if let Some(text) = self.feeds.trouble.lock().end(self.feed.bit) {
            (self.feeds.tell)(Notice::Back(&text));
        }
    }

    fn lost(&mut self, refusal: &Refusal) {
        let resource = &self.feed.resource;
        let notice = match refusal.code() {
            Some(404) if resource.optional => Some(Notice::Absent(resource.path)),
            Some(403) if resource.dispensable => Some(Notice::Withheld(resource.path)),
            _ => None,
        };
        if let Some(notice) = notice {
            // The server is asked again later. What it told before stays; else there are none.
            if !std::mem::replace(&mut self.feed.is_missing, true) {
                (self.feeds.tell)(notice);
            }
            if !self.feed.has_listed {
                self.complete(R::Named::default());
            }
            return;
        }
        let mut trouble = self.feeds.trouble.lock();
        if let Some(text) = trouble.begin(self.feed.bit, resource, refusal) {
            (self.feeds.tell)(Notice::Lost(&text));
        }
    }

    fn malformed(&mut self) {
        if !self.feed.has_complained {
            self.feed.has_complained = true;
            (self.feeds.tell)(Notice::Malformed(self.feed.resource.plural()));
        }
    }
}

#[cfg(test)]
mod tests;
