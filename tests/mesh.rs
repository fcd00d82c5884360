//! `serviceentry` in front of a Kubernetes API server: what Istio was recorded to tell, and more.
//!
//! It needs the API server of `kube.rs`; without it these tests do nothing but say so, and with
//! `CI=true` they fail.

mod live;
pub mod objects;
mod recorded;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use catena_dns::{Message, Name, Rcode, RecordType};

use crate::client::exchange_tcp;
use crate::kube::Api;
use crate::server::{Server, free_port};
use objects::{apply, define, delete, set_status};
use recorded::{Answer, Legacy, Scenario, Viewer};

/// How long what was applied may take to be answered.
const SOON: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);
/// Characters of what is told of one fault.
const FAULT_MAX: usize = 300;
/// What is not known is answered by somebody else like this.
const PASSED: &str = "template ANY ANY . {\n rcode REFUSED\n }";

/// The addresses that a server tells; `None` if the name is not its own.
fn told(port: u16, name: &str, rtype: &str) -> Option<BTreeSet<String>> {
    let name: Name = name.parse().unwrap();
    let rtype = match rtype {
        "A" => RecordType::A,
        _ => RecordType::AAAA,
    };
    let query = Message::query(name.view(), rtype).to_packet();
    let reply = Message::decode(&exchange_tcp(port, &query).unwrap()).unwrap();
    match reply.rcode() {
        Rcode::REFUSED => return None,
        Rcode::NOERROR => {}
        rcode => unreachable!("{name} {rtype:?}: {rcode:?}"),
    }
    let own = reply.answers.iter().filter(|record| record.rtype == rtype);
    let addresses = own.map(|record| match rtype {
        RecordType::A => IpAddr::from(<[u8; 4]>::try_from(&*record.rdata).unwrap()),
        _ => IpAddr::from(<[u8; 16]>::try_from(&*record.rdata).unwrap()),
    });
    Some(addresses.map(|address| address.to_string()).collect())
}

/// A server with a block for each viewer, and the ports of the blocks.
fn viewers(api: &Api, folder: &std::path::Path, viewers: &[Viewer]) -> (Server, Vec<u16>) {
    let ports: Vec<u16> = viewers.iter().map(|_| free_port()).collect();
    let mut text = String::new();
    for (viewer, port) in viewers.iter().zip(&ports) {
        text.push_str(&format!(
            ".:{port} {{\n bind 127.0.0.1\n serviceentry {{\n endpoint http://127.0.0.1:{}\n \
             services\n fallthrough\n {}\n }}\n {PASSED}\n}}\n",
            api.http, viewer.properties
        ));
    }
    fs::write(folder.join("Corefile"), text).unwrap();
    let mut server = Server::start(folder, "Corefile", free_port());
    server.started().unwrap();
    (server, ports)
}

/// What is told otherwise than recorded.
fn faults(scenario: &Scenario, phase: &str, (viewer, port): (&Viewer, u16)) -> Vec<String> {
    let table = scenario.table(&viewer.name, phase);
    let mut faults = Vec::new();
    for host in scenario.hosts() {
        let name = match host.strip_prefix("*.") {
            Some(rest) => format!("any.thing.{rest}."),
            None => format!("{host}."),
        };
        let mut all = told(port, &name, "A");
        if let (Some(all), Some(more)) = (&mut all, told(port, &name, "AAAA")) {
            all.extend(more);
        }
        if all.as_ref() != table.get(&host) {
            let wanted = table.get(&host);
            let fault = format!("{}: {host}: {all:?}, recorded {wanted:?}", viewer.name);
            faults.push(fault.chars().take(FAULT_MAX).collect());
        }
    }
    let wrong = scenario
        .answers(&viewer.name, phase)
        .into_iter()
        .filter_map(|answer| {
            let told = told(port, &answer.name, &answer.rtype);
            let (name, rtype, wanted) = (&answer.name, &answer.rtype, &answer.addresses);
            (told != *wanted && !is_better(viewer, &answer, told.as_ref())).then(|| {
                format!(
                    "{}: {name} {rtype}: {told:?}, recorded {wanted:?}",
                    viewer.name
                )
            })
        });
    faults.extend(wrong);
    faults
}

/// Whether an answer differs because names are completed with all search domains, and with the
/// first one also where they end in it already.
fn is_better(viewer: &Viewer, recorded: &Answer, told: Option<&BTreeSet<String>>) -> bool {
    let is_behind = |domain: &String| recorded.name.ends_with(domain.as_str());
    recorded.addresses.is_none() && told.is_some() && viewer.search.iter().any(is_behind)
}

#[test]
fn every_recorded_viewer_is_told_what_was_recorded_after_every_phase() {
    let only = std::env::var("SCENARIO").ok();
    let mut faults = Vec::new();
    for scenario in recorded::all() {
        if only.as_ref().is_some_and(|only| *only != scenario.name) {
            continue;
        }
        let Some(api) = Api::start("") else {
            return;
        };
        replay(&scenario, &api, &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn replay(scenario: &Scenario, api: &Api, faults: &mut Vec<String>) {
    define(api);
    let folder = tempfile::tempdir().unwrap();
    let asking = scenario.viewers();
    let (_server, ports) = viewers(api, folder.path(), &asking);
    for phase in scenario.phases() {
        let (applied, deleted) = scenario.step(&phase);
        applied.iter().for_each(|object| apply(api, object));
        deleted.iter().for_each(|object| delete(api, object));
        if !scenario.is_hashed() {
            for (namespace, name, status) in scenario.statuses(&phase) {
                set_status(api, &namespace, &name, &status);
            }
        }
        let wrong = settled(|| {
            let both = asking.iter().zip(ports.iter().copied());
            both.flat_map(|asking| self::faults(scenario, &phase, asking))
                .collect()
        });
        let at = |fault: String| format!("{} {phase}: {fault}", scenario.name);
        faults.extend(wrong.into_iter().map(at));
    }
}

/// What the older plugin answers to a question, as it was recorded.
fn legacy_answer(port: u16, asked: &Legacy) -> (String, Vec<String>) {
    let name: Name = asked.name.parse().unwrap();
    let known = RecordType::NAMED.iter();
    let rtype = known.copied().find(|(_, text)| *text == asked.rtype);
    let query = Message::query(name.view(), rtype.unwrap().0).to_packet();
    let reply = Message::decode(&exchange_tcp(port, &query).unwrap()).unwrap();
    assert!(reply.authorities.is_empty(), "{name}");
    let records = reply.answers.iter().map(|record| {
        let octets: [u8; 4] = record.rdata.as_ref().try_into().unwrap();
        format!(
            "{} {} IN A {}",
            record.name,
            record.ttl,
            IpAddr::from(octets)
        )
    });
    let mut records: Vec<String> = records.collect();
    records.sort();
    (reply.rcode().name().unwrap().to_owned(), records)
}

#[test]
fn strict_compat_answers_what_the_older_plugin_was_recorded_to_answer() {
    let mut faults = Vec::new();
    for scenario in recorded::all() {
        let Some(default) = scenario.legacy_default() else {
            continue;
        };
        let Some(api) = Api::start("") else {
            return;
        };
        define(&api);
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = format!(
            ". {{\n bind 127.0.0.1\n serviceentry {{\n endpoint http://127.0.0.1:{}\n \
             strict_compat {default}\n }}\n}}\n",
            api.http
        );
        fs::write(folder.path().join("Corefile"), text).unwrap();
        let mut server = Server::start(folder.path(), "Corefile", port);
        server.started().unwrap();
        for phase in scenario.phases() {
            let (applied, deleted) = scenario.step(&phase);
            applied.iter().for_each(|object| apply(&api, object));
            deleted.iter().for_each(|object| delete(&api, object));
            let mut recorded = scenario.legacy(&phase);
            recorded.retain(|asked| !scenario.is_chance(&asked.name, &phase));
            let wrong = settled(|| {
                let wrong = recorded.iter().filter_map(|asked| {
                    let told = legacy_answer(port, asked);
                    let wanted = (&asked.rcode, &asked.records);
                    let place =
                        format!("{} {phase}: {} {}", scenario.name, asked.name, asked.rtype);
                    ((&told.0, &told.1) != wanted)
                        .then(|| format!("{place}: {told:?}, recorded {wanted:?}"))
                });
                wrong.collect()
            });
            faults.extend(wrong);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The faults that are left when those have gone that go soon.
fn settled(mut faults: impl FnMut() -> Vec<String>) -> Vec<String> {
    let began = SystemTime::now();
    loop {
        let wrong = faults();
        if wrong.is_empty() || began.elapsed().unwrap() > SOON {
            return wrong;
        }
        std::thread::sleep(PAUSE);
    }
}
