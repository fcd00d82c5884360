//! The hosts file: read at the start, and again whenever it has changed.

use std::fs::{File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use catena_plugin::clock;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use crate::builder::{Builder, Rules};
use crate::index::Index;
use crate::metrics::{ENTRIES, RELOAD_TIME};

/// The longest line; what is longer is read as several.
const LINE_MAX: u64 = 1 << 20;
/// Readings before a file that keeps changing is taken as it is, or left for later.
const TRIES: usize = 5;
/// How long a changed file must have stayed the same, at least and at most.
const QUIET: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A file's identity and state: when it is the same, so is the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    size: u64,
    inode: (u64, u64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> io::Result<Stamp> {
        if !metadata.is_file() {
            return Err(io::Error::other("not a file"));
        }
        Ok(Stamp {
            modified: metadata.modified()?,
            size: metadata.len(),
            inode: (metadata.dev(), metadata.ino()),
        })
    }
}

/// A hosts file with the lines of the Corefile, and the index made of both.
#[derive(Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    /// Lines that stand in the Corefile; they come after those of the file.
    pub inline: Vec<String>,
    pub rules: Rules,
    index: ArcSwap<Index>,
}

impl Source {
    /// A source that knows the lines of the Corefile only.
    pub fn new(path: PathBuf, inline: Vec<String>, rules: Rules) -> Self {
        let mut source = Source {
            path,
            inline,
            rules,
            index: ArcSwap::default(),
        };
        source.index = ArcSwap::from_pointee(source.finish(Builder::default()));
        source
    }

    /// What is known now.
    pub fn index(&self) -> impl std::ops::Deref<Target = Arc<Index>> + use<> {
        self.index.load()
    }

    /// Reads the file for the first time; one that is not there is left for later.
    fn read_first(&self) -> Option<Stamp> {
        let mut read = None;
        for _ in 0..TRIES {
            let (index, stamp, steady) = self.read().ok()?;
            read = Some((index, stamp));
            if steady {
                break;
            }
        }
        let (index, stamp) = read?;
        self.activate(index, stamp);
        Some(stamp)
    }

    /// Reads the file; the last value tells whether it stayed the same meanwhile.
    fn read(&self) -> io::Result<(Index, Stamp, bool)> {
        // Looked at before it is opened: opening a pipe would wait.
        Stamp::of(&self.path.metadata()?)?;
        let file = File::open(&self.path)?;
        let stamp = Stamp::of(&file.metadata()?)?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let (mut builder, mut line) = (Builder::with_room(stamp.size), Vec::new());
        let mut octets = 0;
        loop {
            line.clear();
            let length = (&mut reader).take(LINE_MAX).read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            octets += u64::try_from(length).unwrap_or(u64::MAX);
            builder.add_line(&line, &self.rules);
        }
        let now = Stamp::of(&reader.get_ref().metadata()?)?;
        Ok((
            self.finish(builder),
            stamp,
            now == stamp && octets == stamp.size,
        ))
    }

    fn finish(&self, mut builder: Builder) -> Index {
        for line in &self.inline {
            builder.add_line(line.as_bytes(), &self.rules);
        }
        builder.finish(&self.rules)
    }

    fn activate(&self, index: Index, stamp: Stamp) {
        let count = index.len();
        tracing::debug!(target: "plugin/hosts", "Parsed hosts file into {count} entries");
        self.index.store(Arc::new(index));
        let path = self.path.display().to_string();
        ENTRIES
            .with(&[&path])
            .set(i64::try_from(count).unwrap_or(i64::MAX));
        let modified = stamp.modified.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = modified.map_or(0, |time| time.as_secs());
        RELOAD_TIME
            .with(&[])
            .set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    /// Reads the file, then returns what follows it for as long as it is polled.
    pub fn start(self: &Arc<Self>, interval: Duration) -> impl Future<Output = ()> + use<> {
        let (source, mut known) = (Arc::clone(self), self.read_first());
        async move {
            if interval.is_zero() {
                return;
            }
            let quiet = (interval / 4).clamp(QUIET.0, QUIET.1);
            let mut ticks = interval_at(clock::now() + interval, interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                if let Some(stamp) = source.update(known, quiet).await {
                    known = Some(stamp);
                }
            }
        }
    }

    /// Reads the file if it is not as `known`; `None` if it is, or keeps changing.
    ///
    /// A writer may be at work: the file is read once it has been the same for `quiet`, so
    /// that half of it is never served. A file that has gone leaves what is known.
    async fn update(self: &Arc<Self>, known: Option<Stamp>, quiet: Duration) -> Option<Stamp> {
        let mut seen = stamp(&self.path).await.filter(|now| Some(*now) != known)?;
        for _ in 0..TRIES {
            sleep(quiet).await;
            let now = stamp(&self.path).await?;
            if now != std::mem::replace(&mut seen, now) {
                continue;
            }
            let source = Arc::clone(self);
            let (index, stamp, steady) = spawn_blocking(move || source.read()).await.ok()?.ok()?;
            if steady && stamp == seen {
                self.activate(index, stamp);
                return Some(stamp);
            }
        }
        None
    }
}

/// The state of the file at `path`, asked for where waiting harms nobody.
async fn stamp(path: &Path) -> Option<Stamp> {
    let path = path.to_owned();
    let ask = move || Stamp::of(&path.metadata()?);
    spawn_blocking(ask).await.ok()?.ok()
}
