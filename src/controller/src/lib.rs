//! `catena controller rpcservice`: writes names of RPC interfaces to name servers elsewhere.
//!
//! What the plugin `rpcservice` would answer is kept written at a place: in etcd, behind the
//! REST interface of `dynapi`, or at a server that takes updates. What is missing there is
//! written again, what was written and is no name any more is removed, and what others wrote is
//! left alone. Two controllers at work write the same, so that neither harms the other.

mod entry;
mod flags;
mod health;
mod kept;
mod metrics;
mod options;
mod place;
mod reconcile;

use std::sync::Arc;

use catena_plugin::Background;
use catena_rpc::Registry;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use flags::{HELP, parse};
pub use options::Options;

/// Why the controller ends by itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RunError(String);

/// Works until `stop` is cancelled.
pub async fn run(options: Options, stop: CancellationToken) -> Result<(), RunError> {
    let fail = |error: &dyn std::fmt::Display| RunError(error.to_string());
    let place = place::Place::open(&options).map_err(|error| fail(&error))?;
    let kept = kept::Kept::open(options.state.as_deref());
    let kept = kept.map_err(|error| match &options.state {
        Some(path) => fail(&format_args!("{}: {error}", path.display())),
        None => fail(&error),
    })?;
    let registry = Registry::shared(options.watched.clone());
    registry.check_access().map_err(|error| fail(&error))?;
    let state = Arc::new(health::State::default());
    let lease = health::open(&options, Arc::clone(&state)).map_err(|error| fail(&error))?;
    registry.run(&Background::new(stop.clone(), Handle::current()));
    let text = place.to_string();
    tracing::info!("Writing names of RPC interfaces to {text}");
    let mut reconciler = reconcile::Reconciler::new(options, (place, kept), state);
    let _stopped = stop.run_until_cancelled(reconciler.run(&registry)).await;
    drop(lease);
    Ok(())
}
