//! Where names are written.

mod call;
mod dynapi;
mod etcd;
mod legacy;
mod mark;
mod transfer;
mod update;
mod web;

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use catena_dns::Name;

use crate::Options;
use crate::entry::{Entries, Entry};
use crate::options::Target;

pub(crate) use mark::Mark;

/// Why something was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PlaceError(pub String);

/// What is there already.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What a controller of the same owner wrote.
    pub ours: Entries,
    /// Addresses without a word of who wrote them.
    pub unmarked: Entries,
    /// Names that somebody else wrote; they are not touched.
    pub taken: BTreeSet<Box<str>>,
}

/// Where names are written.
pub(crate) enum Place {
    Etcd(etcd::Etcd),
    Dynapi(dynapi::Dynapi),
    Legacy(legacy::Legacy),
    Update(update::Update),
}

impl Place {
    /// The place that the command line names; connects when first used.
    pub fn open(options: &Options) -> Result<Place, PlaceError> {
        let mark = || options.mark.clone();
        Ok(match &options.target {
            Target::Etcd(target) => Place::Etcd(etcd::Etcd::open(target, options)?),
            Target::Dynapi(url) => {
                Place::Dynapi(dynapi::Dynapi::new(url, web::Web::open(options)?, mark()))
            }
            Target::Legacy(url) => {
                Place::Legacy(legacy::Legacy::new(url, web::Web::open(options)?))
            }
            Target::Update(target) => Place::Update(update::Update::new(
                &target.server,
                target.key.clone(),
                mark(),
            )),
        })
    }

    /// What is there, in `zones` at least; `None` if the place does not tell.
    pub async fn read(&self, zones: &HashSet<Name>) -> Result<Option<Found>, PlaceError> {
        match self {
            Place::Etcd(etcd) => etcd.read().await.map(Some),
            Place::Dynapi(dynapi) => dynapi.read(zones).await.map(Some),
            Place::Update(update) => update.read(zones).await,
            Place::Legacy(_) => Ok(None),
        }
    }

    /// Writes `entry` in the place of `before`.
    pub async fn put(&self, entry: &Entry, before: Option<&Entry>) -> Result<(), PlaceError> {
        match self {
            Place::Etcd(etcd) => etcd.put(entry, before).await,
            Place::Dynapi(dynapi) => dynapi.put(entry, before).await,
            Place::Legacy(legacy) => legacy.put(entry).await,
            Place::Update(update) => update.put(entry).await,
        }
    }

    /// Removes `entry`; one that is gone already is as good.
    pub async fn remove(&self, entry: &Entry) -> Result<(), PlaceError> {
        match self {
            Place::Etcd(etcd) => etcd.remove(entry).await,
            Place::Dynapi(dynapi) => dynapi.remove(entry).await,
            Place::Legacy(legacy) => legacy.remove(entry).await,
            Place::Update(update) => update.remove(entry).await,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Etcd(etcd) => write!(f, "etcd at {}", etcd.endpoints()),
            Place::Dynapi(dynapi) => f.write_str(dynapi.url()),
            Place::Legacy(legacy) => f.write_str(legacy.url()),
            Place::Update(update) => write!(f, "the name server {}", update.server()),
        }
    }
}

#[cfg(test)]
mod tests;
