//! `catena controller`: writes names of RPC interfaces elsewhere, or addresses into entries.

use std::process::ExitCode;

use super::runtime::with_options;
use super::work::work;
use super::{say, say_error};

/// Runs the controller that `args` describe.
pub(super) fn controller(args: &[String]) -> ExitCode {
    match args.split_first() {
        Some((kind, rest)) if kind == "rpcservice" => {
            let parsed = catena_controller::parse(rest);
            with_options(parsed, catena_controller::HELP, |options| {
                work(|stop| catena_controller::run(options, stop))
            })
        }
        Some((kind, rest)) if kind == "vip" => {
            with_options(catena_vip::parse(rest), catena_vip::HELP, |options| {
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
