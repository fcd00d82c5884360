//! Where CPU time goes: a timer signal samples the stacks of running threads.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use catena_http::{Answer, Asked, Page};
use pprof::protos::Message;
use pprof::{ProfilerGuard, ProfilerGuardBuilder};

/// Samples a second; off the beat of timers that fire a hundred times a second.
const FREQUENCY: i32 = 99;
const SECONDS: u64 = 30;
/// A client can keep the signal going for this long.
const SECONDS_MAX: u64 = 600;
/// Libraries whose stacks cannot be walked inside a signal.
const BLOCKLIST: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

/// The process has one profiling timer.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

struct Turn(());

impl Turn {
    fn take() -> Option<Turn> {
        (!IS_TAKEN.swap(true, SeqCst)).then_some(Turn(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        IS_TAKEN.store(false, SeqCst);
    }
}

/// Profiles the process for the time that `asked` says.
pub(crate) fn profile(asked: &Asked) -> Answer {
    let seconds = match asked.value("seconds").map(str::parse::<u64>) {
        None => SECONDS,
        Some(Ok(seconds)) if (1..=SECONDS_MAX).contains(&seconds) => seconds,
        Some(_) => {
            let text = format!("seconds must be a number from 1 to {SECONDS_MAX}\n");
            return Answer::Now(Page::text(400, text));
        }
    };
    let Some(turn) = Turn::take() else {
        let text = "Could not enable CPU profiling: cpu profiling already in use\n";
        return Answer::Now(Page::text(500, text));
    };
    Answer::Later(Box::pin(run(turn, Duration::from_secs(seconds))))
}

async fn run(turn: Turn, time: Duration) -> Page {
    let builder = ProfilerGuardBuilder::default().frequency(FREQUENCY);
    let guard = match builder.blocklist(&BLOCKLIST).build() {
        Ok(guard) => guard,
        Err(error) => return refused(&error.to_string()),
    };
    tokio::time::sleep(time).await;
    // Finding the names of functions takes a while.
    let written = tokio::task::spawn_blocking(move || {
        let written = write(&guard);
        drop(guard);
        drop(turn);
        written
    });
    match written.await {
        Ok(Ok(octets)) => Page::new("application/octet-stream", octets)
            .with_header("content-disposition", "attachment; filename=\"profile\""),
        Ok(Err(error)) => refused(&error),
        Err(error) => refused(&error.to_string()),
    }
}

fn write(guard: &ProfilerGuard<'_>) -> Result<Vec<u8>, String> {
    let report = guard.report().build().map_err(|error| error.to_string())?;
    let profile = report.pprof().map_err(|error| error.to_string())?;
    profile.write_to_bytes().map_err(|error| error.to_string())
}

fn refused(reason: &str) -> Page {
    Page::text(500, format!("Could not enable CPU profiling: {reason}\n"))
}
