//! One query and its reply over UDP.

mod ports;
mod state;
mod worker;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::{Answer, Endpoint};
use worker::Worker;

/// Asks `endpoint` and waits until `deadline` for a reply that `read` takes.
///
/// `query` is sent as it is but for its id. `read` gets packets that answer the question, and
/// says `None` to those that are broken; the wait then goes on, for the true one may follow.
/// A port that is closed fails at once, silence fails with `TimedOut` at the deadline.
pub async fn exchange_udp<T>(
    endpoint: Endpoint,
    query: &[u8],
    deadline: Instant,
    mut read: impl FnMut(&[u8]) -> Option<T>,
) -> io::Result<Answer<T>> {
    let worker = Worker::current()?;
    let sent = worker.send(endpoint, query, deadline)?;
    let exchange = Exchange {
        worker,
        key: sent.key,
    };
    loop {
        let packet = std::future::poll_fn(|context| exchange.poll(context)).await?;
        let reply = read(&packet);
        exchange.worker.state.lock().give_back(packet);
        if let Some(reply) = reply {
            return Ok(Answer {
                reply,
                local: sent.local,
                reused: sent.reused,
            });
        }
        exchange.worker.receive_again(exchange.key);
    }
}

/// A query under way; dropping it ends the wait.
struct Exchange {
    worker: Arc<Worker>,
    key: usize,
}

impl Exchange {
    fn poll(&self, context: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        self.worker.state.lock().poll(self.key, context)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.worker.state.lock().forget(self.key);
    }
}
