//! A bounded queue of octets and the thread that writes them out.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use catena_plugin::metrics::server::LOG_LINES_DROPPED;
use parking_lot::{Condvar, Mutex};

/// How long a full pipe is left alone.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(5);

/// Takes lines without waiting and writes them in order.
pub(crate) struct Sink {
    queue: Mutex<Queue>,
    /// Told when the empty queue got a line.
    filled: Condvar,
    /// Told when all that was queued is written.
    drained: Condvar,
    waiting_max: usize,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<u8>,
    is_writing: bool,
    dropped: u64,
}

impl Sink {
    /// Starts a thread that writes to `out`; `waiting_max` octets may wait for it.
    pub(crate) fn start(
        out: impl Write + Send + 'static,
        waiting_max: usize,
    ) -> io::Result<Arc<Sink>> {
        let sink = Arc::new(Sink {
            queue: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            waiting_max,
        });
        let writer = Arc::clone(&sink);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_all(out))?;
        Ok(sink)
    }

    /// Queues `line`; drops and counts it when there is no room.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut queue = self.queue.lock();
        if queue.waiting.len() + line.len() > self.waiting_max {
            queue.dropped += 1;
            LOG_LINES_DROPPED.with(&[]).inc();
            return;
        }
        let was_empty = queue.waiting.is_empty();
        queue.waiting.extend_from_slice(line);
        drop(queue);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Waits until the queue is written, for `patience` at most.
    pub(crate) fn flush(&self, patience: Duration) {
        let mut queue = self.queue.lock();
        let busy = |queue: &mut Queue| queue.is_writing || !queue.waiting.is_empty();
        let _in_time = self.drained.wait_while_for(&mut queue, busy, patience);
    }

    fn write_all(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut queue = self.queue.lock();
            queue.is_writing = false;
            if queue.waiting.is_empty() {
                self.drained.notify_all();
                self.filled
                    .wait_while(&mut queue, |queue| queue.waiting.is_empty());
            }
            batch.clear();
            std::mem::swap(&mut batch, &mut queue.waiting);
            queue.is_writing = true;
            let dropped = std::mem::take(&mut queue.dropped);
            drop(queue);
            if dropped > 0 {
                let told = "log lines were dropped: standard output is too slow";
                batch.extend_from_slice(format!("[WARNING] {dropped} {told}\n").as_bytes());
            }
            write_batch(&mut out, &batch);
        }
    }
}

/// Writes `batch`; what a full disk or a closed pipe refuses is lost.
fn write_batch(out: &mut impl Write, mut batch: &[u8]) {
    while !batch.is_empty() {
        match out.write(batch) {
            Ok(0) => return,
            Ok(written) => batch = batch.get(written..).unwrap_or(&[]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(FULL_PIPE_PAUSE);
            }
            Err(_) => return,
        }
    }
}
