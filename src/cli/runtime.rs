//! What commands that do work have in common: options, a runtime, the server's log.

use std::process::ExitCode;

use super::say_error;

/// Runs `task` on this thread.
pub(super) fn block_on(task: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(task),
        Err(error) => {
            say_error(&format!("cannot start the runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs `task` on this thread, with the server's log.
pub(super) fn block_on_with_log(task: impl Future<Output = ExitCode>) -> ExitCode {
    if let Err(error) = catena_logging::start() {
        say_error(&format!("cannot start the log: {error}"));
        return ExitCode::FAILURE;
    }
    let status = block_on(task);
    catena_logging::flush();
    status
}

/// Works as the options say that were read, or says how they are to be given.
#[cfg(any(feature = "agent", feature = "controller", feature = "zone"))]
pub(super) fn with_options<O>(
    read: Result<Option<O>, impl std::fmt::Display>,
    help: &str,
    work: impl FnOnce(O) -> ExitCode,
) -> ExitCode {
    match read {
        Ok(Some(options)) => work(options),
        Ok(None) => {
            super::say(help);
            ExitCode::SUCCESS
        }
        Err(usage) => {
            say_error(&format!("{usage}\n{help}"));
            ExitCode::from(2)
        }
    }
}
