//! `catena agent`: tells which RPC interfaces the application beside it offers.
//!
//! It runs in the application's pod and answers `GET /rpc/interfaces` on port 10006, in the JSON
//! of SOFAMesh's register agent. What it tells comes from the application's actuator, from a
//! list, and from registrations that the application makes and keeps alive itself.
//!
//! **Invariant.** An agent that cannot find out says so; it never tells less than there is.

mod actuator;
mod api;
mod flags;
mod leases;
mod sources;

use std::sync::Arc;

use catena_http::Opening;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use flags::{HELP, Options, UsageError, parse};

/// Why the agent ends by itself.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RunError(#[from] catena_http::OpenError);

/// Answers until `stop` is cancelled.
pub async fn run(options: Options, stop: CancellationToken) -> Result<(), RunError> {
    let address = options.listen.clone();
    let opening = Opening {
        address: &address,
        tls: None,
        pages: Arc::new(api::Api::new(options)),
        background: &Handle::current(),
    };
    let lease = opening.open()?;
    tracing::info!("Telling RPC interfaces on {}", lease.local());
    stop.cancelled().await;
    Ok(())
}
