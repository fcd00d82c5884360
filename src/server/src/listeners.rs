//! The listening sockets of the process, which outlive generations.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use catena_transport::{ConnectionSlots, bind_tcp, bind_udp, raise_descriptor_limit};
use tokio_util::sync::CancellationToken;

use crate::answer::Answering;
use crate::generation::{Generation, Wanted};
use crate::keys::Scheme;
use crate::worker::{Sockets, Worker};

/// How long listeners may take to answer what clients have sent before the stop.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// All workers and what they listen on.
pub(crate) struct Listeners {
    workers: Vec<Worker>,
    slots: ConnectionSlots,
    current: Arc<ArcSwap<Generation>>,
    /// By name, such as `dns://:53`: the place in generations, and what ends it.
    open: BTreeMap<String, Open>,
    next_place: usize,
}

struct Open {
    place: usize,
    stop: CancellationToken,
}

/// Sockets that are bound but not served yet.
pub(crate) struct Bound {
    listener: String,
    place: usize,
    sockets: Vec<(Option<UdpSocket>, TcpListener)>,
}

impl Listeners {
    pub fn new(current: Arc<ArcSwap<Generation>>, workers: usize) -> io::Result<Self> {
        if let Err(error) = raise_descriptor_limit() {
            tracing::debug!("limit of open files: {error}");
        }
        let workers = (0..workers.max(1))
            .map(Worker::start)
            .collect::<io::Result<_>>()?;
        let (slots, open) = (ConnectionSlots::for_this_process(), BTreeMap::new());
        Ok(Listeners {
            workers,
            slots,
            current,
            open,
            next_place: 0,
        })
    }

    /// Binds what is wanted and not open yet; nothing is served by it so far.
    pub fn bind(&mut self, wanted: &[Wanted]) -> Result<Vec<Bound>, String> {
        let mut bound = Vec::new();
        for one in wanted
            .iter()
            .filter(|one| !self.open.contains_key(&one.listener))
        {
            let sockets = self.workers.iter().map(|_| bind_for(one));
            let sockets = sockets.collect::<io::Result<Vec<_>>>();
            let sockets = sockets
                .map_err(|error| format!("listen tcp {}: {}", one.label, describe(&error)))?;
            bound.push(Bound {
                listener: one.listener.clone(),
                place: self.next_place,
                sockets,
            });
            self.next_place += 1;
        }
        Ok(bound)
    }

    /// The place of each listener, open or about to be.
    pub fn places(&self, bound: &[Bound]) -> BTreeMap<String, usize> {
        let open = self
            .open
            .iter()
            .map(|(listener, open)| (listener.clone(), open.place));
        open.chain(bound.iter().map(|one| (one.listener.clone(), one.place)))
            .collect()
    }

    /// Serves new sockets, and ends those that are not wanted any more.
    pub async fn serve(&mut self, bound: Vec<Bound>, wanted: &[Wanted]) {
        for Bound {
            listener,
            place,
            sockets,
        } in bound
        {
            let stop = CancellationToken::new();
            for (worker, (udp, tcp)) in self.workers.iter().zip(sockets) {
                let service = Answering {
                    current: Arc::clone(&self.current),
                    listener: place,
                };
                let (slots, stop) = (self.slots.clone(), stop.clone());
                worker
                    .serve(Sockets {
                        udp,
                        tcp,
                        service,
                        slots,
                        stop,
                    })
                    .await;
            }
            self.open.insert(listener, Open { place, stop });
        }
        self.open.retain(|listener, open| {
            let keep = wanted.iter().any(|one| one.listener == *listener);
            if !keep {
                open.stop.cancel();
            }
            keep
        });
    }

    /// Ends all listeners after they have answered what was sent to them.
    pub async fn close(self) {
        for open in self.open.values() {
            open.stop.cancel();
        }
        let threads: Vec<_> = self.workers.into_iter().map(Worker::close).collect();
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A worker that panicked has said so; the others still end in order.
                let _panicked = thread.join();
            }
        });
        let _in_time = tokio::time::timeout(DRAIN_MAX, joined).await;
    }
}

/// A TCP listener, and for plain DNS a UDP socket beside it; port 0 gives both the same port.
fn bind_for(wanted: &Wanted) -> io::Result<(Option<UdpSocket>, TcpListener)> {
    let tcp = bind_tcp(wanted.address)?;
    if wanted.scheme != Scheme::Dns {
        return Ok((None, tcp));
    }
    let udp = SocketAddr::new(wanted.address.ip(), tcp.local_addr()?.port());
    Ok((Some(bind_udp(udp)?), tcp))
}

/// The system's words without Rust's number behind them.
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => " (another program listens there)",
        io::ErrorKind::AddrNotAvailable => " (no interface has this address)",
        io::ErrorKind::PermissionDenied => {
            " (ports below 1024 need root or CAP_NET_BIND_SERVICE; -dns.port changes the port)"
        }
        _ => "",
    };
    format!("{}{hint}", text.to_lowercase())
}
