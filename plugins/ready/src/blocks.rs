//! The server blocks that have *ready*, and what their plugins say.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use catena_http::{Answer, Asked, Page};
use catena_plugin::{Control, Readiness, Stage};
use parking_lot::Mutex;

const PATH: &str = "/ready";

/// The blocks that serve, or are about to; an endpoint speaks for all of them.
static BLOCKS: Mutex<Vec<Weak<Block>>> = Mutex::new(Vec::new());

/// How long a plugin is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Monitor {
    /// Until it said yes once.
    UntilReady,
    /// Always.
    Continuously,
}

/// A server block that has *ready*.
pub(crate) struct Block {
    parts: Vec<Part>,
    monitor: Monitor,
    /// Set when the process is about to end.
    is_ending: AtomicBool,
    /// Knows which generation serves.
    control: Arc<dyn Control>,
}

struct Part {
    stage: Stage,
    was_ready: AtomicBool,
}

/// Makes the block of `parts` one that is asked, until what is returned goes.
pub(crate) fn join(parts: &[Stage], control: &Arc<dyn Control>, monitor: Monitor) -> Arc<Block> {
    let parts = parts.iter().map(|stage| Part {
        stage: stage.clone(),
        was_ready: AtomicBool::new(false),
    });
    let block = Arc::new(Block {
        parts: parts.collect(),
        monitor,
        is_ending: AtomicBool::new(false),
        control: Arc::clone(control),
    });
    let mut blocks = BLOCKS.lock();
    blocks.retain(|block| block.strong_count() > 0);
    blocks.push(Arc::downgrade(&block));
    block
}

/// Answers `/ready`.
pub(crate) fn answer(asked: &Asked) -> Option<Answer> {
    if asked.path != PATH {
        return None;
    }
    let blocks = serving();
    if blocks.iter().any(|block| block.is_ending.load(Relaxed)) {
        return Some(Answer::Now(Page::text(503, "Shutting down")));
    }
    let missing = not_ready(&blocks);
    if missing.is_empty() {
        return Some(Answer::Now(Page::text(200, "OK")));
    }
    tracing::info!(target: "plugin/ready", "Plugins not ready: {missing:?}");
    Some(Answer::Now(Page::text(503, missing)))
}

/// The blocks to be asked.
///
/// During a reload two generations live, and the one that serves is asked; before the first
/// serves, all are.
fn serving() -> Vec<Arc<Block>> {
    let mut blocks: Vec<Arc<Block>> = BLOCKS.lock().iter().filter_map(Weak::upgrade).collect();
    if blocks.iter().any(|block| block.serves()) {
        blocks.retain(|block| block.serves());
    }
    blocks
}

/// The names of the plugins that are not ready, joined by commas.
fn not_ready(blocks: &[Arc<Block>]) -> String {
    let names: BTreeSet<&str> = blocks.iter().flat_map(|block| block.missing()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    names.join(",")
}

impl Block {
    /// Says from now on that the process ends, so that nobody sends it more.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Relaxed);
    }

    fn serves(&self) -> bool {
        let Some(own) = self.parts.first() else {
            return false;
        };
        let serving = self.control.parts();
        let mut serving = serving.iter();
        serving.any(|stage| {
            std::ptr::addr_eq(Arc::as_ptr(&stage.plugin), Arc::as_ptr(&own.stage.plugin))
        })
    }

    fn missing(&self) -> impl Iterator<Item = &'static str> {
        let asked = self
            .parts
            .iter()
            .filter(|part| self.monitor == Monitor::Continuously || !part.was_ready.load(Relaxed));
        let missing = asked.filter(|part| {
            let is_missing = part.stage.plugin.ready() == Readiness::NotReady;
            part.was_ready.store(!is_missing, Relaxed);
            is_missing
        });
        missing.map(|part| part.stage.name)
    }
}
