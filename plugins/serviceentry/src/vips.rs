//! The list of automatic addresses: which host of which entry has which one.

use std::net::IpAddr;

use catena_http::{Asked, Page};
use catena_mesh::{Host, Reach, Row, Table};
use serde::Serialize;

/// A row of the list.
#[derive(Serialize)]
struct Listed {
    address: IpAddr,
    host: String,
    namespace: String,
    name: String,
    /// Another host has a better right to it otherwise.
    answered: bool,
}

/// The addresses, all of them or those of an `address`, a `host` or a `namespace`.
pub(crate) fn page(asked: &Asked, table: &Table) -> Page {
    let address = asked.value("address").map(str::parse::<IpAddr>);
    let Ok(address) = address.transpose() else {
        return Page::text(400, "address is none\n");
    };
    let (host, namespace) = (asked.value("host"), asked.value("namespace"));
    let mut rows = Vec::new();
    table.each(|known| {
        let automatic = known.rows.iter();
        let automatic = automatic.filter(|row| row.addresses.reach == Reach::Automatic);
        rows.extend(automatic.flat_map(|row| listed(known, row)).filter(|row| {
            address.is_none_or(|wanted| row.address == wanted)
                && host.is_none_or(|wanted| row.host == wanted)
                && namespace.is_none_or(|wanted| row.namespace == wanted)
        }));
    });
    rows.sort_by(|a, b| {
        (a.address, &a.namespace, &a.name).cmp(&(b.address, &b.namespace, &b.name))
    });
    match serde_json::to_vec(&rows) {
        Ok(body) => Page::new("application/json", body),
        Err(error) => Page::text(500, error.to_string()),
    }
}

fn listed<'r>(host: &Host, row: &'r Row) -> impl Iterator<Item = Listed> + use<'r> {
    let own = row.addresses.list.iter().map(|address| (address, true));
    let yielded = row.addresses.yielded.iter();
    let all = own.chain(yielded.map(|address| (address, false)));
    let owner = row.owner.text();
    let name = owner.rsplit_once('/').map_or(owner, |(_, name)| name);
    let host = host.name.to_string();
    all.map(move |(address, answered)| Listed {
        address: *address,
        host: host.clone(),
        namespace: row.namespace.to_string(),
        name: name.to_owned(),
        answered,
    })
}
