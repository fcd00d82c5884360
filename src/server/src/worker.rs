//! Worker threads: one for each core, each with a runtime of its own.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::thread::JoinHandle;

use catena_transport::{ConnectionSlots, serve_tcp, serve_udp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Answering;

/// Sockets that may be on their way to a worker.
const HANDOVER_MAX: usize = 64;

/// The sockets of one listener on one worker.
pub(crate) struct Sockets {
    /// Of plain DNS only.
    pub udp: Option<UdpSocket>,
    pub tcp: TcpListener,
    pub service: Answering,
    pub slots: ConnectionSlots,
    /// Ends the listener.
    pub stop: CancellationToken,
}

/// A thread that serves sockets.
pub(crate) struct Worker {
    sender: mpsc::Sender<Sockets>,
    thread: JoinHandle<()>,
}

impl Worker {
    pub fn start(index: usize) -> io::Result<Worker> {
        let (sender, receiver) = mpsc::channel(HANDOVER_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || runtime.block_on(work(receiver)))?;
        Ok(Worker { sender, thread })
    }

    /// Hands sockets over; they are served at once.
    pub async fn serve(&self, sockets: Sockets) {
        // Fails only when the worker has ended, and then so has the process.
        let _ended = self.sender.send(sockets).await;
    }

    /// Ends the worker once its listeners have ended.
    pub fn close(self) -> JoinHandle<()> {
        drop(self.sender);
        self.thread
    }
}

async fn work(mut receiver: mpsc::Receiver<Sockets>) {
    let listeners = TaskTracker::new();
    while let Some(sockets) = receiver.recv().await {
        let Sockets {
            udp,
            tcp,
            service,
            slots,
            stop,
        } = sockets;
        let (tcp_service, tcp_stop) = (service.clone(), stop.clone());
        if let Some(udp) = udp {
            listeners.spawn(async move {
                if let Err(error) = serve_udp(udp, service, stop).await {
                    tracing::error!("UDP listener ended: {error}");
                }
            });
        }
        listeners.spawn(async move {
            if let Err(error) = serve_tcp(tcp, tcp_service, slots, tcp_stop).await {
                tracing::error!("TCP listener ended: {error}");
            }
        });
    }
    listeners.close();
    listeners.wait().await;
}
