//! Who says a row.

use std::fmt;
use std::sync::Arc;

/// Who says a row: an object of a cluster, or a host of a name table.
///
/// Its text names the kind of source, then the thing: `serviceentry/NAMESPACE/NAME`,
/// `istiod/ADDRESS/HOST`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(Arc<str>);

impl Owner {
    /// The owner of this text.
    pub fn new(text: impl Into<Arc<str>>) -> Owner {
        Owner(text.into())
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
