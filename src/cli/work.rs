//! Commands that work until a signal ends them, with the server's log.

use std::fmt::Display;
use std::process::ExitCode;

use catena_server::Signal;
use tokio_util::sync::CancellationToken;

use super::runtime::block_on_with_log;
use super::say_error;
use crate::signals::Signals;

/// Runs what `begin` makes of a token, which a signal cancels; an error is logged.
pub(super) fn work<F, E>(begin: impl FnOnce(CancellationToken) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    block_on_with_log(live(begin))
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
