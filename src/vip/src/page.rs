//! The endpoint: who has which address, and how it goes.

use std::net::IpAddr;
use std::sync::Arc;

use catena_http::{Address, Answer, Asked, Lease, OpenError, Opening, Page};
use catena_plugin::metrics::{publish, text};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::metrics;
use crate::work::State;

/// A row of the list.
#[derive(Serialize)]
struct Listed<'l> {
    address: IpAddr,
    host: &'l str,
    namespace: &'l str,
    name: &'l str,
}

/// Opens the endpoint, unless there is to be none.
pub(crate) fn open(port: u16, state: Arc<State>) -> Result<Option<Lease>, OpenError> {
    publish(metrics::ALL);
    if port == 0 {
        return Ok(None);
    }
    let opening = Opening {
        address: &Address::any(port),
        tls: None,
        pages: Arc::new(move |asked: &Asked| answer(asked, &state).map(Answer::Now)),
        background: &Handle::current(),
    };
    opening.open().map(Some)
}

fn answer(asked: &Asked, state: &State) -> Option<Page> {
    Some(match asked.path.as_str() {
        "/healthz" => Page::text(200, "ok"),
        "/readyz" if state.is_listed() => Page::text(200, "ok"),
        "/readyz" => Page::text(503, "entries are still to be listed"),
        "/vips" => list(asked, state),
        "/metrics" => Page::new(text::CONTENT_TYPE, text::page()),
        _ => return None,
    })
}

/// The addresses, all of them or those of an `address`, a `host` or a `namespace`.
fn list(asked: &Asked, state: &State) -> Page {
    let address = asked.value("address").map(str::parse::<IpAddr>);
    if let Some(Err(_)) = address {
        return Page::text(400, "address is none\n");
    }
    let address = address.and_then(Result::ok);
    let (host, namespace) = (asked.value("host"), asked.value("namespace"));
    let allocator = state.allocator.lock();
    let entries = allocator.holding();
    let rows = entries.flat_map(|entry| {
        entry.held.iter().map(|held| Listed {
            address: held.address,
            host: &held.host,
            namespace: &entry.id.namespace,
            name: &entry.id.name,
        })
    });
    let is_wanted = |row: &Listed<'_>| {
        address.is_none_or(|wanted| row.address == wanted)
            && host.is_none_or(|wanted| row.host == wanted)
            && namespace.is_none_or(|wanted| row.namespace == wanted)
    };
    let mut rows: Vec<Listed<'_>> = rows.filter(is_wanted).collect();
    rows.sort_by_key(|row| row.address);
    match serde_json::to_vec(&rows) {
        Ok(body) => Page::new("application/json", body),
        Err(error) => Page::text(500, error.to_string()),
    }
}
