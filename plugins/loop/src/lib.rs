//! Plugin `loop`: ends the process when it forwards to itself.
//!
//! A probe with a name that cannot be guessed is sent to the server itself. It is a loop when
//! the same name comes in again while the first is still waited for, and the process ends only
//! when a second probe, with another name, comes back too: somebody who reads one name, such as
//! an upstream, cannot end the process by sending it again.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use catena_dns::{Message, Name, NameRef, RecordType};
use catena_plugin::clock;
use catena_plugin::{
    Flow, Next, Plugin, Query, Registration, Setup, SetupError, StartContext, StartError,
};
use catena_transport::upstream::{Endpoint, exchange_udp};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// For so long a probe is tried again if it is not answered.
const TRIES_END: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);
/// How long an answer may take, and how long a loop is looked for after it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Probes that must come back in a row.
const PROOFS: usize = 2;

/// The plugin's row.
pub static PLUGIN: Registration = Registration {
    name: "loop",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    line.no_args()?;
    line.no_block()?;
    let zone = cx.server.zones.first().cloned().unwrap_or_else(Name::root);
    cx.add_stage(Loop(Arc::new(Watch {
        zone,
        ..Watch::default()
    })));
    Ok(())
}

/// The stage.
struct Loop(Arc<Watch>);

/// What is looked for and what was seen.
struct Watch {
    zone: Name,
    /// Whether there is a probe at all: most queries need to look no further.
    is_on: AtomicBool,
    probe: Mutex<Option<Probe>>,
    came_back: Notify,
}

/// The probe that is out.
struct Probe {
    name: Name,
    /// How many queries for it are in the chain.
    inside: usize,
    /// Who sent one while another was inside.
    sent_again_by: Option<SocketAddr>,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            zone: Name::root(),
            is_on: AtomicBool::new(false),
            probe: Mutex::new(None),
            came_back: Notify::new(),
        }
    }
}

impl Plugin for Loop {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let watch = &self.0;
        if !watch.is_on.load(Relaxed) || query.qtype() != RecordType::HINFO {
            return next.serve(query);
        }
        let Some(inside) = watch.enter(query.name(), query.client()) else {
            return next.serve(query);
        };
        let flow = next.serve(query);
        flow.then_with(watch, query, inside, |_, _, _left, outcome| outcome)
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let addresses = context.listeners.iter();
        let plain = addresses.filter_map(|listener| listener.address.strip_prefix("dns://"));
        if let Some((shown, target)) = plain.filter_map(target).next() {
            let (watch, control) = (Arc::clone(&self.0), Arc::clone(context.control));
            context.spawn(async move {
                if let Some(message) = watch.find_loop(&shown, target).await {
                    control.fail(message);
                }
            });
        }
        Ok(())
    }
}

/// The address a listener can be reached at from here, after the one that is shown.
fn target(listener: &str) -> Option<(String, SocketAddr)> {
    let own = match listener.strip_prefix(':') {
        Some(port) => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?),
        None => listener.parse().ok()?,
    };
    let is_any = own.ip().is_unspecified();
    let local = if own.is_ipv4() || is_any {
        Ipv4Addr::LOCALHOST.into()
    } else {
        own.ip()
    };
    let reached = if is_any {
        SocketAddr::new(local, own.port())
    } else {
        own
    };
    Some((listener.to_owned(), reached))
}

impl Watch {
    /// Notes a query for the probe's name; `None` for other names.
    fn enter(self: &Arc<Self>, name: NameRef<'_>, client: SocketAddr) -> Option<Inside> {
        let mut slot = self.probe.lock();
        let probe = slot.as_mut().filter(|probe| probe.name.view() == name)?;
        probe.inside += 1;
        if probe.inside > 1 {
            probe.sent_again_by = Some(client);
            self.came_back.notify_one();
        }
        let (watch, name) = (Arc::clone(self), probe.name.clone());
        Some(Inside { watch, name })
    }

    /// Sends probes until it is clear whether there is a loop; the message if there is.
    async fn find_loop(&self, shown: &str, target: SocketAddr) -> Option<String> {
        let message = self.try_probes(shown, target).await;
        self.is_on.store(false, Relaxed);
        *self.probe.lock() = None;
        message
    }

    async fn try_probes(&self, shown: &str, target: SocketAddr) -> Option<String> {
        let end = clock::now() + TRIES_END;
        let mut proofs = 0;
        while clock::now() < end {
            let name = self.new_probe()?;
            match self.send(&name, target).await {
                Sent::CameBack(client) => {
                    proofs += 1;
                    if proofs == PROOFS {
                        return Some(format!(
                            "plugin/loop: Loop ({client} -> {shown}) detected for zone \"{}\", see \
                             https://coredns.io/plugins/loop#troubleshooting. \
                             Query: \"HINFO {name}\"",
                            self.zone
                        ));
                    }
                }
                Sent::Answered => return None,
                Sent::Failed => {
                    proofs = 0;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        None
    }

    /// Makes a probe with a new name: two numbers of 62 bits in the zone.
    fn new_probe(&self) -> Option<Name> {
        let number = || (rand::random::<u64>() >> 2).to_string().into_bytes();
        let labels = [number(), number()];
        let labels = labels.iter().map(Vec::as_slice);
        let name = Name::from_labels(labels, self.zone.view()).ok()?;
        let probe = Probe {
            name: name.clone(),
            inside: 0,
            sent_again_by: None,
        };
        *self.probe.lock() = Some(probe);
        self.is_on.store(true, Relaxed);
        Some(name)
    }

    async fn send(&self, name: &Name, target: SocketAddr) -> Sent {
        let query = Message::query(name.view(), RecordType::HINFO).to_packet();
        let deadline = clock::now() + PATIENCE;
        let exchange = async {
            let answer = exchange_udp(Endpoint::from(target), &query, deadline, |_| Some(())).await;
            if answer.is_ok() {
                // Another way through the upstreams may still lead back.
                tokio::time::sleep(PATIENCE).await;
            }
            answer.is_ok()
        };
        let answered = tokio::select! {
            answered = exchange => answered,
            () = self.came_back.notified() => false,
        };
        let probe = self.probe.lock();
        match probe.as_ref().and_then(|probe| probe.sent_again_by) {
            Some(client) => Sent::CameBack(client),
            None if answered => Sent::Answered,
            None => Sent::Failed,
        }
    }
}

/// What became of a probe.
enum Sent {
    /// It came in again, from this client.
    CameBack(SocketAddr),
    /// It was answered, and that was all.
    Answered,
    /// It was not answered.
    Failed,
}

/// A query for the probe's name that is in the chain.
struct Inside {
    watch: Arc<Watch>,
    name: Name,
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(probe) = self.watch.probe.lock().as_mut()
            && probe.name == self.name
        {
            probe.inside -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
