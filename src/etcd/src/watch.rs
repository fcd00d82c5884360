//! Lists the keys of a prefix, then follows their changes, for ever.

use std::convert::Infallible;
use std::time::Duration;

use catena_plugin::clock::now;
use futures_util::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use rand::RngExt;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout, timeout_at};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::client::{Client, Member};
use crate::proto::{
    Event, KeyValue, RangeRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest,
    WatchResponse, Watching,
};
use crate::{Error, range_end};

/// The first wait after a failure, how it grows, and the longest.
const WAIT_FIRST: Duration = Duration::from_millis(50);
const WAIT_GROWTH: f64 = 1.5;
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Keys on a page of a list; fewer when values are large.
const PAGE: i64 = 1000;
/// How long a watch may take to begin.
pub(crate) const BEGIN_TIME_MAX: Duration = Duration::from_secs(3);
/// How often a quiet watch is asked for a sign of life, and how long it may be silent.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);
const SILENCE_MAX: Duration = Duration::from_secs(6);

/// One change of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It has this value now.
    Put(KeyValue),
    /// It is gone, since a revision.
    Delete {
        /// The key.
        key: Vec<u8>,
        /// The revision that deleted it.
        revision: i64,
    },
}

/// Learns of keys and their changes, in order.
pub trait Sink {
    /// These are all the keys, in order, as of `revision`; others are gone.
    fn listed(&mut self, keys: Vec<KeyValue>, revision: i64);
    /// These changes followed, up to `revision`; those of one revision are never parted.
    fn changed(&mut self, changes: Vec<Change>, revision: i64);
    /// etcd answers: all it had is told.
    fn heard(&mut self);
    /// etcd does not answer, or refuses.
    fn lost(&mut self, error: &Error);
}

/// How far a watch has come; whoever takes it on goes on from there.
#[derive(Debug, Default)]
pub struct Position {
    /// The revision up to which all is told; `None` before a list is complete.
    revision: Option<i64>,
    /// The keys that fit on a page.
    page: Option<i64>,
}

impl Position {
    /// After a list as of `revision`, see [`list`].
    pub fn after(revision: i64) -> Position {
        Position {
            revision: Some(revision),
            page: None,
        }
    }

    /// The revision up to which all is told.
    pub fn revision(&self) -> Option<i64> {
        self.revision
    }
}

/// Keeps `sink` told of all keys that begin with `prefix`, for as long as it is polled.
///
/// It may be dropped at any time and taken on with the same `position` and `sink`.
pub async fn watch(
    client: &Client,
    prefix: &[u8],
    position: &mut Position,
    sink: &mut impl Sink,
) -> Infallible {
    let mut wait = WAIT_FIRST;
    loop {
        let error = match follow(client, prefix, position, sink, &mut wait).await {
            Err(error) => error,
            Ok(never) => match never {},
        };
        match &error {
            // Compacted, or restored from a backup: what changed meanwhile is only in a list.
            Error::NoSuchRevision(_) | Error::TooLarge(_) => position.revision = None,
            Error::Token(_) => client.forget_token(),
            error => sink.lost(error),
        }
        let jitter = rand::rng().random_range(0.75..1.25);
        sleep(wait.mul_f64(jitter)).await;
        wait = wait.mul_f64(WAIT_GROWTH).min(WAIT_MAX);
    }
}

/// Lists if need be, then watches until something goes wrong.
async fn follow(
    client: &Client,
    prefix: &[u8],
    position: &mut Position,
    sink: &mut impl Sink,
    wait: &mut Duration,
) -> Result<Infallible, Error> {
    let revision = match position.revision {
        Some(revision) => revision,
        None => {
            let (keys, revision) = list_pages(client, prefix, 0, &mut position.page).await?;
            sink.listed(keys, revision);
            position.revision = Some(revision);
            revision
        }
    };
    let (at, member) = client.preferred()?;
    let answers = begin(client, member, (prefix, revision + 1), PROGRESS_EVERY);
    let ended = match timeout(BEGIN_TIME_MAX, answers).await {
        Err(_) => Err(Error::TimedOut),
        Ok(Err(error)) => Err(error),
        Ok(Ok(answers)) => read(answers, position, sink, wait).await,
    };
    ended.inspect_err(|error| {
        if error.is_passing() {
            client.pass_over(at, error);
        }
    })
}

/// All keys that begin with `prefix`, as of the revision that is given too.
pub async fn list(client: &Client, prefix: &[u8]) -> Result<(Vec<KeyValue>, i64), Error> {
    list_pages(client, prefix, 0, &mut None).await
}

/// Lists page by page, as of `revision`, or of now if that is 0.
///
/// `size` is that of a page, once it had to be made smaller.
pub(crate) async fn list_pages(
    client: &Client,
    prefix: &[u8],
    revision: i64,
    size: &mut Option<i64>,
) -> Result<(Vec<KeyValue>, i64), Error> {
    let mut query = RangeRequest {
        key: prefix.to_vec(),
        range_end: range_end(prefix),
        limit: size.unwrap_or(PAGE),
        revision,
        ..RangeRequest::default()
    };
    let mut keys = Vec::new();
    loop {
        let page = match client.page(&query).await {
            Err(Error::TooLarge(_)) if query.limit > 1 => {
                query.limit = query.limit / 8 + 1;
                *size = Some(query.limit);
                continue;
            }
            page => page?,
        };
        if query.revision == 0 {
            query.revision = page.header.unwrap_or_default().revision;
        }
        let last = page.kvs.last().map(|last| last.key.clone());
        keys.extend(page.kvs);
        match last {
            // The next possible key.
            Some(mut last) if page.more => {
                last.push(0);
                query.key = last;
            }
            _ => return Ok((keys, query.revision)),
        }
    }
}

/// Opens a watch from `revision` on, and asks for signs of life in it.
pub(crate) async fn begin(
    client: &Client,
    member: &Member,
    (prefix, revision): (&[u8], i64),
    progress_every: Duration,
) -> Result<Streaming<WatchResponse>, Error> {
    let create = WatchCreateRequest {
        key: prefix.to_vec(),
        range_end: range_end(prefix),
        start_revision: revision,
    };
    let mut query = Request::new(requests(create, progress_every));
    // A member that is cut off from the others ends the watch instead of going silent.
    let yes = tonic::metadata::MetadataValue::from_static("true");
    query.metadata_mut().insert("hasleader", yes);
    let query = client.headers(member, query).await?;
    let mut channel = member.channel();
    let ready = channel.ready().await;
    ready.map_err(|error| Status::from_error(Box::new(error)))?;
    let path = PathAndQuery::from_static("/etcdserverpb.Watch/Watch");
    let answer = channel
        .streaming(query, path, ProstCodec::default())
        .await?;
    Ok(answer.into_inner())
}

/// What is sent on the way: the beginning, then a question for a sign of life now and then.
fn requests(
    create: WatchCreateRequest,
    progress_every: Duration,
) -> impl Stream<Item = WatchRequest> + Send + 'static {
    let create = WatchRequest {
        request: Some(Watching::Create(create)),
    };
    let mut ticks = interval(progress_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let progress = stream::unfold(ticks, |mut ticks: Interval| async {
        ticks.tick().await;
        let progress = Watching::Progress(WatchProgressRequest {});
        let progress = WatchRequest {
            request: Some(progress),
        };
        Some((progress, ticks))
    });
    stream::once(async { create }).chain(progress)
}

/// Tells `sink` what the watch says, until it ends.
async fn read(
    mut answers: Streaming<WatchResponse>,
    position: &mut Position,
    sink: &mut impl Sink,
    wait: &mut Duration,
) -> Result<Infallible, Error> {
    let mut heard = Instant::now();
    loop {
        let next = timeout_at(heard + SILENCE_MAX, answers.message()).await;
        let Ok(answer) = next else {
            return Err(Error::TimedOut);
        };
        let ended = || Error::Unavailable("the watch has ended".to_owned());
        let answer = answer?.ok_or_else(ended)?;
        heard = now();
        check(&answer, position)?;
        let changes: Vec<Change> = answer.events.into_iter().filter_map(change).collect();
        if let Some(revision) = changes.iter().map(Change::revision).max() {
            sink.changed(changes, revision);
            // Not the revision of the header: a watch that catches up is not there yet.
            position.revision = Some(revision);
        }
        *wait = WAIT_FIRST;
        sink.heard();
    }
}

/// Whether the watch goes on.
fn check(answer: &WatchResponse, position: &Position) -> Result<(), Error> {
    if answer.compact_revision != 0 {
        let text = format!("compacted up to {}", answer.compact_revision);
        return Err(Error::NoSuchRevision(text));
    }
    if answer.canceled {
        let reason = answer.cancel_reason.clone();
        return Err(match reason.as_str() {
            reason if reason.contains("no leader") => Error::Unavailable(reason.to_owned()),
            reason if reason.contains("token") => Error::Token(reason.to_owned()),
            _ => Error::Refused(format!("the watch has ended: {reason}")),
        });
    }
    let revision = answer.header.as_ref().map_or(0, |header| header.revision);
    if answer.created && position.revision.is_some_and(|told| told > revision) {
        // Such as after a restore from a backup; or a member that lags, which costs a list.
        let text = format!("the store is at {revision}");
        return Err(Error::NoSuchRevision(text));
    }
    Ok(())
}

pub(crate) fn change(event: Event) -> Option<Change> {
    let key = event.kv?;
    Some(match event.kind {
        0 => Change::Put(key),
        _ => Change::Delete {
            revision: key.mod_revision,
            key: key.key,
        },
    })
}

impl Change {
    /// The revision that made it.
    pub fn revision(&self) -> i64 {
        match self {
            Change::Put(key) => key.mod_revision,
            Change::Delete { revision, .. } => *revision,
        }
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        match self {
            Change::Put(key) => &key.key,
            Change::Delete { key, .. } => key,
        }
    }
}
