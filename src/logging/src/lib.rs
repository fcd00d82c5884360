//! The log: lines on standard output as CoreDNS prints them, written by a thread of their own.
//!
//! An event of target `plugin/x` becomes `[INFO] plugin/x: text`, one of our own crates
//! `[INFO] text`. Who logs never waits: lines go to a bounded queue, and what does not fit is
//! dropped and counted.

mod sink;
mod subscriber;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sink::Sink;
use subscriber::Lines;

/// Octets that wait for a slow standard output at most.
const WAITING_MAX: usize = 4 << 20;
/// How long the end of the process waits for standard output.
const FLUSH_TIME: Duration = Duration::from_secs(2);

static SINK: OnceLock<Arc<Sink>> = OnceLock::new();
/// How many server blocks want debug lines.
static DEBUG_WANTED: AtomicUsize = AtomicUsize::new(0);

/// Makes standard output the log of the process; later calls do nothing.
pub fn start() -> io::Result<()> {
    if SINK.get().is_some() {
        return Ok(());
    }
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let sink = Sink::start(stdout, WAITING_MAX)?;
    if SINK.set(Arc::clone(&sink)).is_ok() {
        // Only a test that logs elsewhere has set one before.
        let _already = tracing::subscriber::set_global_default(Lines::new(sink));
    }
    Ok(())
}

/// Prints `text` as it is, in order with the lines of the log; used for what is no log line.
pub fn print(text: &str) {
    match SINK.get() {
        Some(sink) => sink.push(text.as_bytes()),
        None => {
            let _closed = io::stdout().write_all(text.as_bytes());
        }
    }
}

/// Waits until all lines so far are written, but not for ever.
pub fn flush() {
    if let Some(sink) = SINK.get() {
        sink.flush(FLUSH_TIME);
    }
}

/// Debug lines are printed while any of these lives.
#[derive(Debug)]
pub struct DebugLines(());

impl DebugLines {
    /// Turns debug lines on.
    pub fn on() -> DebugLines {
        if DEBUG_WANTED.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::callsite::rebuild_interest_cache();
        }
        DebugLines(())
    }
}

impl Drop for DebugLines {
    fn drop(&mut self) {
        if DEBUG_WANTED.fetch_sub(1, Ordering::Relaxed) == 1 {
            tracing::callsite::rebuild_interest_cache();
        }
    }
}

/// Whether debug lines are printed.
pub fn debug_is_on() -> bool {
    DEBUG_WANTED.load(Ordering::Relaxed) > 0
}

#[cfg(test)]
mod tests;
