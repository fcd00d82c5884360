//! A whole zone as a master file: out, and in.

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use catena_dns::zonefile::{Loader, read_zone};
use catena_dns::{Class, NameRef, RecordRef, RecordType};
use catena_index::Zone;
use catena_records::{
    Draft, LiveZone, RecordSet, Refusal, SetKey, is_after, is_data_type, is_signing_type,
    serial_of, with_serial,
};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::body::read_octets;
use super::problem::{Code, Problem};
use super::records::{count_write, mark};
use super::zones::{only, only_get, sets_at};
use super::{Api, Replied, audit, reply};
use crate::access::{Caller, Verb};
use crate::text::print_lines;

/// Octets of a master file at most.
const OCTETS_MAX: usize = 64 << 20;

impl Api {
    /// The records that the client may read, as a master file.
    pub(super) async fn export(
        self: &Arc<Self>,
        request: &Request<Incoming>,
        zone: Arc<LiveZone>,
        caller: Caller,
    ) -> Replied {
        only_get(request)?;
        let shown = zone.zone().clone();
        let shown = shown.ok_or_else(|| Code::Unavailable.with("the zone is not loaded yet"))?;
        let api = Arc::clone(self);
        let text = spawn_blocking(move || api.print(&shown, &caller));
        let text = text.await.map_err(|_| Code::Unavailable.problem())?;
        Ok(reply::whole(
            StatusCode::OK,
            "text/dns; charset=utf-8",
            text,
        ))
    }

    fn print(&self, zone: &Zone, caller: &Caller) -> String {
        let mut lines = String::new();
        let names = zone.in_order();
        let apex = zone.apex();
        let others = names.into_iter().filter(|node| !node.is(apex));
        for node in std::iter::once(apex).chain(others) {
            for (rtype, set) in sets_at(self, zone, node) {
                if self.access.allows(caller, Verb::Read, (node.name(), rtype)) {
                    print_lines(node.name(), rtype, &set, &mut lines);
                }
            }
        }
        lines
    }

    /// Makes the zone that of a master file.
    pub(super) async fn import(
        &self,
        request: Request<Incoming>,
        zone: Arc<LiveZone>,
        caller: &Caller,
    ) -> Replied {
        only(&request, &[Method::PUT])?;
        let octets = read_octets(request, OCTETS_MAX).await?;
        let origin = zone.origin().to_name();
        let read = spawn_blocking(move || read_sets(octets.to_vec(), origin.view()));
        let sets = read.await.map_err(|_| Code::Unavailable.problem())??;
        for (key, _) in &sets {
            self.check(caller, Verb::Write, (key.name.view(), key.rtype))?;
        }
        let (access, who) = (Arc::clone(&self.access), caller.clone());
        let written = self.ledger.change(zone.origin(), move |draft| {
            let may_remove =
                |key: &SetKey| access.allows(&who, Verb::Delete, (key.name.view(), key.rtype));
            replace(draft, &sets, &may_remove)
        });
        let written = written.await?;
        count_write(&zone, "rest");
        let (serial, changes) = (written.serial, written.changes);
        let what = format_args!(
            "imports {}: {changes} names, serial {serial}",
            zone.origin()
        );
        audit("rest", caller, what);
        let body = json!({
            "serial": written.serial,
            "revision": written.revision,
            "names": written.changes,
        });
        let mut response = reply::json(StatusCode::OK, &body);
        mark(&mut response, written);
        Ok(response)
    }
}

/// There are no files to include.
struct NoFiles;

impl Loader for NoFiles {
    fn open(&mut self, _: &Path) -> io::Result<Box<dyn Read>> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// The sets of a master file.
fn read_sets(octets: Vec<u8>, origin: NameRef<'_>) -> Result<Vec<(SetKey, RecordSet)>, Problem> {
    let mut records: Vec<(SetKey, u32, Box<[u8]>)> = Vec::new();
    let mut sink = |record: RecordRef<'_>| {
        let rtype = record.rtype;
        if !record.name.is_within(origin) || record.class != Class::IN {
            return Err(format!("{} is not in the zone", record.name));
        }
        if !is_data_type(rtype) || is_signing_type(rtype) {
            return Err(format!("records of type {rtype} cannot be written"));
        }
        let key = SetKey::new(record.name, rtype);
        records.push((key, record.ttl, record.rdata.into()));
        Ok(())
    };
    let input = Box::new(Cursor::new(octets));
    let read = read_zone(Path::new("body"), input, origin, (&mut NoFiles, &mut sink));
    read.map_err(|error| Code::InvalidSet.with(error.to_string()))?;
    records.sort_by(|(left, ..), (right, ..)| {
        let names = left.name.view().cmp_canonical(right.name.view());
        names.then(left.rtype.cmp(&right.rtype))
    });
    let mut sets = Vec::new();
    for alike in records.chunk_by(|(left, ..), (right, ..)| left == right) {
        let data = alike.iter().map(|(_, _, rdata)| rdata.clone()).collect();
        if let Some((key, ttl, _)) = alike.first() {
            let set = RecordSet::new(key.rtype, *ttl, data);
            let broken = || Code::InvalidSet.with(format!("{}: broken data", key.name));
            sets.push((key.clone(), set.ok_or_else(broken)?));
        }
    }
    Ok(sets)
}

/// Makes the zone `sets`; what it has beside them is removed.
fn replace(
    draft: &mut Draft<'_>,
    sets: &[(SetKey, RecordSet)],
    may_remove: &dyn Fn(&SetKey) -> bool,
) -> Result<(), Refusal> {
    let apex = draft.origin().to_name();
    let wanted: std::collections::HashSet<&SetKey> = sets.iter().map(|(key, _)| key).collect();
    for name in draft.names() {
        for (rtype, _) in draft.sets(name.view()) {
            let key = SetKey::new(name.view(), rtype);
            let is_kept =
                matches!(rtype, RecordType::SOA | RecordType::NS) && name.view() == apex.view();
            if is_kept || wanted.contains(&key) {
                continue;
            }
            if !may_remove(&key) {
                let text = format!("{} {} may not be removed", key.name, key.rtype);
                return Err(Refusal::Condition(0, text));
            }
            draft.remove(name.view(), rtype)?;
        }
    }
    let serial = |set: &RecordSet| set.data.first().and_then(|rdata| serial_of(rdata));
    for (key, set) in sets {
        let mut set = set.clone();
        if key.rtype == RecordType::SOA
            && let Some(known) = draft.set(key.name.view(), RecordType::SOA)
            && let (Some(old), Some(new)) = (serial(&known), serial(&set))
            && (!is_after(new, old) || !draft.takes_serials())
        {
            set = with_serial(&set, old);
        }
        draft.put(key.name.view(), key.rtype, set)?;
    }
    Ok(())
}
