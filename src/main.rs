//! The `catena` binary.

use std::process::ExitCode;

/// Gives heap profiles to `pprof`, and stays small under churn.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Options of the allocator: it can sample for heap profiles, and does not until `pprof` asks.
#[expect(
    unsafe_code,
    reason = "the allocator finds its options under this symbol"
)]
#[unsafe(export_name = "malloc_conf")]
static ALLOCATOR_OPTIONS: &[u8; 46] = b"prof:true,prof_active:false,lg_prof_sample:19\0";

fn main() -> ExitCode {
    catena::run(catena::PLUGINS)
}
