//! Stores that fail, and stores that others write to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::*;
use crate::store::Work;

/// Edits of a batch at most.
const EDITS_MAX: usize = 8;

/// A store that does what a test wants.
struct Scripted {
    revision: AtomicU64,
    /// What the next commits come to, if not success.
    failures: Arc<Mutex<VecDeque<StoreError>>>,
    followed: Mutex<Option<mpsc::Receiver<Followed>>>,
    makes_serials: bool,
}

struct Strings {
    failures: Arc<Mutex<VecDeque<StoreError>>>,
    others: mpsc::Sender<Followed>,
}

fn scripted(makes_serials: bool) -> (Scripted, Strings) {
    let (others, followed) = mpsc::channel(16);
    let failures: Arc<Mutex<VecDeque<StoreError>>> = Arc::default();
    let store = Scripted {
        revision: AtomicU64::new(100),
        failures: Arc::clone(&failures),
        followed: Mutex::new(Some(followed)),
        makes_serials,
    };
    (store, Strings { failures, others })
}

impl Store for Scripted {
    fn load<'s>(&'s self, _: &'s [Name]) -> Work<'s, Loaded> {
        let revision = self.revision.load(Ordering::SeqCst);
        let loaded = Loaded {
            revision,
            since: revision,
            ..Loaded::default()
        };
        Box::pin(std::future::ready(Ok(loaded)))
    }

    fn commit(&self, batch: Arc<Batch>) -> Work<'_, u64> {
        let is_large = batch.edits.len() > EDITS_MAX;
        let large = is_large.then(|| StoreError::TooLarge("too large".to_owned()));
        let done = match large.or_else(|| self.failures.lock().pop_front()) {
            Some(error) => Err(error),
            None => Ok(self.revision.fetch_add(1, Ordering::SeqCst) + 1),
        };
        Box::pin(std::future::ready(done))
    }

    fn follow(&self) -> Option<mpsc::Receiver<Followed>> {
        self.followed.lock().take()
    }

    fn serial_at(&self, revision: u64) -> Option<u32> {
        self.makes_serials.then(|| u32::try_from(revision).unwrap())
    }
}

#[tokio::test]
async fn a_store_that_fails_stops_writes_and_nothing_else() {
    let (store, strings) = scripted(false);
    let (ledger, zone) = open(store).await;
    put(&ledger, "a", address(1)).await.unwrap();
    let full = StoreError::Unavailable("the disk is full".to_owned());
    strings.failures.lock().push_back(full);
    let refused = put(&ledger, "a", address(2)).await;
    let told = Refusal::Unavailable("the disk is full".to_owned());
    assert_eq!(refused, Err(told));
    assert_eq!(shown(&zone, "a"), Some(1));
    assert_eq!(ledger.trouble().as_deref(), Some("the disk is full"));
    put(&ledger, "a", address(3)).await.unwrap();
    assert_eq!(shown(&zone, "a"), Some(3));
    assert_eq!(ledger.trouble(), None);
}

#[tokio::test]
async fn a_change_is_decided_anew_when_another_process_was_faster() {
    let (store, strings) = scripted(true);
    let (ledger, zone) = open(store).await;
    strings.failures.lock().push_back(StoreError::Conflict);
    let other = Followed::Changed {
        revision: 150,
        sets: vec![(SetKey::new(name("a").view(), A), Some(address(7)))],
    };
    let change = |draft: &mut Draft<'_>| {
        let known = draft.set(name("a").view(), A);
        let last = known.map_or(0, |set| *set.data[0].last().unwrap());
        draft.put(name("a").view(), A, address(last + 1))
    };
    let apex = origin();
    let changed = ledger.change(apex.view(), change);
    let (changed, _) = tokio::join!(changed, async {
        tokio::task::yield_now().await;
        strings.others.send(other).await.unwrap();
    });
    changed.unwrap();
    assert_eq!(shown(&zone, "a"), Some(8), "one more than the other wrote");
}

#[tokio::test]
async fn of_a_group_only_what_is_too_large_by_itself_is_refused() {
    let (store, _strings) = scripted(true);
    let (ledger, zone) = open(store).await;
    let large = |draft: &mut Draft<'_>| {
        (0..20u8).try_for_each(|number| {
            let owner = name(&format!("large{number}"));
            draft.put(owner.view(), A, address(number))
        })
    };
    let apex = origin();
    let owners: Vec<String> = (0..20).map(|number| format!("small{number}")).collect();
    let before = owners[..10]
        .iter()
        .map(|owner| put(&ledger, owner, address(7)));
    let after = owners[10..]
        .iter()
        .map(|owner| put(&ledger, owner, address(7)));
    let (before, refused, lease, after) = tokio::join!(
        futures_util::future::join_all(before),
        ledger.change(apex.view(), large),
        ledger.begin_lease(30),
        futures_util::future::join_all(after),
    );
    assert_eq!(refused, Err(Refusal::TooLarge("too large".to_owned())));
    assert!(before.iter().chain(&after).all(Result::is_ok));
    assert!(ledger.leases(|leases| leases.has(lease.unwrap())));
    assert_eq!(
        (shown(&zone, "small0"), shown(&zone, "small19")),
        (Some(7), Some(7))
    );
    assert_eq!(shown(&zone, "large0"), None);
    assert_eq!(ledger.trouble(), None);
}

#[tokio::test]
async fn changes_of_others_are_shown_with_the_serial_of_the_store() {
    let (store, strings) = scripted(true);
    let (_ledger, zone) = open(store).await;
    let mut marks = zone.marks();
    let sets = vec![(SetKey::new(name("a").view(), A), Some(address(7)))];
    let other = Followed::Changed {
        revision: 150,
        sets,
    };
    strings.others.send(other).await.unwrap();
    marks.wait_for(|mark| mark.revision == 150).await.unwrap();
    assert_eq!(shown(&zone, "a"), Some(7));
    assert_eq!(zone.zone().as_ref().unwrap().serial(), Some(150));
    let soa = new_zone().soa.set(1);
    let sets = vec![
        (SetKey::new(origin().view(), RecordType::SOA), soa),
        (SetKey::new(name("b").view(), A), address(9)),
    ];
    let reset = Followed::Reset(Loaded {
        revision: 200,
        since: 200,
        sets: sets.into_iter().collect(),
        ..Loaded::default()
    });
    strings.others.send(reset).await.unwrap();
    marks.wait_for(|mark| mark.revision == 200).await.unwrap();
    assert_eq!((shown(&zone, "a"), shown(&zone, "b")), (None, Some(9)));
    assert_eq!(zone.zone().as_ref().unwrap().serial(), Some(200));
}
