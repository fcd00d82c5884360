//! Follows the table of one control plane: stream after stream, for ever.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::time::{sleep, timeout};

use crate::proto::{
    Any, DELTA, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    NAME_TABLE, STREAM, Status,
};
use crate::stream::Stream;
use crate::table::{self, Parts, Row};
use crate::{ControlPlane, Error, Protocol};

/// The first wait after a failure, how it grows, and the longest.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_GROWTH: f64 = 1.5;
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How long the first table may take.
const FIRST_TIME_MAX: Duration = Duration::from_secs(30);
/// The code of gRPC for what makes no sense.
const INVALID_ARGUMENT: i32 = 3;
/// What is told of an error at most: it travels in a request.
const DETAIL_MAX: usize = 400;

/// When an empty table is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Always.
    Off,
    /// If it follows, in the same stream, a table of fewer hosts than these.
    Below(usize),
}

/// Learns of tables.
pub trait Sink {
    /// This is the whole table, sorted by host.
    fn told(&mut self, rows: Arc<[Row]>);
    /// The table came empty that was not; the last one stays.
    fn came_empty(&mut self);
    /// What came makes no sense, or is too large; the last table stays.
    fn refused(&mut self, error: &Error);
    /// The control plane answers.
    fn heard(&mut self);
    /// The control plane does not answer, or does not let us in.
    fn lost(&mut self, error: &Error);
}

/// How far it has come; whoever takes it on goes on from there.
#[derive(Debug, Default)]
pub struct Position {
    /// How many rows the table has that was told; `None` before the first.
    rows: Option<usize>,
    /// The control plane does not know differences.
    whole: bool,
}

/// Keeps `sink` told of the table of `plane`, for as long as it is polled.
///
/// It may be dropped at any time and taken on with the same `position` and `sink`.
pub async fn follow(
    plane: &ControlPlane,
    guard: Guard,
    position: &mut Position,
    sink: &mut impl Sink,
) -> Infallible {
    let mut wait = WAIT_FIRST;
    loop {
        let mut reader = Reader {
            guard,
            position,
            sink,
            parts: Parts::default(),
            has_come: false,
            has_told: false,
        };
        let ended = match plane.protocol {
            Protocol::Delta if !reader.position.whole => reader.differences(plane).await,
            _ => reader.states(plane).await,
        };
        let has_told = reader.has_told;
        let error = match ended {
            Err(error) => error,
            Ok(never) => match never {},
        };
        if matches!(error, Error::Unknown(_)) && !position.whole {
            position.whole = true;
            continue;
        }
        sink.lost(&error);
        if has_told {
            wait = WAIT_FIRST;
        }
        let jitter = rand::rng().random_range(0.5..1.5);
        sleep(wait.mul_f64(jitter)).await;
        wait = wait.mul_f64(WAIT_GROWTH).min(WAIT_MAX);
    }
}

/// Reads one stream.
struct Reader<'a, S> {
    guard: Guard,
    position: &'a mut Position,
    sink: &'a mut S,
    parts: Parts,
    /// Whether anything has come.
    has_come: bool,
    /// Whether a table of this stream was told.
    has_told: bool,
}

impl<S: Sink> Reader<'_, S> {
    /// Reads states of the world.
    async fn states(&mut self, plane: &ControlPlane) -> Result<Infallible, Error> {
        let mut query = DiscoveryRequest {
            node: Some(plane.node.message()),
            type_url: NAME_TABLE.to_owned(),
            ..DiscoveryRequest::default()
        };
        let mut stream = plane.open(STREAM, query.clone()).await?;
        query.node = None;
        loop {
            let answer: DiscoveryResponse = self.next(&mut stream).await?;
            if answer.type_url != NAME_TABLE {
                continue;
            }
            query.response_nonce = answer.nonce;
            let taken = self.state(&answer.resources);
            if taken.is_ok() {
                query.version_info = answer.version_info;
            }
            query.error_detail = self.detail(taken);
            stream.send(query.clone());
        }
    }

    /// Reads differences.
    async fn differences(&mut self, plane: &ControlPlane) -> Result<Infallible, Error> {
        let mut query = DeltaDiscoveryRequest {
            node: Some(plane.node.message()),
            type_url: NAME_TABLE.to_owned(),
            ..DeltaDiscoveryRequest::default()
        };
        let mut stream = plane.open(DELTA, query.clone()).await?;
        query.node = None;
        loop {
            let answer: DeltaDiscoveryResponse = self.next(&mut stream).await?;
            if answer.type_url != NAME_TABLE {
                continue;
            }
            let taken = self.difference(&answer);
            query.response_nonce = answer.nonce;
            query.error_detail = self.detail(taken);
            stream.send(query.clone());
        }
    }

    async fn next<Q, A>(&mut self, stream: &mut Stream<Q, A>) -> Result<A, Error>
    where
        A: prost::Message + Default + 'static,
    {
        let answer = match self.has_come {
            true => stream.next().await?,
            false => {
                let first = timeout(FIRST_TIME_MAX, stream.next()).await;
                first.map_err(|_| Error::TimedOut)??
            }
        };
        self.has_come = true;
        self.sink.heard();
        Ok(answer)
    }

    fn state(&mut self, parts: &[Any]) -> Result<(), Error> {
        if parts.is_empty() {
            // Not a table without rows: no table at all.
            self.sink.came_empty();
            return Ok(());
        }
        let mut read = Parts::default();
        for (at, part) in parts.iter().enumerate() {
            read.set(at.to_string(), table::read(part)?);
        }
        self.parts = read;
        self.tell();
        Ok(())
    }

    fn difference(&mut self, answer: &DeltaDiscoveryResponse) -> Result<(), Error> {
        let read = answer.resources.iter().map(|part| {
            let none = || Error::Malformed("a resource is missing".to_owned());
            let rows = table::read(part.resource.as_ref().ok_or_else(none)?)?;
            Ok((part.name.clone(), rows))
        });
        let read: Vec<_> = read.collect::<Result<_, Error>>()?;
        if read.is_empty() && answer.removed_resources.is_empty() {
            return Ok(());
        }
        for (name, rows) in read {
            self.parts.set(name, rows);
        }
        for name in &answer.removed_resources {
            self.parts.remove(name);
        }
        self.tell();
        Ok(())
    }

    /// Tells the table as it is now, unless it is empty and must not be.
    fn tell(&mut self) {
        let rows = self.parts.rows();
        let known = self.position.rows.unwrap_or(0);
        let is_kept = match self.guard {
            Guard::Off => false,
            Guard::Below(hosts) => {
                rows.is_empty() && known > 0 && (!self.has_told || known >= hosts)
            }
        };
        if is_kept {
            self.sink.came_empty();
            return;
        }
        self.has_told = true;
        self.position.rows = Some(rows.len());
        self.sink.told(rows);
    }

    /// What is said of something that was not taken.
    fn detail(&mut self, taken: Result<(), Error>) -> Option<Status> {
        let error = taken.err()?;
        self.sink.refused(&error);
        let mut message = error.to_string();
        let cut = message.floor_char_boundary(DETAIL_MAX);
        message.truncate(cut);
        Some(Status {
            code: INVALID_ARGUMENT,
            message,
        })
    }
}
