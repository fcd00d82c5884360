//! The `catena` binary.

use std::process::ExitCode;

/// Gives heap profiles to `pprof`, and stays small under churn.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Options of the allocator: it can sample for heap profiles, and does not until `pprof` asks;
/// what is large is given back at once, as it was made for a table that is now finished.
#[expect(
    unsafe_code,
    reason = "the allocator finds its options under this symbol"
)]
#[unsafe(export_name = "malloc_conf")]
static ALLOCATOR_OPTIONS: &[u8; 73] =
    b"prof:true,prof_active:false,lg_prof_sample:19,oversize_threshold:1048576\0";

fn main() -> ExitCode {
    catena::run(catena::PLUGINS)
}
