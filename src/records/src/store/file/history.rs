//! The latest commits in the file itself, so that who follows a zone goes on after a restart.

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::Edit;
use crate::store::stored::{read_edits, write_edits};

/// The edits of each revision; no revision is left out.
pub(super) const HISTORY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("history");
/// Octets of all of it, in the table of numbers.
const OCTETS: &str = "history_octets";
/// Commits and octets at most: read in some 50 ms.
const COMMITS_MAX: u64 = 10_000;
const OCTETS_MAX: u64 = 8 << 20;

/// Adds the edits of `revision`, and drops the oldest for them.
///
/// What is larger than all that is kept drops everything, itself too.
pub(super) fn add(
    writing: &WriteTransaction,
    numbers: &mut Table<'_, &'static str, u64>,
    (revision, edits): (u64, &[Edit]),
) -> Result<(), redb::Error> {
    let mut history = writing.open_table(HISTORY)?;
    let mut octets = numbers.get(OCTETS)?.map_or(0, |octets| octets.value());
    let written = write_edits(edits);
    octets += size(&written);
    history.insert(revision, written.as_slice())?;
    loop {
        let first = history.first()?.map(|(first, _)| first.value());
        let is_old = first.is_some_and(|first| first + COMMITS_MAX <= revision);
        if !is_old && octets <= OCTETS_MAX {
            break;
        }
        let Some((_, gone)) = history.pop_first()? else {
            break;
        };
        octets = octets.saturating_sub(size(gone.value()));
    }
    numbers.insert(OCTETS, octets)?;
    Ok(())
}

/// All commits up to `revision` without a gap, as far back as they are kept.
pub(super) fn read(
    reading: &ReadTransaction,
    revision: u64,
) -> Result<Vec<(u64, Vec<Edit>)>, redb::Error> {
    let mut commits: Vec<(u64, Vec<Edit>)> = Vec::new();
    for commit in reading.open_table(HISTORY)?.iter()?.rev() {
        let (own, edits) = commit?;
        let expected = commits.last().map_or(revision, |(last, _)| last - 1);
        // A gap is the work of a version that kept no history.
        let Some(edits) = read_edits(edits.value()).filter(|_| own.value() == expected) else {
            break;
        };
        commits.push((expected, edits));
    }
    commits.reverse();
    Ok(commits)
}

fn size(written: &[u8]) -> u64 {
    u64::try_from(written.len() + 32).unwrap_or(u64::MAX)
}
