//! The `catena` binary.

use std::process::ExitCode;

/// Gives heap profiles to `pprof`, and stays small under churn.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    catena::run(catena::PLUGINS)
}
