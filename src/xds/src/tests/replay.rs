//! Streams as a real control plane sent them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use catena_testing::recording::{Recording, Response, texts};
use catena_testing::{Call, Istiod};
use prost::Message;
use serde_json::Value;

use super::{Client, plane};
use crate::proto::{DELTA, DeltaDiscoveryRequest, DiscoveryRequest, STREAM};
use crate::{Guard, Protocol, Row};

/// Hosts with their addresses.
type Hosts = BTreeMap<String, Vec<IpAddr>>;

fn recorded(table: &Value) -> Hosts {
    let rows = table.as_object().unwrap().iter().map(|(host, row)| {
        let ips = texts(row.get("ips").unwrap());
        let addresses = ips.iter().filter_map(|ip| ip.parse().ok()).collect();
        (host.to_ascii_lowercase(), addresses)
    });
    rows.filter(|(_, addresses): &(String, Vec<IpAddr>)| !addresses.is_empty())
        .collect()
}

fn told(rows: &[Row]) -> Hosts {
    let rows = rows.iter();
    rows.map(|row| (row.host.to_string(), row.addresses.to_vec()))
        .collect()
}

/// The nonce of the client's next message, and whether it refuses.
async fn verdict(call: &mut Call, protocol: Protocol) -> (String, bool) {
    let query = call.query().await.unwrap();
    match protocol {
        Protocol::Delta => {
            let query = DeltaDiscoveryRequest::decode(query).unwrap();
            (query.response_nonce, query.error_detail.is_some())
        }
        Protocol::StateOfTheWorld => {
            let query = DiscoveryRequest::decode(query).unwrap();
            (query.response_nonce, query.error_detail.is_some())
        }
    }
}

/// Replays `responses` to one client, with its connection cut before each of them that does not
/// empty the table if `cuts` says so, and compares what it is told after each phase.
async fn replay(
    recording: &Recording,
    (viewer, responses): &(String, Vec<Response>),
    protocol: Protocol,
    cuts: bool,
) {
    let mut istiod = Istiod::start().await;
    let mut client = Client::start(plane(istiod.address(), protocol), Guard::Below(5));
    let mut call = istiod.call().await;
    let (first, _) = verdict(&mut call, protocol).await;
    assert_eq!(first, "");
    for (at, response) in responses.iter().enumerate() {
        let expected = recorded(&recording.table(viewer, &response.phase));
        if cuts && at > 0 && !expected.is_empty() {
            istiod.cut();
            call = istiod.call().await;
            verdict(&mut call, protocol).await;
        }
        call.answer(&response.octets);
        let rows = client.table().await;
        let is_last = responses
            .get(at + 1)
            .is_none_or(|next| next.phase != response.phase);
        if is_last {
            let (name, phase) = (&recording.name, &response.phase);
            let place = format!("{name} {phase} for {viewer}, {protocol:?}");
            assert_eq!(told(&rows), expected, "{place}");
        }
        let (nonce, refuses) = verdict(&mut call, protocol).await;
        assert!(!nonce.is_empty() && !refuses, "{nonce}");
    }
    let path = match protocol {
        Protocol::Delta => DELTA,
        Protocol::StateOfTheWorld => STREAM,
    };
    assert_eq!(call.path, path);
}

async fn replay_all(stem: &str, protocol: Protocol) {
    let mut streams = 0;
    for recording in Recording::all() {
        for stream in recording.responses(stem) {
            for cuts in [false, true] {
                replay(&recording, &stream, protocol, cuts).await;
            }
            streams += 1;
        }
    }
    assert!(streams > 40, "{streams} streams");
}

#[tokio::test]
async fn recorded_states_of_the_world_give_the_recorded_tables() {
    replay_all("xds-sotw", Protocol::StateOfTheWorld).await;
}

#[tokio::test]
async fn recorded_differences_give_the_recorded_tables() {
    replay_all("xds-delta", Protocol::Delta).await;
}
