//! Turns tracing's events into lines.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::sink::Sink;

/// A thread's line buffer is given back above this many octets.
const LINE_KEPT: usize = 8 << 10;

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Writes each event as a line into a [`Sink`].
pub(crate) struct Lines {
    sink: Arc<Sink>,
}

impl Lines {
    pub(crate) fn new(sink: Arc<Sink>) -> Lines {
        Lines { sink }
    }
}

/// Whether an event comes from us, not from a library.
fn is_ours(target: &str) -> bool {
    target.starts_with("plugin/") || target.starts_with("catena")
}

fn label(level: Level) -> &'static str {
    match level {
        Level::ERROR => "[ERROR] ",
        Level::WARN => "[WARNING] ",
        Level::INFO => "[INFO] ",
        _ => "[DEBUG] ",
    }
}

impl Subscriber for Lines {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let wanted = match *metadata.level() {
            Level::TRACE => false,
            Level::DEBUG => crate::debug_is_on(),
            _ => true,
        };
        wanted && metadata.is_event() && is_ours(metadata.target())
    }

    fn event(&self, event: &Event<'_>) {
        let write = |line: &mut String| {
            line.clear();
            line.push_str(label(*event.metadata().level()));
            let target = event.metadata().target();
            if target.starts_with("plugin/") {
                line.push_str(target);
                line.push_str(": ");
            }
            event.record(&mut Fields(line));
            line.push('\n');
            self.sink.push(line.as_bytes());
            line.shrink_to(LINE_KEPT);
        };
        // A value that logs while it is printed finds the buffer taken.
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => write(&mut line),
            Err(_) => write(&mut String::new()),
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Appends the message, then any other field as ` name=value`.
struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _never_fails = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
