//! Commands that work until a signal ends them, with the server's log.

use std::fmt::Display;
use std::process::ExitCode;

use catena_server::Signal;
use tokio_util::sync::CancellationToken;

use super::say_error;
use crate::signals::Signals;

/// Runs what `begin` makes of a token, which a signal cancels; an error is logged.
pub(super) fn work<F, E>(begin: impl FnOnce(CancellationToken) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    if let Err(error) = catena_logging::start() {
        say_error(&format!("cannot start the log: {error}"));
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let status = match runtime {
        Ok(runtime) => runtime.block_on(live(begin)),
        Err(error) => {
            say_error(&format!("cannot start the runtime: {error}"));
            ExitCode::FAILURE
        }
    };
    catena_logging::flush();
    status
}

async fn live<F, E>(begin: impl FnOnce(CancellationToken) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut signals = match Signals::take() {
        Ok(signals) => signals,
        Err(error) => {
            say_error(&format!("cannot take signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let stop = CancellationToken::new();
    let mut working = std::pin::pin!(begin(stop.clone()));
    loop {
        tokio::select! {
            done = &mut working => {
                let Err(error) = done else {
                    return ExitCode::SUCCESS;
                };
                tracing::error!("{error}");
                return ExitCode::FAILURE;
            }
            signal = signals.next() => match signal {
                Signal::Reload => {}
                Signal::Quit => return ExitCode::SUCCESS,
                Signal::Terminate | Signal::Interrupt => stop.cancel(),
            },
        }
    }
}
