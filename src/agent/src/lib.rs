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
mod kept;
mod leases;
mod sources;

use std::sync::Arc;

use catena_http::Opening;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use flags::{HELP, Options, parse};

/// Why the agent ends by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Its address cannot be had.
    #[error(transparent)]
    Open(#[from] catena_http::OpenError),
    /// The file with registrations makes no sense.
    #[error("{0}: {1}")]
    State(String, std::io::Error),
}

/// Answers until `stop` is cancelled.
pub async fn run(options: Options, stop: CancellationToken) -> Result<(), RunError> {
    let address = options.listen.clone();
    let state = options.state.clone().unwrap_or_default();
    let api = api::Api::new(options);
    let api = api.map_err(|error| RunError::State(state.display().to_string(), error))?;
    let opening = Opening {
        address: &address,
        tls: None,
        pages: Arc::new(api),
        background: &Handle::current(),
    };
    let lease = opening.open()?;
    tracing::info!("Telling RPC interfaces on {}", lease.local());
    stop.cancelled().await;
    Ok(())
}
