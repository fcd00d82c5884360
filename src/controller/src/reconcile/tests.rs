//! What is to be done to make one set of entries another.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;

use super::{Step, plan};
use crate::entry::{Entries, Entry};

fn entry(name: &str, address: &str, ttl: u32) -> Entry {
    Entry {
        name: name.parse().unwrap(),
        zone: Arc::new("rpc.local.".parse().unwrap()),
        addresses: [address.parse::<IpAddr>().unwrap()].into(),
        ttl,
    }
}

fn entries(all: &[Entry]) -> Entries {
    all.iter()
        .map(|entry| (entry.name.to_string().into(), entry.clone()))
        .collect()
}

#[test]
fn what_differs_is_written_and_what_is_gone_is_removed() {
    let same = entry("same.rpc.local.", "10.0.0.1", 60);
    let before = entry("moved.rpc.local.", "10.0.0.1", 60);
    let after = entry("moved.rpc.local.", "10.0.0.2", 60);
    let new = entry("new.rpc.local.", "10.0.0.3", 60);
    let gone = entry("gone.rpc.local.", "10.0.0.4", 60);
    let kept = entry("kept.rpc.local.", "10.0.0.5", 60);
    let wanted = entries(&[same.clone(), after.clone(), new.clone()]);
    let written = entries(&[same, before.clone(), gone.clone(), kept]);
    let steps = plan(&wanted, &written, |text| text.starts_with("kept"));
    assert_eq!(
        steps,
        [
            Step::Put(after, Some(before)),
            Step::Put(new, None),
            Step::Remove(gone)
        ]
    );
}

#[test]
fn a_name_is_told_relative_to_its_zone() {
    assert_eq!(entry("com.a.rpc.local.", "10.0.0.1", 1).relative(), "com.a");
}
