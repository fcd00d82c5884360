//! How the keys of a prefix came to be what they are: an earlier state, and what changed since.

use std::time::Duration;

use catena_plugin::clock::now;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Streaming;

use crate::client::Client;
use crate::proto::{KeyValue, RangeRequest, WatchResponse};
use crate::watch::{BEGIN_TIME_MAX, Change, begin, change, list_pages};
use crate::{Error, range_end};

/// How long the changes may take to come in.
const TIME_MAX: Duration = Duration::from_secs(5);
/// How often etcd is asked whether all have come in.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);
/// Older members say so too early: their watches catch up ten times a second.
const SETTLE: Duration = Duration::from_millis(250);
/// Falling, by the revision of the last change.
const NEWEST_FIRST: (i32, i32) = (2, 3);

/// An earlier state of a prefix, and all changes from there on.
#[derive(Debug, Default)]
pub struct History {
    /// The revision of the earlier state.
    pub since: i64,
    /// All keys there were.
    pub keys: Vec<KeyValue>,
    /// What changed at each revision after it, in order.
    pub changes: Vec<(i64, Vec<Change>)>,
}

impl History {
    /// The revision that it leads to.
    pub fn revision(&self) -> i64 {
        self.changes
            .last()
            .map_or(self.since, |(revision, _)| *revision)
    }
}

/// Reads the keys that begin with `prefix` as they were up to `back` revisions ago, but no
/// earlier than history was compacted, and their changes since then.
///
/// It leads to a state that no later change of a key is missing from, deletions of the last
/// moment excepted: whoever goes on watching from its revision sees them.
pub async fn history(client: &Client, prefix: &[u8], back: i64) -> Result<History, Error> {
    let until = now() + TIME_MAX;
    let (newest, revision) = newest(client, prefix).await?;
    let mut since = (revision - back).max(0);
    let mut replay = Replay {
        newest,
        revision,
        changes: Vec::new(),
        is_asked: false,
    };
    if since < revision {
        let compacted = replay.run(client, (prefix, since), until).await?;
        if let Some(compacted) = compacted {
            since = compacted;
            if replay.run(client, (prefix, since), until).await?.is_some() {
                return Err(Error::NoSuchRevision("compacted again".to_owned()));
            }
        }
    }
    let keys = match since {
        0 => Vec::new(),
        since => list_pages(client, prefix, since, &mut None).await?.0,
    };
    Ok(History {
        since,
        keys,
        changes: replay.changes,
    })
}

/// The revision that last set a key of `prefix`, and that of the store.
async fn newest(client: &Client, prefix: &[u8]) -> Result<(i64, i64), Error> {
    let (sort_order, sort_target) = NEWEST_FIRST;
    let query = RangeRequest {
        key: prefix.to_vec(),
        range_end: range_end(prefix),
        limit: 1,
        sort_order,
        sort_target,
        keys_only: true,
        ..RangeRequest::default()
    };
    let page = client.page(&query).await?;
    let newest = page.kvs.first().map_or(0, |key| key.mod_revision);
    Ok((newest, page.header.unwrap_or_default().revision))
}

/// Reads changes until they lead to a known state.
struct Replay {
    newest: i64,
    revision: i64,
    changes: Vec<(i64, Vec<Change>)>,
    /// Whether etcd says that there are no more.
    is_asked: bool,
}

impl Replay {
    /// Reads all changes after `since`; the revision of compaction if there are not all.
    async fn run(
        &mut self,
        client: &Client,
        (prefix, since): (&[u8], i64),
        until: Instant,
    ) -> Result<Option<i64>, Error> {
        let (_, member) = client.preferred()?;
        let answers = begin(client, member, (prefix, since + 1), PROGRESS_EVERY);
        let answers = timeout(BEGIN_TIME_MAX, answers).await;
        let mut answers: Streaming<WatchResponse> = answers.map_err(|_| Error::TimedOut)??;
        let mut settled = now() + SETTLE;
        while !self.is_complete(since, settled) {
            let answer = timeout_at(until, answers.message()).await;
            let answer = answer.map_err(|_| Error::TimedOut)??;
            let ended = || Error::Unavailable("the watch has ended".to_owned());
            let answer = answer.ok_or_else(ended)?;
            if answer.compact_revision > since {
                return Ok(Some(answer.compact_revision));
            }
            if answer.canceled {
                return Err(Error::Refused(answer.cancel_reason));
            }
            if !answer.events.is_empty() {
                settled = now() + SETTLE;
            }
            let told = answer.header.map_or(0, |header| header.revision);
            self.is_asked |= !answer.created && answer.events.is_empty() && told >= self.revision;
            for change in answer.events.into_iter().filter_map(change) {
                self.add(change);
            }
        }
        Ok(None)
    }

    fn add(&mut self, change: Change) {
        let revision = change.revision();
        match self.changes.last_mut() {
            Some((last, changes)) if *last == revision => changes.push(change),
            _ => self.changes.push((revision, vec![change])),
        }
    }

    fn is_complete(&self, since: i64, settled: Instant) -> bool {
        let reached = self.changes.last().map_or(since, |(last, _)| *last);
        let is_quiet = self.is_asked && now() >= settled;
        reached >= self.revision || (reached >= self.newest && is_quiet)
    }
}
