//! Plugin whoami: tells a client its own address, port and transport.

use catena_dns::name::NAME_MAX;
use catena_dns::{AddressRdata, NameRef, RecordRef, RecordType, Reply, Section};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "whoami",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    for line in cx.occurrences() {
        line.no_args()?;
        line.no_block()?;
    }
    cx.add_stage(Whoami);
    Ok(())
}

struct Whoami;

impl Plugin for Whoami {
    fn serve(&self, query: &Query<'_>, _: Next<'_>) -> Flow {
        let mut reply = Reply::authoritative(query);
        let client = query.client();
        let address = AddressRdata::from(client.ip().to_canonical());
        let kind = (address.rtype(), 0);
        let record = RecordRef {
            class: query.qclass(),
            ..RecordRef::new(query.name_as_asked(), kind, address.octets())
        };
        reply.push(Section::Additional, record);
        let mut wire = [0; NAME_MAX];
        // A name that has no room for one label more goes without the port.
        if let Some(name) = service_name(query, &mut wire) {
            let [high, low] = client.port().to_be_bytes();
            // Priority 0, weight 0, the port, and the root as target.
            let (rtype, rdata) = (RecordType::SRV, &[0, 0, 0, 0, high, low, 0]);
            let record = RecordRef {
                name,
                rtype,
                rdata,
                ..record
            };
            reply.push(Section::Additional, record);
        }
        Outcome::reply(reply).into()
    }
}

/// `_udp` or `_tcp` in front of the name asked, written to `wire`.
fn service_name<'w>(query: &Query<'_>, wire: &'w mut [u8; NAME_MAX]) -> Option<NameRef<'w>> {
    let label: &[u8] = match query.context().transport.name() {
        "udp" => b"\x04_udp",
        _ => b"\x04_tcp",
    };
    let asked = query.name_as_asked().wire();
    let length = label.len() + asked.len();
    let (front, back) = wire.get_mut(..length)?.split_at_mut(label.len());
    front.copy_from_slice(label);
    back.copy_from_slice(asked);
    NameRef::from_wire(wire.get(..length)?).ok()
}

#[cfg(test)]
mod tests;
