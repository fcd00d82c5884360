//! Where memory goes: the allocator samples what is allocated.

use catena_http::Page;
use jemalloc_pprof::PROF_CTL;

const NO_SAMPLES: &str = "heap profiles need jemalloc as the allocator, built or started with \
     prof:true (in MALLOC_CONF)\n";

/// Lets the allocator sample from now on; it stays so until the process ends.
pub(crate) fn start_sampling() {
    // Whoever has the lock is writing a profile, so sampling is on.
    if let Some(control) = PROF_CTL.as_ref()
        && let Ok(mut control) = control.try_lock()
        && !control.activated()
        && let Err(error) = control.activate()
    {
        tracing::warn!(target: "plugin/pprof", "no heap profiles: {error}");
    }
}

/// The memory in use.
pub(crate) async fn profile() -> Page {
    let Some(control) = PROF_CTL.as_ref() else {
        return Page::text(501, NO_SAMPLES);
    };
    let written = tokio::task::spawn_blocking(|| control.blocking_lock().dump_pprof()).await;
    match written {
        Ok(Ok(octets)) => Page::new("application/octet-stream", octets)
            .with_header("content-disposition", "attachment; filename=\"heap\""),
        Ok(Err(error)) => Page::text(500, format!("no heap profile: {error}\n")),
        Err(error) => Page::text(500, format!("no heap profile: {error}\n")),
    }
}
