//! Lists the objects of a resource, then follows their changes, for ever.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::FutureExt;
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use rand::RngExt;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::client::Answer;
use crate::envelope::{Event, event, page};
use crate::frames::Frames;
use crate::{Client, Encoding, Object, Refusal, Resource};

/// The first wait after a failure, how it grows, and the longest.
const WAIT_FIRST: Duration = Duration::from_millis(50);
const WAIT_GROWTH: f64 = 1.5;
const WAIT_MAX: Duration = Duration::from_secs(30);
/// The longest while a kind is not known: it may be defined at any time.
const ABSENT_WAIT_MAX: Duration = Duration::from_secs(2);
/// A watch that ends sooner and brought nothing counts as a failure.
const WATCH_SHORT: Duration = Duration::from_secs(1);
/// After how many seconds the server is to end a watch; up to half more, so that not all end at
/// once. A connection that broke silently is noticed by then.
const WATCH_SECONDS: u64 = 180;
/// What a watch may take longer than that.
const WATCH_SLACK: Duration = Duration::from_secs(15);
/// Objects on a page of a list, and the longest page.
const PAGE: &str = "500";
const PAGE_MAX: usize = 256 << 20;
/// How long a page may take.
const PAGE_TIME_MAX: Duration = Duration::from_secs(60);

/// Learns of objects, in order.
pub trait Sink {
    /// A list begins: what is not named before [`Sink::listed`] is gone.
    fn begin(&mut self);
    /// The object is there, new or changed.
    fn apply(&mut self, object: &Object<'_>);
    /// The object is gone; this is its last state.
    fn delete(&mut self, object: &Object<'_>);
    /// The list is complete.
    fn listed(&mut self);
    /// Nothing more has arrived for now.
    fn flush(&mut self);
    /// The server answers.
    fn heard(&mut self);
    /// The server does not answer, or refuses.
    fn lost(&mut self, refusal: &Refusal);
    /// Something arrived that is no event.
    fn malformed(&mut self);
}

/// How far a watch has come; whoever takes it on goes on from there.
#[derive(Debug, Default)]
pub struct Position {
    /// The version of all that was told; `None` before the list is complete.
    version: Option<String>,
    /// The server does not send lists as events.
    pages: bool,
}

/// How a watch ended.
enum End {
    /// As watches do.
    Usual,
    /// It was cut off, or brought nothing.
    Short,
}

/// Keeps `sink` told of all objects of `resource`, for as long as it is polled.
///
/// It may be dropped at any time and taken on with the same `position` and `sink`.
pub async fn watch(
    client: &Client,
    resource: &Resource,
    position: &mut Position,
    sink: &mut impl Sink,
) -> Infallible {
    let mut wait = WAIT_FIRST;
    let mut resource = resource.clone();
    let newest = resource.path;
    let mut older = resource.older.iter();
    loop {
        let began = Instant::now();
        let had_list = position.version.is_some();
        match follow(client, &resource, position, sink).await {
            Ok(End::Usual) => {
                wait = WAIT_FIRST;
                continue;
            }
            // One that lived for long is taken up at once.
            Ok(End::Short) if had_list && began.elapsed() >= WATCH_SHORT => {
                wait = WAIT_FIRST;
                continue;
            }
            Ok(End::Short) => {}
            // The server forgot the version: list again, at once after a good time.
            Err(refusal) if refusal.code() == Some(410) => {
                position.version = None;
                if had_list && wait == WAIT_FIRST {
                    wait = next_wait(wait);
                    continue;
                }
            }
            Err(refusal) if resource.optional && refusal.code() == Some(404) => {
                if let Some(path) = older.next() {
                    resource.path = path;
                    continue;
                }
                (resource.path, older) = (newest, resource.older.iter());
                wait = wait.min(ABSENT_WAIT_MAX);
                sink.lost(&refusal);
            }
            Err(refusal) => {
                // Such as a version from before the server's data were restored from a backup.
                if matches!(refusal.code(), Some(400 | 500 | 504)) {
                    position.version = None;
                }
                sink.lost(&refusal);
            }
        }
        let jitter = rand::rng().random_range(0.75..1.25);
        sleep(wait.mul_f64(jitter)).await;
        wait = next_wait(wait);
    }
}

fn next_wait(wait: Duration) -> Duration {
    wait.mul_f64(WAIT_GROWTH).min(WAIT_MAX)
}

/// One list, one watch, or both in one.
async fn follow(
    client: &Client,
    resource: &Resource,
    position: &mut Position,
    sink: &mut impl Sink,
) -> Result<End, Refusal> {
    if position.version.is_none() && position.pages {
        return list(client, resource, position, sink).await;
    }
    let seconds = rand::rng().random_range(WATCH_SECONDS..WATCH_SECONDS * 3 / 2);
    let until = Instant::now() + Duration::from_secs(seconds) + WATCH_SLACK;
    let (from, timeout) = (position.version.clone(), seconds.to_string());
    let (initial, version) = match &from {
        Some(version) => ("", version.as_str()),
        None => ("true", ""),
    };
    let uri = resource.uri(&[
        ("watch", "1"),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", &timeout),
        ("sendInitialEvents", initial),
        (
            "resourceVersionMatch",
            if from.is_none() { "NotOlderThan" } else { "" },
        ),
        ("resourceVersion", version),
    ]);
    let answer = match client.ask(&uri, resource.encoding).await {
        Err(refusal)
            if from.is_none() && matches!(refusal.code(), Some(400 | 405 | 406 | 415 | 422)) =>
        {
            // As servers before 1.32 and those told not to.
            position.pages = true;
            return Ok(End::Usual);
        }
        answer => answer?,
    };
    sink.heard();
    if from.is_none() {
        sink.begin();
    }
    let end = events(answer, until, position, sink).await?;
    // A list that was cut off brought nothing.
    Ok(match position.version {
        Some(_) => end,
        None => End::Short,
    })
}

/// Reads events until the watch ends.
async fn events(
    answer: Answer,
    until: Instant,
    position: &mut Position,
    sink: &mut impl Sink,
) -> Result<End, Refusal> {
    let Answer { encoding, mut body } = answer;
    let mut frames = Frames::new(encoding);
    let mut end = End::Short;
    loop {
        // Whatever has arrived is read before readers see any of it.
        let chunk = match data(&mut body).now_or_never() {
            Some(chunk) => chunk,
            None => {
                sink.flush();
                match timeout_at(until, data(&mut body)).await {
                    Ok(chunk) => chunk,
                    Err(_) => return Ok(end),
                }
            }
        };
        match chunk {
            Some(Ok(chunk)) => frames.push(&chunk),
            Some(Err(_)) | None => {
                sink.flush();
                return Ok(end);
            }
        }
        loop {
            match frames.next() {
                Ok(Some(frame)) => read(frame, encoding, position, sink)?,
                Ok(None) => break,
                Err(_) => {
                    sink.flush();
                    let message = "an event is longer than any object can be".to_owned();
                    return Err(Refusal::Connection(message));
                }
            }
            end = End::Usual;
        }
    }
}

/// The next piece of `body`; `None` at its end.
async fn data(body: &mut Body) -> Option<Result<bytes::Bytes, kube::Error>> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

fn read(
    frame: &[u8],
    encoding: Encoding,
    position: &mut Position,
    sink: &mut impl Sink,
) -> Result<(), Refusal> {
    match event(frame, encoding) {
        Some(Event::Applied(object)) => {
            sink.apply(&object);
            position.pass(&object);
        }
        Some(Event::Deleted(object)) => {
            sink.delete(&object);
            position.pass(&object);
        }
        Some(Event::Bookmark { version, ends_list }) => {
            if ends_list {
                sink.listed();
            }
            if ends_list || position.version.is_some() {
                position.version = Some(version);
            }
        }
        Some(Event::Failed(status)) => {
            sink.flush();
            return Err(Refusal::Status {
                code: status.code,
                message: status.message,
            });
        }
        None => sink.malformed(),
    }
    Ok(())
}

impl Position {
    /// Notes the version of an event; those of a list that is not complete say nothing.
    fn pass(&mut self, object: &Object<'_>) {
        if let Some(version) = &mut self.version {
            object.version(version);
        }
    }
}

/// Lists page by page.
async fn list(
    client: &Client,
    resource: &Resource,
    position: &mut Position,
    sink: &mut impl Sink,
) -> Result<End, Refusal> {
    let mut next = String::new();
    loop {
        let uri = resource.uri(&[("limit", PAGE), ("continue", &next)]);
        let Answer { encoding, body } = client.ask(&uri, resource.encoding).await?;
        let body = Limited::new(body, PAGE_MAX).collect();
        let body = match timeout(PAGE_TIME_MAX, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return Err(Refusal::Connection(error.to_string())),
            Err(_) => return Err(Refusal::Connection("a list takes too long".to_owned())),
        };
        let Some(page) = page(&body, encoding) else {
            return Err(Refusal::Connection("a list makes no sense".to_owned()));
        };
        if next.is_empty() {
            sink.heard();
            sink.begin();
        }
        for object in &page.items {
            sink.apply(object);
        }
        if page.next.is_empty() {
            sink.listed();
            position.version = Some(page.version);
            return Ok(End::Usual);
        }
        next = page.next;
    }
}

#[cfg(test)]
mod tests;
