//! `catena controller`: writes names of RPC interfaces elsewhere, or addresses into entries.

use std::fmt::Display;
use std::process::ExitCode;

use super::work::work;
use super::{say, say_error};

/// Runs the controller that `args` describe.
pub(super) fn controller(args: &[String]) -> ExitCode {
    match args.split_first() {
        Some((kind, rest)) if kind == "rpcservice" => {
            let parsed = catena_controller::parse(rest);
            run(parsed, catena_controller::HELP, |options| {
                work(|stop| catena_controller::run(options, stop))
            })
        }
        Some((kind, rest)) if kind == "vip" => {
            run(catena_vip::parse(rest), catena_vip::HELP, |options| {
                work(|stop| catena_vip::run(options, stop))
            })
        }
        Some((word, _)) if matches!(word.as_str(), "-h" | "-help" | "--help") => {
            say(&help());
            ExitCode::SUCCESS
        }
        _ => {
            say_error(&help());
            ExitCode::from(2)
        }
    }
}

fn help() -> String {
    format!("{}\n\n{}", catena_controller::HELP, catena_vip::HELP)
}

/// Runs what was parsed, or says what is wrong with it.
fn run<O, E: Display>(
    parsed: Result<Option<O>, E>,
    help: &str,
    work: impl FnOnce(O) -> ExitCode,
) -> ExitCode {
    match parsed {
        Ok(Some(options)) => work(options),
        Ok(None) => {
            say(help);
            ExitCode::SUCCESS
        }
        Err(usage) => {
            say_error(&format!("{usage}\n{help}"));
            ExitCode::from(2)
        }
    }
}
