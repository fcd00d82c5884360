//! Changes are decided in order, kept, shown, and followed.

#![expect(clippy::unwrap_used, reason = "tests")]

mod model;
mod shared;
mod updates;

use std::sync::Arc;

use catena_dns::{Name, NameRef, RecordType};
use catena_index::Found;
use tokio::runtime::Handle;

use super::store::{FileStore, MemoryStore};
use super::*;

const A: RecordType = RecordType::A;

fn origin() -> Name {
    "example.org.".parse().unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text, origin().view()).unwrap()
}

fn new_zone() -> NewZone {
    let ns: Name = "ns1.example.org.".parse().unwrap();
    NewZone {
        origin: origin(),
        soa: Soa {
            mname: ns.clone(),
            rname: "hm.example.org.".parse().unwrap(),
            timers: [1, 2, 3, 4],
            ttl: 60,
        },
        ns: RecordSet::new(RecordType::NS, 60, vec![ns.wire().into()]).unwrap(),
        records_max: 100_000,
    }
}

fn address(last: u8) -> RecordSet {
    RecordSet::new(A, 60, vec![Box::from([192, 0, 2, last])]).unwrap()
}

async fn open(store: impl Store) -> (Arc<Ledger>, Arc<LiveZone>) {
    let ledger = Ledger::open(Arc::new(store), &Handle::current());
    let zone = ledger.serve(vec![new_zone()]).remove(0);
    let mut marks = zone.marks();
    marks.wait_for(|mark| mark.revision > 0).await.unwrap();
    (ledger, zone)
}

async fn put(ledger: &Ledger, owner: &str, set: RecordSet) -> Result<Written, Refusal> {
    let owner = name(owner);
    let change = move |draft: &mut Draft<'_>| draft.put(owner.view(), A, set.clone());
    ledger.change(origin().view(), change).await
}

async fn remove(ledger: &Ledger, owner: &str) -> Result<Written, Refusal> {
    let owner = name(owner);
    let change = move |draft: &mut Draft<'_>| draft.remove(owner.view(), A);
    ledger.change(origin().view(), change).await
}

/// The last octet of the address of a name.
fn shown(zone: &LiveZone, owner: &str) -> Option<u8> {
    let zone = zone.zone().clone().unwrap();
    let records = zone.set(name(owner).view(), A);
    records
        .first()
        .and_then(|record| record.rdata().last().copied())
}

#[tokio::test]
async fn changes_that_wait_together_are_one_commit() {
    let (ledger, zone) = open(MemoryStore::new()).await;
    let before = zone.mark();
    let changes = (0..50).map(|number| {
        let ledger = Arc::clone(&ledger);
        async move {
            put(&ledger, &format!("n{number}"), address(number))
                .await
                .unwrap()
        }
    });
    let written = futures_util::future::join_all(changes).await;
    assert!(
        written
            .iter()
            .all(|written| written.revision == before.revision + 1)
    );
    assert_eq!(zone.mark().serial, before.serial + 1);
    assert_eq!(shown(&zone, "n49"), Some(49));
    let entries = zone.changes_after(before.revision, 10).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].edits.len(), 50);
}

#[tokio::test]
async fn a_change_sees_what_those_before_it_in_the_group_did() {
    let (ledger, _zone) = open(MemoryStore::new()).await;
    let take = |number: u8| {
        let ledger = Arc::clone(&ledger);
        async move {
            let owner = name("lock");
            let change = move |draft: &mut Draft<'_>| match draft.set(owner.view(), A) {
                Some(_) => Err(Refusal::Condition(1, "taken".to_owned())),
                None => draft.put(owner.view(), A, address(number)),
            };
            ledger.change(origin().view(), change).await
        }
    };
    let taken = futures_util::future::join_all((0..10).map(take)).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1);
    assert!(taken[0].is_ok());
}

#[tokio::test]
async fn a_refused_change_leaves_nothing_behind() {
    let (ledger, zone) = open(MemoryStore::new()).await;
    let before = zone.mark();
    let change = |draft: &mut Draft<'_>| {
        draft.put(name("a").view(), A, address(1))?;
        draft.put(name("a.example.net.").view(), A, address(1))
    };
    let refused = ledger.change(origin().view(), change).await;
    assert!(
        matches!(refused, Err(Refusal::OutOfZone(..))),
        "{refused:?}"
    );
    assert_eq!(zone.mark(), before);
    assert_eq!(shown(&zone, "a"), None);
}

#[tokio::test]
async fn a_file_gives_back_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let (ledger, zone) = open(FileStore::open(&path).unwrap()).await;
    put(&ledger, "a.b.c", address(1)).await.unwrap();
    put(&ledger, "gone", address(2)).await.unwrap();
    remove(&ledger, "gone").await.unwrap();
    let lease = ledger.begin_lease(30).await.unwrap();
    let mut leased = address(3);
    leased.lease = Some(lease);
    put(&ledger, "leased", leased).await.unwrap();
    let mark = zone.mark();
    drop(ledger);
    let (ledger, zone) = open(reopened(&path).await).await;
    assert_eq!(zone.mark(), mark);
    assert_eq!(shown(&zone, "a.b.c"), Some(1));
    assert_eq!(shown(&zone, "gone"), None);
    assert_eq!(shown(&zone, "leased"), Some(3));
    ledger.end_lease(lease).await.unwrap();
    assert_eq!(shown(&zone, "leased"), None);
}

/// The store in a file whose ledger was dropped.
async fn reopened(path: &std::path::Path) -> FileStore {
    loop {
        // The writer ends soon after the last ledger.
        match FileStore::open(path) {
            Ok(store) => return store,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn the_journal_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let (ledger, zone) = open(FileStore::open(&path).unwrap()).await;
    let first = zone.mark();
    put(&ledger, "a", address(1)).await.unwrap();
    put(&ledger, "a", address(2)).await.unwrap();
    remove(&ledger, "a").await.unwrap();
    let told = |zone: &LiveZone| -> Vec<String> {
        let entries = zone.changes_after(first.revision, 100).unwrap();
        assert_eq!(
            zone.changes_from(first.serial).unwrap().len(),
            entries.len()
        );
        let entries = entries.iter().map(|entry| format!("{entry:?}"));
        entries.collect()
    };
    let before = told(&zone);
    assert_eq!(before.len(), 3);
    drop(ledger);
    let (ledger, zone) = open(reopened(&path).await).await;
    assert_eq!(told(&zone), before);
    put(&ledger, "b", address(3)).await.unwrap();
    assert_eq!(told(&zone).len(), 4);
    let early = zone.changes_after(first.revision - 1, 1);
    assert!(early.is_none(), "the zone did not exist before");
}

#[tokio::test]
async fn the_journal_of_a_file_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let (ledger, zone) = open(FileStore::open(&path).unwrap()).await;
    let first = zone.mark();
    put(&ledger, "a", address(1)).await.unwrap();
    let data: Vec<Box<[u8]>> = (0..200u8)
        .map(|number| {
            let mut text = vec![200u8; 201];
            text[1] = number;
            text.into()
        })
        .collect();
    let set = RecordSet::new(RecordType::TXT, 60, data).unwrap();
    let large = move |draft: &mut Draft<'_>| {
        (0..250u8).try_for_each(|number| {
            let owner = name(&format!("n{number}"));
            draft.put(owner.view(), RecordType::TXT, set.clone())
        })
    };
    let large = ledger.change(origin().view(), large).await.unwrap();
    put(&ledger, "a", address(2)).await.unwrap();
    assert!(zone.changes_after(first.revision, 1).is_some());
    drop(ledger);
    let (_ledger, zone) = open(reopened(&path).await).await;
    assert!(zone.changes_after(first.revision, 1).is_none());
    assert_eq!(zone.changes_after(large.revision, 9).unwrap().len(), 1);
}

#[tokio::test]
async fn the_journal_forgets_the_oldest_changes() {
    let (ledger, zone) = open(MemoryStore::new()).await;
    let first = zone.mark();
    let large: Vec<Box<[u8]>> = (0..1000u16)
        .map(|number| {
            let mut data = vec![200u8];
            data.extend_from_slice(&[b'x'; 198]);
            data.extend_from_slice(&number.to_be_bytes());
            data.truncate(201);
            data.into()
        })
        .collect();
    for number in 0..200u32 {
        let set = RecordSet::new(RecordType::TXT, number, large[..250].to_vec()).unwrap();
        let change =
            move |draft: &mut Draft<'_>| draft.put(name("t").view(), RecordType::TXT, set.clone());
        ledger.change(origin().view(), change).await.unwrap();
    }
    assert!(
        zone.changes_after(zone.mark().revision - 3, 10)
            .unwrap()
            .len()
            == 3
    );
    // 200 changes of 2 sets with 250 records of some 217 octets are 21 MiB: all are there.
    assert!(zone.changes_after(first.revision, 1).is_some());
    for number in 0..200u32 {
        let set = RecordSet::new(RecordType::TXT, number, large[..250].to_vec()).unwrap();
        let change =
            move |draft: &mut Draft<'_>| draft.put(name("t").view(), RecordType::TXT, set.clone());
        ledger.change(origin().view(), change).await.unwrap();
    }
    assert!(zone.changes_after(first.revision, 1).is_none());
    assert!(zone.changes_from(first.serial).is_none());
}
