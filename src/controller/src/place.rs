//! Where names are written.

mod etcd;
mod legacy;

use std::collections::BTreeSet;
use std::fmt;

use crate::Options;
use crate::entry::{Entries, Entry};
use crate::flags::Target;

/// Why something was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PlaceError(pub String);

/// What is there already.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What a controller of the same owner wrote.
    pub ours: Entries,
    /// Names that somebody else wrote; they are not touched.
    pub taken: BTreeSet<Box<str>>,
}

/// Where names are written.
pub(crate) enum Place {
    Etcd(etcd::Etcd),
    Legacy(legacy::Legacy),
}

impl Place {
    /// The place that the command line names; connects when first used.
    pub fn open(options: &Options) -> Result<Place, PlaceError> {
        Ok(match &options.target {
            Target::Etcd(target) => Place::Etcd(etcd::Etcd::open(target, options)?),
            Target::Legacy(url) => Place::Legacy(legacy::Legacy::open(url, options)?),
        })
    }

    /// What is there; `None` if the place does not tell.
    pub async fn read(&self) -> Result<Option<Found>, PlaceError> {
        match self {
            Place::Etcd(etcd) => etcd.read().await.map(Some),
            Place::Legacy(_) => Ok(None),
        }
    }

    /// Writes `entry` in the place of `before`.
    pub async fn put(&self, entry: &Entry, before: Option<&Entry>) -> Result<(), PlaceError> {
        match self {
            Place::Etcd(etcd) => etcd.put(entry, before).await,
            Place::Legacy(legacy) => legacy.put(entry).await,
        }
    }

    /// Removes `entry`; one that is gone already is as good.
    pub async fn remove(&self, entry: &Entry) -> Result<(), PlaceError> {
        match self {
            Place::Etcd(etcd) => etcd.remove(entry).await,
            Place::Legacy(legacy) => legacy.remove(entry).await,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Etcd(etcd) => write!(f, "etcd at {}", etcd.endpoints()),
            Place::Legacy(legacy) => write!(f, "{}", legacy.url()),
        }
    }
}
