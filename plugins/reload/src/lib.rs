//! Plugin `reload`: takes up a changed Corefile by itself.
//!
//! What counts is the content, imports included, not the time of a file: so an edit in place, an
//! editor's rename and the swapped link of a mounted ConfigMap are all seen, and a change of
//! layout or comments alone is none.

mod metrics;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use catena_plugin::{
    Control, Plugin, Registration, Setup, SetupError, StartContext, StartError, duration,
};
use md5::{Digest, Md5};
use sha2::Sha512;

const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const DEFAULT_JITTER: Duration = Duration::from_secs(15);
const MIN_INTERVAL: Duration = Duration::from_secs(2);
const MIN_JITTER: Duration = Duration::from_secs(1);
/// A changed Corefile must stay as it is for so long: an editor may still be writing.
const SETTLE: Duration = Duration::from_millis(100);

/// The row of `reload` in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "reload",
    setup,
    properties: &[],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// Looks at the Corefile every so often.
struct Reload {
    interval: Duration,
}

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut interval = DEFAULT_INTERVAL;
    for line in cx.occurrences() {
        let mut args = line.args();
        interval = match args.next() {
            None => DEFAULT_INTERVAL,
            Some(arg) if arg.text().starts_with('-') => Duration::ZERO,
            Some(arg) => arg.duration()?,
        };
        if interval < MIN_INTERVAL {
            return Err(line.error("interval value must be greater or equal to 2s"));
        }
        let jitter = args
            .next()
            .map_or(Ok(DEFAULT_JITTER), |arg| arg.duration())?;
        if !jitter.is_zero() && jitter < MIN_JITTER {
            return Err(line.error("jitter value must be 0 or greater or equal to 1s"));
        }
        args.finish()?;
        line.no_block()?;
        interval = spread(interval, jitter.min(interval / 2));
    }
    cx.add_part(Reload { interval });
    Ok(())
}

/// Moves `interval` by up to half of `jitter`, so that many servers do not look at once.
fn spread(interval: Duration, jitter: Duration) -> Duration {
    interval - jitter / 2 + jitter.mul_f64(rand::random::<f64>())
}

impl Plugin for Reload {
    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        // The Corefile is one: the first block that wants it watched is enough.
        if !context.is_first {
            return Ok(());
        }
        let Some(running) = context.control.running() else {
            tracing::warn!(target: "plugin/reload", "the Corefile is no file: nothing to watch");
            return Ok(());
        };
        let hash = sha512(&running);
        tracing::info!(target: "plugin/reload", "Running configuration SHA512 = {hash}");
        let md5 = hex(&Md5::digest(&running));
        tracing::info!(target: "plugin/reload", "Running configuration MD5 = {md5}");
        metrics::note_running(&hash);
        tracing::debug!(
            target: "plugin/reload", "looking every {}", duration::format(self.interval)
        );
        context.spawn(watch(Arc::clone(context.control), self.interval));
        Ok(())
    }
}

/// Compares the Corefile with the one that serves, until the generation ends.
async fn watch(control: Arc<dyn Control>, interval: Duration) {
    // A Corefile that was refused, or could not be read, is not tried or told of again.
    let mut refused = None;
    loop {
        tokio::time::sleep(interval).await;
        let found = control.on_disk();
        if refused.as_ref() == Some(&found) {
            continue;
        }
        let changed = match &found {
            Ok(text) => control.running().as_ref() != Some(text),
            Err(_) => true,
        };
        if !changed {
            refused = None;
            continue;
        }
        tokio::time::sleep(SETTLE).await;
        if control.on_disk() != found {
            // Still being written; the next look sees it whole.
            continue;
        }
        if let Err(error) = &found {
            tracing::warn!(target: "plugin/reload", "Corefile parse failed: {error}");
        } else if let Err(error) = control.reload().await {
            metrics::FAILED.with(&[]).inc();
            tracing::error!(
                target: "plugin/reload",
                "Corefile changed but reload failed: \
                 starting with listener file descriptors: {error}"
            );
        }
        refused = Some(found);
    }
}

fn sha512(text: &str) -> String {
    hex(&Sha512::digest(text))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{octet:02x}");
        text
    })
}
