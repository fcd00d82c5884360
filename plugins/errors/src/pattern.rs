//! Errors that one pattern matches, joined into a line for each period.

use std::fmt::Arguments;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use catena_plugin::duration;
use regex::Regex;
use tokio::sync::Notify;

/// How a line is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

impl Level {
    pub(crate) fn log(self, line: Arguments<'_>) {
        match self {
            Level::Debug => tracing::debug!(target: "plugin/errors", "{line}"),
            Level::Info => tracing::info!(target: "plugin/errors", "{line}"),
            Level::Warning => tracing::warn!(target: "plugin/errors", "{line}"),
            Level::Error => tracing::error!(target: "plugin/errors", "{line}"),
        }
    }
}

/// When the first of several errors is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// With the others, when the period ends.
    Joined,
    /// At once.
    Shown,
}

/// One `consolidate` line.
pub(crate) struct Pattern {
    regex: Regex,
    period: Duration,
    pub(crate) level: Level,
    first: First,
    count: AtomicU64,
    /// Told at the first error of a period.
    begun: Notify,
    is_stopped: AtomicBool,
}

impl Pattern {
    pub(crate) fn new(regex: Regex, period: Duration, level: Level, first: First) -> Pattern {
        Pattern {
            regex,
            period,
            level,
            first,
            count: AtomicU64::new(0),
            begun: Notify::new(),
            is_stopped: AtomicBool::new(false),
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Counts an error; false if the caller is to log it.
    pub(crate) fn count(&self) -> bool {
        if self.is_stopped.load(SeqCst) {
            return false;
        }
        let is_first = self.count.fetch_add(1, SeqCst) == 0;
        if is_first {
            self.begun.notify_one();
        }
        if self.is_stopped.load(SeqCst) {
            // `stop` may have told the count before this error was in it.
            self.tell();
        }
        !(is_first && self.first == First::Shown)
    }

    /// Logs how many there were, each time a period ends.
    pub(crate) async fn tell_each_period(self: Arc<Self>) {
        loop {
            self.begun.notified().await;
            tokio::time::sleep(self.period).await;
            self.tell();
        }
    }

    /// Logs what is counted so far; later errors are logged one by one.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, SeqCst);
        self.tell();
    }

    fn tell(&self) {
        let count = self.count.swap(0, SeqCst);
        if count > 1 || count == 1 && self.first == First::Joined {
            let (regex, period) = (&self.regex, duration::format(self.period));
            let line = format_args!("{count} errors like '{regex}' occurred in last {period}");
            self.level.log(line);
        }
    }
}
