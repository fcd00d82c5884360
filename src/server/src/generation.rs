//! One life of a Corefile: its blocks, routers and tasks, from start to stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire};
use std::time::Duration;

use catena_plugin::{Background, Control, ServerId, Stage, StartContext, StartError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::answer::Listening;
use crate::assemble::Block;
use crate::keys::Scheme;
use crate::router::{Route, Router};

/// How long a generation that was replaced may finish what it has begun, as in CoreDNS.
const GRACE: Duration = Duration::from_secs(5);

/// A set of server blocks that serves, or did.
pub struct Generation {
    blocks: Vec<Block>,
    /// By the listener's place in the process.
    pub(crate) listening: Vec<Option<Listening>>,
    token: CancellationToken,
    in_flight: Arc<Flight>,
}

#[derive(Default)]
struct Flight {
    count: AtomicUsize,
    landed: Notify,
}

/// A query of this generation that waits; counted until it is dropped.
pub(crate) struct InFlight(Arc<Flight>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, AcqRel) == 1 {
            self.0.landed.notify_waiters();
        }
    }
}

/// A listener that a generation needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Such as `tls://:853`.
    pub listener: String,
    pub scheme: Scheme,
    pub label: String,
    pub address: SocketAddr,
}

impl Generation {
    /// A generation without blocks: what serves before the first.
    pub(crate) fn empty() -> Self {
        Generation {
            blocks: Vec::new(),
            listening: Vec::new(),
            token: CancellationToken::new(),
            in_flight: Arc::default(),
        }
    }

    /// The listeners that `blocks` need, each once, in order.
    pub(crate) fn wanted(blocks: &[Block]) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        for endpoint in blocks.iter().flat_map(|block| &block.endpoints) {
            let one = Wanted {
                listener: endpoint.listener(),
                scheme: endpoint.scheme,
                label: endpoint.label.clone(),
                address: endpoint.address,
            };
            if !wanted.contains(&one) {
                wanted.push(one);
            }
        }
        wanted
    }

    /// Puts routers together; `place` gives each listener's place in the process.
    pub(crate) fn new(blocks: Vec<Block>, place: &BTreeMap<String, usize>) -> Self {
        let mut listening: Vec<Option<Router>> = Vec::new();
        for block in &blocks {
            let chain = Arc::clone(&block.chain);
            let route = Arc::new(Route {
                chain,
                filter: block.config.filter.clone(),
                debug: block.config.debug,
                accepts_updates: block.config.accepts_updates,
                tsig_zones: block.config.tsig_zones.clone(),
            });
            for endpoint in &block.endpoints {
                let listener = endpoint.listener();
                let Some(&index) = place.get(&listener) else {
                    continue;
                };
                if listening.len() <= index {
                    listening.resize_with(index + 1, || None);
                }
                let Some(slot) = listening.get_mut(index) else {
                    continue;
                };
                let id = ServerId {
                    index,
                    address: listener.into(),
                };
                let router = slot.get_or_insert_with(|| Router::new(Arc::new(id)));
                router.add(&endpoint.zone, Arc::clone(&route), &block.config);
                if endpoint.scheme == Scheme::Tls && router.certificate.is_none() {
                    router.certificate.clone_from(&block.certificate);
                }
            }
        }
        let listening = listening
            .into_iter()
            .map(|router| router.map(Listening::new))
            .collect();
        let (token, in_flight) = (CancellationToken::new(), Arc::default());
        Generation {
            blocks,
            listening,
            token,
            in_flight,
        }
    }

    /// Starts every plugin; after an error those that had started are stopped.
    pub(crate) fn start(
        &self,
        control: &Arc<dyn Control>,
        background: &tokio::runtime::Handle,
    ) -> Result<(), StartError> {
        let mut begun: Vec<&str> = Vec::new();
        for block in &self.blocks {
            if let Some(certificate) = &block.certificate {
                let background = Background::new(self.token.clone(), background.clone());
                if let Err(error) = certificate.start(&background) {
                    self.stop();
                    return Err(error);
                }
            }
            let listeners = self.listeners_of(block);
            for stage in &block.parts {
                let is_first = !begun.contains(&stage.name);
                begun.push(stage.name);
                let context = StartContext {
                    server: &block.config,
                    listeners: &listeners,
                    parts: &block.parts,
                    is_first,
                    control,
                    token: &self.token,
                    background,
                };
                if let Err(error) = stage.plugin.start(&context) {
                    self.stop();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn listeners_of(&self, block: &Block) -> Vec<Arc<ServerId>> {
        let mut listeners: Vec<Arc<ServerId>> = Vec::new();
        for endpoint in &block.endpoints {
            let address = endpoint.listener();
            let known = self
                .listening
                .iter()
                .flatten()
                .map(|listening| &listening.router.id);
            let mut found = known.filter(|id| *id.address == *address);
            if let Some(id) = found.next()
                && !listeners.contains(id)
            {
                listeners.push(Arc::clone(id));
            }
        }
        listeners
    }

    /// Waits until every plugin can answer, or has waited long enough by its own measure.
    pub(crate) async fn started(&self) {
        let waits = self.parts().filter_map(|stage| stage.plugin.started());
        futures_util::future::join_all(waits).await;
    }

    /// Lets every plugin do what it does before the process ends, such as a lameduck time.
    pub(crate) async fn shutting_down(&self) {
        let waits = self
            .parts()
            .filter_map(|stage| stage.plugin.shutting_down());
        futures_util::future::join_all(waits).await;
    }

    /// All parts of all blocks.
    pub fn parts(&self) -> impl Iterator<Item = &Stage> {
        self.blocks.iter().flat_map(|block| &block.parts)
    }

    /// Notes a query that waits.
    pub(crate) fn enter(&self) -> InFlight {
        self.in_flight.count.fetch_add(1, AcqRel);
        InFlight(Arc::clone(&self.in_flight))
    }

    /// Waits until no query of this generation waits any more, for the time of grace at most.
    pub(crate) async fn drain(&self) {
        let landed = async {
            loop {
                let notified = self.in_flight.landed.notified();
                if self.in_flight.count.load(Acquire) == 0 {
                    return;
                }
                notified.await;
            }
        };
        let _in_time = tokio::time::timeout(GRACE, landed).await;
    }

    /// Ends the tasks and every plugin.
    pub(crate) fn stop(&self) {
        self.token.cancel();
        for stage in self.parts() {
            stage.plugin.stop();
        }
    }

    /// The lines of the banner: each zone with its port, and its address if it has one.
    pub(crate) fn banner(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for listening in self.listening.iter().flatten() {
            let router = &listening.router;
            let (scheme, address) = router.id.address.split_once("://").unwrap_or_default();
            let scheme = match scheme {
                "dns" => String::new(),
                scheme => format!("{scheme}://"),
            };
            let (host, port) = address.rsplit_once(':').unwrap_or(("", address));
            let mut zones: Vec<String> = router.zones().iter().map(ToString::to_string).collect();
            zones.sort();
            for zone in zones {
                match host {
                    "" => lines.push(format!("{scheme}{zone}:{port}")),
                    host => {
                        let host = host.trim_start_matches('[').trim_end_matches(']');
                        lines.push(format!("{scheme}{zone}:{port} on {host}"));
                    }
                }
            }
        }
        lines
    }
}
