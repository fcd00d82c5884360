//! Changes of a zone as they happen: server-sent events, resumable by revision.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catena_http::Body;
use catena_records::{Entry, LiveZone, Mark};
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::body::SetBody;
use super::path::query_value;
use super::problem::{Code, Problem};
use super::zones::only_get;
use super::{Api, Replied};
use crate::access::{Caller, Verb};

/// Changes taken from the journal at once.
const CHUNK: usize = 100;
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Watch {
    api: Arc<Api>,
    zone: Arc<LiveZone>,
    caller: Caller,
    marks: watch::Receiver<Mark>,
    /// The last revision that was told.
    revision: u64,
    ready: VecDeque<String>,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

impl Api {
    /// Follows a zone, from now on or from the revision that the client saw last.
    pub(super) fn watch(
        self: &Arc<Self>,
        request: &Request<Incoming>,
        zone: Arc<LiveZone>,
        caller: Caller,
    ) -> Replied {
        only_get(request)?;
        let last = request.headers().get("last-event-id");
        let last = last.map(|value| value.to_str().unwrap_or_default().to_owned());
        let asked = match last {
            Some(last) => Some(last),
            None => query_value(request.uri().query(), "revision")?,
        };
        let place = Arc::clone(&self.watchers).try_acquire_owned();
        let place = place.map_err(|_| Code::Busy.with("too many clients follow changes"))?;
        let marks = zone.marks();
        let mark = zone.mark();
        let mut ready = VecDeque::new();
        let revision = match asked {
            None => {
                let body = json!({ "revision": mark.revision, "serial": mark.serial });
                ready.push_back(event("start", mark.revision, &body));
                mark.revision
            }
            Some(text) => read_revision(&text, &zone)?,
        };
        let watch = Watch {
            api: Arc::clone(self),
            zone,
            caller,
            marks,
            revision,
            ready,
            is_over: false,
            _place: place,
        };
        let events = stream::unfold(watch, Watch::next);
        let body: Body = StreamBody::new(events).boxed_unsync();
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

fn read_revision(text: &str, zone: &LiveZone) -> Result<u64, Problem> {
    let revision = text.parse::<u64>().ok();
    let revision = revision.ok_or_else(|| Code::InvalidSet.with("the revision is no number"))?;
    let is_known = revision <= zone.mark().revision && zone.changes_after(revision, 0).is_some();
    match is_known {
        true => Ok(revision),
        false => Err(Code::Gone.with(format!(
            "the changes since revision {revision} are not known any more: \
             list the records, then watch from revision {}",
            zone.mark().revision
        ))),
    }
}

fn event(kind: &str, revision: u64, body: &Value) -> String {
    format!("event: {kind}\nid: {revision}\ndata: {body}\n\n")
}

type Sent = Result<Frame<Bytes>, Infallible>;

impl Watch {
    async fn next(mut self) -> Option<(Sent, Watch)> {
        loop {
            if let Some(text) = self.ready.pop_front() {
                return Some((Ok(Frame::data(text.into())), self));
            }
            if self.is_over {
                return None;
            }
            self.marks.mark_unchanged();
            match self.zone.changes_after(self.revision, CHUNK) {
                None => {
                    let body = json!({ "code": Code::Gone.text() });
                    self.ready.push_back(event("gone", self.revision, &body));
                    self.is_over = true;
                }
                Some(entries) if entries.is_empty() => {
                    let changed = self.marks.changed();
                    match tokio::time::timeout(KEEP_ALIVE, changed).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => self.is_over = true,
                        Err(_) => self.ready.push_back(": alive\n\n".to_owned()),
                    }
                }
                Some(entries) => {
                    for entry in entries {
                        self.revision = entry.revision;
                        let told = self.tell(&entry);
                        self.ready.extend(told);
                    }
                }
            }
        }
    }

    /// The event of a change; `None` if the client may see nothing of it.
    fn tell(&self, entry: &Entry) -> Option<String> {
        let edits = entry.edits.iter().filter(|edit| {
            let set = (edit.key.name.view(), edit.key.rtype);
            self.api.access.allows(&self.caller, Verb::Read, set)
        });
        let changes: Vec<Value> = edits
            .map(|edit| {
                let set = edit.after.as_ref();
                let set = set.map(|set| SetBody::of(edit.key.rtype, set));
                json!({
                    "op": if set.is_some() { "put" } else { "delete" },
                    "name": edit.key.name.to_string(),
                    "type": edit.key.rtype.to_string(),
                    "set": set,
                })
            })
            .collect();
        let body = json!({
            "revision": entry.revision,
            "serial": entry.to,
            "changes": changes,
        });
        (!changes.is_empty()).then(|| event("change", entry.revision, &body))
    }
}
