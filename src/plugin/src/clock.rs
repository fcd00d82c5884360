//! The one place that reads the monotonic clock; paused and advanced in tests.

pub use tokio::time::Instant;

/// The time now.
pub fn now() -> Instant {
    Instant::now()
}
