//! The endpoint that says how it goes: `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use catena_http::{Address, Answer, Asked, Lease, OpenError, Opening, Page};
use catena_plugin::metrics::{publish, text};
use tokio::runtime::Handle;

use crate::{Options, metrics};

/// How it goes.
#[derive(Default)]
pub(crate) struct State {
    /// Whether all that should be written is.
    pub is_done: AtomicBool,
}

/// Opens the endpoint, unless the command line says there is none.
pub(crate) fn open(options: &Options, state: Arc<State>) -> Result<Option<Lease>, OpenError> {
    publish(catena_rpc::METRICS);
    publish(metrics::ALL);
    if options.health_port == 0 {
        return Ok(None);
    }
    let opening = Opening {
        address: &Address::any(options.health_port),
        tls: None,
        pages: Arc::new(move |asked: &Asked| answer(asked, &state)),
        background: &Handle::current(),
    };
    opening.open().map(Some)
}

fn answer(asked: &Asked, state: &State) -> Option<Answer> {
    let page = match asked.path.as_str() {
        "/healthz" => Page::text(200, "ok"),
        "/readyz" if state.is_done.load(Relaxed) => Page::text(200, "ok"),
        "/readyz" => Page::text(503, "names are still to be written"),
        "/metrics" => Page::new(text::CONTENT_TYPE, text::page()),
        _ => return None,
    };
    Some(Answer::Now(page))
}
