//! What a directive says, and what holds where it says nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use catena_dns::{Name, Rcode};
use catena_transport::upstream::{HttpMethod, TlsClientFiles};

use crate::policy::Policy;
use crate::target::Target;

/// One directive as it is written.
#[derive(Debug)]
pub(crate) struct Config {
    /// Names below it are asked after, but for those below `except`.
    pub from: Name,
    pub except: Vec<Name>,
    pub targets: Vec<Target>,
    pub transport: Transport,
    /// How long a connection may be idle, how old it may become, and how many wait for work.
    pub expire: Duration,
    pub max_age: Option<Duration>,
    pub max_idle: Option<usize>,
    /// How long one upstream may take to answer.
    pub read_timeout: Duration,
    pub tls: TlsClientFiles,
    pub tls_servername: Option<String>,
    pub doh_method: HttpMethod,
    pub policy: Policy,
    pub checks: Checks,
    /// `None` for twice the number of upstreams, 0 for any number.
    pub max_connect_attempts: Option<u32>,
    /// 0 for our own bound.
    pub max_concurrent: usize,
    /// Replies after which the next directive is asked.
    pub next: Vec<Rcode>,
    pub next_on_nodata: bool,
    /// Whether a query fails at once when all upstreams are down.
    pub failfast: bool,
    /// Replies after which another upstream is asked.
    pub failover: Vec<Rcode>,
    /// Our own address towards upstreams.
    pub source_address: Option<IpAddr>,
    /// Who is asked for the addresses of upstreams that are named; the system's without any.
    pub resolvers: Vec<SocketAddr>,
}

/// Which transport plain DNS upstreams are asked over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Transport {
    /// Always TCP.
    pub force_tcp: bool,
    /// UDP first, TCP after a truncated reply.
    pub prefer_udp: bool,
}

/// How health is checked.
#[derive(Clone, Debug)]
pub(crate) struct Checks {
    /// Failed checks in a row that an upstream may have and still count as up; 0 for any number.
    pub max_fails: u32,
    /// The pause between checks.
    pub interval: Duration,
    /// Whether RD is set.
    pub recursion_desired: bool,
    /// The name asked for.
    pub domain: Name,
}

impl Config {
    /// What holds when nothing but FROM is written.
    pub fn new(from: Name) -> Self {
        Config {
            from,
            except: Vec::new(),
            targets: Vec::new(),
            transport: Transport::default(),
            expire: Duration::from_secs(10),
            max_age: None,
            max_idle: None,
            read_timeout: Duration::from_secs(2),
            tls: TlsClientFiles::default(),
            tls_servername: None,
            doh_method: HttpMethod::Post,
            policy: Policy::default(),
            checks: Checks {
                max_fails: 2,
                interval: Duration::from_millis(500),
                recursion_desired: true,
                domain: Name::root(),
            },
            max_connect_attempts: None,
            max_concurrent: 0,
            next: Vec::new(),
            next_on_nodata: false,
            failfast: false,
            failover: Vec::new(),
            source_address: None,
            resolvers: Vec::new(),
        }
    }
}
