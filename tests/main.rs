//! Tests of the whole: the tree's shape and the built binary, as one test crate.
#![expect(clippy::unwrap_used, reason = "tests")]

mod corefiles;
mod links;
mod readme;
mod server;
mod tidy;
