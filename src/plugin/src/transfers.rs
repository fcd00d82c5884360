//! Zones that plugins lend to `transfer`: their records in order, their past, and when they change.

use catena_dns::{Name, NameRef, Record, RecordRef};
use tokio::sync::watch;

use crate::ServeError;

/// Lends its zones to `transfer`, which finds it among the parts of the server block.
pub trait Transfers: Send + Sync {
    /// The zones it has, in lower case; secondaries are told of them at the start.
    fn zones(&self) -> Vec<Name>;

    /// The zone called just `zone`, in lower case, as it is now.
    fn lend(&self, zone: NameRef<'_>) -> Lent;

    /// Says when the serial of a zone may have changed; `None` if secondaries are never told.
    ///
    /// A plugin keeps the sender and calls `send_replace(())`; many changes in a row may be seen
    /// as one.
    fn changes(&self) -> Option<watch::Receiver<()>> {
        None
    }
}

/// What [`Transfers::lend`] finds.
pub enum Lent {
    /// There is no such zone here: another plugin may have it.
    Missing,
    /// There is, but not now; the client is told SERVFAIL, the log why.
    Failed(Option<ServeError>),
    /// The zone.
    Zone(Box<dyn LentZone>),
}

impl Lent {
    /// There is a zone here that cannot be lent because of `error`.
    pub fn failed(error: impl Into<ServeError>) -> Lent {
        Lent::Failed(Some(error.into()))
    }
}

/// A zone at one serial; what happens to it later does not show.
pub trait LentZone: Send {
    /// The SOA record.
    fn soa(&self) -> Record;

    /// All other records: those of the apex first, glue included.
    fn into_records(self: Box<Self>) -> Box<dyn RecordSource>;

    /// What has changed since `serial`, as the middle of an answer to IXFR (RFC 1995 section 4).
    ///
    /// For each step: the old SOA, the records that went, the new SOA, the records that came.
    /// `None` if the journal does not reach back that far: then all of the zone is sent.
    fn changes_since(&self, serial: u32) -> Option<Box<dyn RecordSource>> {
        let _no_journal = serial;
        None
    }

    /// Whether the zone keeps a journal at all; CoreDNS has none, so others answer as it does.
    fn has_journal(&self) -> bool {
        false
    }
}

/// Records, one after the other.
pub trait RecordSource: Send {
    /// Hands records to `take` until it refuses one, which comes first the next time.
    ///
    /// Says whether all have been taken.
    fn feed(&mut self, take: &mut dyn FnMut(RecordRef<'_>) -> bool) -> bool;
}

/// The records of an iterator.
pub struct Listed<I: Iterator<Item = Record>>(std::iter::Peekable<I>);

impl<I: Iterator<Item = Record>> Listed<I> {
    /// The records of `records`, in order.
    pub fn new(records: impl IntoIterator<IntoIter = I>) -> Listed<I> {
        Listed(records.into_iter().peekable())
    }
}

impl<I: Iterator<Item = Record> + Send> RecordSource for Listed<I> {
    fn feed(&mut self, take: &mut dyn FnMut(RecordRef<'_>) -> bool) -> bool {
        while let Some(record) = self.0.peek() {
            if !take(RecordRef::from(record)) {
                return false;
            }
            self.0.next();
        }
        true
    }
}
