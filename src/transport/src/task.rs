//! The one place that starts tasks.

use tokio::task::AbortHandle;

/// Runs `task` on this worker's runtime.
#[expect(
    clippy::disallowed_methods,
    reason = "replies and sockets belong to clients and upstreams, not to a generation"
)]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(task).abort_handle()
}
