//! What the controller is to do: what is read, and where names are written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::Name;
use catena_dns::tsig::{Algorithm, Key};
use catena_etcd::Credentials;
use catena_rpc::Watched;
use catena_transport::upstream::{TlsClient, TlsClientError, TlsClientFiles};

use crate::place::Mark;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) target: Target,
    /// Whom to trust and who we are, if TLS is spoken at all.
    pub(crate) tls: Option<TlsClientFiles>,
    pub(crate) token: Option<String>,
    pub(crate) watched: Watched,
    /// Empty for all.
    pub(crate) zones: Vec<Name>,
    /// What says that a name is ours.
    pub(crate) mark: Mark,
    /// Whether all addresses in `zones` are ours.
    pub(crate) is_exclusive: bool,
    /// Where it is noted what was written.
    pub(crate) state: Option<PathBuf>,
    pub(crate) ttl: u32,
    pub(crate) resync: Duration,
    pub(crate) grace: Duration,
    pub(crate) health_port: u16,
}

/// Where names are written.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Etcd(EtcdTarget),
    /// The URL above `/v1`.
    Dynapi(String),
    /// The URL above `/dynapi`.
    Legacy(String),
    Update(UpdateTarget),
}

#[derive(Clone, Debug)]
pub(crate) struct UpdateTarget {
    pub server: String,
    pub key: Option<(Arc<Key>, Algorithm)>,
}

#[derive(Clone, Debug)]
pub(crate) struct EtcdTarget {
    pub endpoints: Vec<String>,
    pub prefix: String,
    pub owner: String,
    pub credentials: Option<Credentials>,
}

impl Options {
    pub(crate) fn tls_client(&self) -> Result<Option<TlsClient>, TlsClientError> {
        self.tls.as_ref().map(TlsClient::new).transpose()
    }
}
