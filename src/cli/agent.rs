//! `catena agent`: the register agent beside an application.

use std::process::ExitCode;

use super::work::work;
use super::{say, say_error};

/// Runs the agent that `args` describe.
pub(super) fn agent(args: &[String]) -> ExitCode {
    let rpc_type = std::env::var("RPC_TYPE").ok();
    match catena_agent::parse(args, rpc_type.as_deref()) {
        Ok(Some(options)) => work(|stop| catena_agent::run(options, stop)),
        Ok(None) => {
            say(catena_agent::HELP);
            ExitCode::SUCCESS
        }
        Err(usage) => {
            say_error(&format!("{usage}\n{}", catena_agent::HELP));
            ExitCode::from(2)
        }
    }
}
