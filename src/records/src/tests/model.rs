//! A zone that is written again and again is what a map would say.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Names of one to four labels out of few, so that they stand above and below each other.
fn owners() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|labels| labels.join("."))
}

/// What `owner` is: its address, an empty name, or nothing.
fn look(zone: &LiveZone, owner: &str) -> Option<Option<u8>> {
    let zone = zone.zone().clone().unwrap();
    let name: Name = name(owner);
    let view: NameRef<'_> = name.view();
    match zone.find(view, A) {
        Some(Found::Name(node)) => {
            let mut records = node.records();
            Some(
                records
                    .next()
                    .and_then(|record| record.rdata().last().copied()),
            )
        }
        _ => None,
    }
}

fn expected(model: &BTreeMap<String, u8>, owner: &str) -> Option<Option<u8>> {
    if let Some(last) = model.get(owner) {
        return Some(Some(*last));
    }
    let below = format!(".{owner}");
    model
        .keys()
        .any(|name| name.ends_with(&below))
        .then_some(None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn names_come_and_go_as_in_a_map(
        groups in prop::collection::vec(
            prop::collection::vec((owners(), prop::option::of(any::<u8>())), 1..5),
            1..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (ledger, zone) = open(MemoryStore::new()).await;
            let (mut model, mut seen) = (BTreeMap::new(), BTreeSet::new());
            for group in groups {
                for (owner, last) in &group {
                    match last {
                        Some(last) => drop(model.insert(owner.clone(), *last)),
                        None => drop(model.remove(owner)),
                    }
                    seen.insert(owner.clone());
                }
                let change = move |draft: &mut Draft<'_>| {
                    for (owner, last) in &group {
                        match last {
                            Some(last) => draft.put(name(owner).view(), A, address(*last))?,
                            None => draft.remove(name(owner).view(), A)?,
                        }
                    }
                    Ok(())
                };
                ledger.change(origin().view(), change).await.unwrap();
                for owner in &seen {
                    assert_eq!(look(&zone, owner), expected(&model, owner), "{owner}");
                }
                let records = zone.zone().as_ref().unwrap().record_count();
                assert_eq!(records, model.len() + 2);
            }
        });
    }
}
