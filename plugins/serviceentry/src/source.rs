//! Where hosts are known from: a cluster's API server, or control planes.

use std::sync::Arc;

use catena_mesh::Table;
use catena_plugin::{Background, StartError};

use crate::cluster::Cluster;
use crate::planes::Planes;

/// Where hosts are known from.
#[derive(Clone)]
pub(crate) enum Source {
    Cluster(Arc<Cluster>),
    Planes(Arc<Planes>),
}

impl Source {
    /// What is known.
    pub fn table(&self) -> &Table {
        match self {
            Source::Cluster(cluster) => &cluster.table,
            Source::Planes(planes) => &planes.table,
        }
    }

    /// Looks whether there is what is needed to ask.
    pub fn check(&self) -> Result<(), StartError> {
        match self {
            Source::Cluster(cluster) => {
                let checked = cluster.feeds.check_access();
                checked.map_err(|error| StartError::new(format!("plugin/serviceentry: {error}")))
            }
            Source::Planes(_) => Ok(()),
        }
    }

    /// Asks for as long as the generation of `background` lives.
    pub fn run(&self, background: &Background) {
        match self {
            Source::Cluster(cluster) => cluster.run(background),
            Source::Planes(planes) => planes.run(background),
        }
    }

    /// Whether all was told once.
    pub fn is_synced(&self) -> bool {
        match self {
            Source::Cluster(cluster) => cluster.feeds.is_listed(),
            Source::Planes(planes) => planes.is_synced(),
        }
    }

    /// Whether what is known may be told, though more may come.
    pub fn is_useful(&self) -> bool {
        match self {
            Source::Cluster(cluster) => cluster.feeds.is_listed(),
            Source::Planes(planes) => planes.is_useful(),
        }
    }

    /// Waits until all was told once.
    pub async fn synced(&self) {
        match self {
            Source::Cluster(cluster) => cluster.feeds.listed().await,
            Source::Planes(planes) => planes.synced().await,
        }
    }
}
