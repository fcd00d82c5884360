//! The server block a plugin is set up for, and the listener a query came to.

use std::path::PathBuf;
use std::sync::Arc;

use catena_corefile::Span;
use catena_dns::Name;
use catena_dns::tsig::Keys;

use crate::{Query, TlsFiles};

/// What directives of a server block set for the server itself.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    /// The zones of the block's keys, in order, lower case.
    pub zones: Vec<Name>,
    /// The keys as written, for labels.
    pub keys: Vec<String>,
    /// The name of the block's `view`, for labels; known before any plugin is set up.
    pub view: String,
    /// The folder that relative paths start from (`root`); empty for the working folder.
    pub root: PathBuf,
    /// Whether `debug` is set: panics are not contained, debug lines are logged.
    pub debug: bool,
    /// Whether `errors stacktrace` is set.
    pub stacktrace: bool,
    /// The addresses of `bind`, in order; empty for all.
    pub bind: Vec<String>,
    /// Where `bind` stands, for errors.
    pub bind_span: Option<Span>,
    /// Whether classes other than IN reach the chain.
    pub any_class: bool,
    /// Whether a plugin takes dynamic updates (RFC 2136); else they are NOTIMP before any plugin.
    pub accepts_updates: bool,
    /// The keys of `tsig`; those of all blocks of a listener count for all of them.
    pub tsig_keys: Keys,
    /// The zones in which answers to signed queries are signed.
    pub tsig_zones: Vec<Name>,
    /// The certificate of encrypted listeners (`tls`); in plain text without.
    pub tls: Option<TlsFiles>,
    /// Says which queries the block is for; all of them without one.
    pub filter: Option<Filter>,
    /// The port of the block's first key, for `whoami`-like needs.
    pub port: u16,
}

/// Says whether a server block is for a query; asked before the chain is entered.
#[derive(Clone)]
pub struct Filter(Arc<dyn Fn(&Query<'_>) -> bool + Send + Sync>);

impl Filter {
    /// A filter that lets through what `admits` says.
    pub fn new(admits: impl Fn(&Query<'_>) -> bool + Send + Sync + 'static) -> Filter {
        Filter(Arc::new(admits))
    }

    /// Whether the block is for `query`.
    pub fn admits(&self, query: &Query<'_>) -> bool {
        (self.0)(query)
    }
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

impl ServerConfig {
    /// `path` below the folder of `root`, unless absolute.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// A listener, as logs and metrics name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerId {
    /// Its place among the listeners of the process's current generation.
    pub index: usize,
    /// Such as `dns://:53`: the `server` label.
    pub address: Arc<str>,
}

/// The name of the host; `localhost` if it has none.
pub fn hostname() -> String {
    let name = nix::unistd::gethostname().ok();
    let name = name.and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "localhost".to_owned())
}
