//! Lines, their order, and what happens when nobody reads them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use crate::sink::Sink;
use crate::subscriber::Lines;

/// Hands over what is written, then waits for leave to go on.
struct Slow(Sender<Vec<u8>>, Receiver<()>);

impl Write for Slow {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.send(octets.to_vec()).map_err(io::Error::other)?;
        self.1.recv().map_err(io::Error::other)?;
        Ok(octets.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow_sink(waiting_max: usize) -> (Arc<Sink>, Receiver<Vec<u8>>, SyncSender<()>) {
    let (written, batches) = channel();
    let (leave, wait) = sync_channel(16);
    let sink = Sink::start(Slow(written, wait), waiting_max).unwrap();
    (sink, batches, leave)
}

fn logged(log: impl FnOnce()) -> String {
    let (sink, batches, leave) = slow_sink(1 << 16);
    (0..16).for_each(|_| leave.send(()).unwrap());
    tracing::subscriber::with_default(Lines::new(Arc::clone(&sink)), log);
    sink.flush(Duration::from_secs(10));
    String::from_utf8(batches.try_iter().flatten().collect()).unwrap()
}

#[test]
fn lines_look_as_coredns_prints_them() {
    let text = logged(|| {
        tracing::info!(target: "plugin/cache", "kept {}", 3);
        tracing::warn!(target: "plugin/file", name = "x", "gone");
        tracing::error!("no plugin");
        tracing::error!(target: "hyper::proto", "not ours");
        tracing::debug!("not wanted");
    });
    let expected =
        "[INFO] plugin/cache: kept 3\n[WARNING] plugin/file: gone name=\"x\"\n[ERROR] no plugin\n";
    assert_eq!(text, expected);
}

#[test]
fn a_blocked_output_holds_up_nobody_and_tells_how_much_was_lost() {
    let (sink, batches, leave) = slow_sink(8);
    sink.push(b"first\n");
    assert_eq!(batches.recv().unwrap(), b"first\n");
    // The writer now hangs; eight octets fit, the rest is dropped.
    for line in [b"a\n", b"b\n", b"c\n", b"d\n", b"e\n", b"f\n"] {
        sink.push(line);
    }
    leave.send(()).unwrap();
    let second = String::from_utf8(batches.recv().unwrap()).unwrap();
    let told = "[WARNING] 2 log lines were dropped: standard output is too slow\n";
    assert_eq!(second, format!("a\nb\nc\nd\n{told}"));
    leave.send(()).unwrap();
    sink.flush(Duration::from_secs(10));
}

#[test]
fn flushing_gives_up_on_an_output_that_hangs() {
    let (sink, _batches, _leave) = slow_sink(64);
    sink.push(b"x\n");
    sink.flush(Duration::from_millis(1));
}
