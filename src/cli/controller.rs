//! `catena controller rpcservice`: writes names of RPC interfaces elsewhere.

use std::process::ExitCode;

use super::work::work;
use super::{say, say_error};

/// Runs the controller that `args` describe.
pub(super) fn controller(args: &[String]) -> ExitCode {
    let parsed = match args.split_first() {
        Some((kind, rest)) if kind == "rpcservice" => catena_controller::parse(rest),
        Some((word, _)) if matches!(word.as_str(), "-h" | "-help" | "--help") => Ok(None),
        _ => {
            say_error(catena_controller::HELP);
            return ExitCode::from(2);
        }
    };
    match parsed {
        Ok(Some(options)) => work(|stop| catena_controller::run(options, stop)),
        Ok(None) => {
            say(catena_controller::HELP);
            ExitCode::SUCCESS
        }
        Err(usage) => {
            say_error(&format!("{usage}\n{}", catena_controller::HELP));
            ExitCode::from(2)
        }
    }
}
