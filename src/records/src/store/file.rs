//! The embedded store: one file of redb, synced to the disk before a change is acknowledged.

mod history;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catena_dns::Name;
use parking_lot::Mutex;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::stored::{StoredSet, write_key, write_set};
use super::{Batch, Followed, Loaded, Store, StoreError, Work};
use crate::LeaseId;

/// Key and value: see [`write_key`] and [`write_set`].
const SETS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("sets");
/// Seconds by lease.
const LEASES: TableDefinition<'_, u64, u32> = TableDefinition::new("leases");
/// `revision`, and `format`, the form of what is stored.
const STATE: TableDefinition<'_, &str, u64> = TableDefinition::new("state");

/// The form of what is stored; a file of another form is refused.
const FORMAT: u64 = 1;
/// Octets of pages that redb keeps in memory: what is read is in our own memory anyway.
const CACHE: usize = 16 << 20;

/// Records in a file.
pub struct FileStore {
    inner: Arc<Inner>,
    followed: Mutex<Option<mpsc::Receiver<Followed>>>,
}

struct Inner {
    path: PathBuf,
    open: Mutex<Open>,
    follow: mpsc::Sender<Followed>,
}

#[derive(Default)]
struct Open {
    /// `None` after an error: redb wants to be opened anew then.
    database: Option<Database>,
    /// The last revision that was told.
    revision: u64,
    /// The zones that were loaded.
    zones: Vec<Name>,
}

impl FileStore {
    /// Opens the file at `path`, or makes it; blocks.
    ///
    /// After a crash redb finds the last commit that was whole.
    pub fn open(path: &Path) -> Result<FileStore, StoreError> {
        let (follow, followed) = mpsc::channel(1);
        let inner = Inner {
            path: path.to_owned(),
            open: Mutex::default(),
            follow,
        };
        inner.open.lock().database = Some(inner.open_file()?);
        Ok(FileStore {
            inner: Arc::new(inner),
            followed: Mutex::new(Some(followed)),
        })
    }

    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Work<'_, T> {
        let inner = Arc::clone(&self.inner);
        let done = spawn_blocking(move || work(&inner));
        Box::pin(async move {
            let ended = |_| StoreError::Unavailable("the server is ending".to_owned());
            done.await.map_err(ended)?
        })
    }
}

impl Store for FileStore {
    fn load<'s>(&'s self, zones: &'s [Name]) -> Work<'s, Loaded> {
        let zones = zones.to_vec();
        self.blocking(move |inner| {
            let loaded = inner.with(|database| load(database, &zones))?;
            let mut open = inner.open.lock();
            open.revision = loaded.revision;
            open.zones.extend(zones);
            Ok(loaded)
        })
    }

    fn commit(&self, batch: Arc<Batch>) -> Work<'_, u64> {
        self.blocking(move |inner| {
            let revision = inner.with(|database| commit(database, &batch))?;
            inner.open.lock().revision = revision;
            Ok(revision)
        })
    }

    fn follow(&self) -> Option<mpsc::Receiver<Followed>> {
        self.followed.lock().take()
    }
}

impl Inner {
    fn open_file(&self) -> Result<Database, StoreError> {
        let path = self.path.display();
        let broken =
            |error: &dyn std::fmt::Display| StoreError::Broken(format!("database {path}: {error}"));
        // What is no database at all can lead redb to panic.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut builder = Database::builder();
            let database = builder.set_cache_size(CACHE).create(&self.path)?;
            let format = prepare(&database)?;
            Ok::<_, redb::Error>((database, format))
        }));
        let opened = opened.map_err(|_| broken(&"it is damaged"))?;
        match opened.map_err(|error| broken(&error))? {
            (database, FORMAT) => Ok(database),
            (_, other) => Err(broken(&format_args!("its format {other} is not known"))),
        }
    }

    /// Works with the database; after an error it is opened anew the next time.
    fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let mut open = self.open.lock();
        if open.database.is_none() {
            self.reopen(&mut open)?;
        }
        let failed = |what: &dyn std::fmt::Display| {
            StoreError::Unavailable(format!("database {}: {what}", self.path.display()))
        };
        let Some(database) = &open.database else {
            return Err(failed(&"it is not open"));
        };
        let done = catch_unwind(AssertUnwindSafe(|| work(database)));
        let done = match done {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => failed(&error),
            Err(_) => failed(&"it is damaged"),
        };
        open.database = None;
        Err(done)
    }

    /// Opens the file again. A commit that failed may be in it all the same: then all is told anew.
    fn reopen(&self, open: &mut Open) -> Result<(), StoreError> {
        let unavailable =
            |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
        let database = self.open_file().map_err(|error| unavailable(&error))?;
        let loaded = load(&database, &open.zones).map_err(|error| unavailable(&error))?;
        open.database = Some(database);
        if loaded.revision == open.revision {
            return Ok(());
        }
        open.revision = loaded.revision;
        match self.follow.try_send(Followed::Reset(loaded)) {
            Ok(()) => Err(StoreError::Conflict),
            Err(_) => Err(unavailable(&"the records are being read again")),
        }
    }
}

/// Makes the tables; the format of the file.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let writing = database.begin_write()?;
    let format = {
        let mut state = writing.open_table(STATE)?;
        writing.open_table(SETS)?;
        writing.open_table(LEASES)?;
        writing.open_table(history::HISTORY)?;
        let known = state.get("format")?.map(|format| format.value());
        if known.is_none() {
            state.insert("format", FORMAT)?;
        }
        known.unwrap_or(FORMAT)
    };
    writing.commit()?;
    Ok(format)
}

fn load(database: &Database, zones: &[Name]) -> Result<Loaded, redb::Error> {
    let reading = database.begin_read()?;
    let mut loaded = Loaded::default();
    let state = reading.open_table(STATE)?;
    loaded.revision = state
        .get("revision")?
        .map_or(0, |revision| revision.value());
    for lease in reading.open_table(LEASES)?.iter()? {
        let (id, ttl) = lease?;
        loaded.leases.push((LeaseId(id.value()), ttl.value()));
    }
    for stored in reading.open_table(SETS)?.iter()? {
        let (key, value) = stored?;
        let set = StoredSet::read(key.value(), value.value()).ok_or_else(corrupted)?;
        if zones.iter().any(|zone| set.name.is_within(zone.view())) {
            loaded.sets.push(key.value(), value.value());
        }
    }
    loaded.history = history::read(&reading, loaded.revision)?;
    let before_all = |(first, _): &(u64, _)| first - 1;
    loaded.since = loaded.history.first().map_or(loaded.revision, before_all);
    Ok(loaded)
}

fn corrupted() -> redb::Error {
    redb::Error::Corrupted("a stored set makes no sense".to_owned())
}

fn commit(database: &Database, batch: &Batch) -> Result<u64, redb::Error> {
    let mut writing = database.begin_write()?;
    writing.set_durability(Durability::Immediate)?;
    let revision = {
        let mut sets = writing.open_table(SETS)?;
        for edit in &batch.edits {
            let key = write_key(&edit.key);
            match &edit.after {
                None => drop(sets.remove(key.as_slice())?),
                Some(set) => drop(sets.insert(key.as_slice(), write_set(set).as_slice())?),
            }
        }
        let mut leases = writing.open_table(LEASES)?;
        for (id, ttl) in &batch.begun {
            leases.insert(id.0, *ttl)?;
        }
        for id in &batch.ended {
            leases.remove(id.0)?;
        }
        let mut state = writing.open_table(STATE)?;
        let revision = state
            .get("revision")?
            .map_or(0, |revision| revision.value())
            + 1;
        state.insert("revision", revision)?;
        history::add(&writing, &mut state, (revision, &batch.edits))?;
        revision
    };
    writing.commit()?;
    Ok(revision)
}
