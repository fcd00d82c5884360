//! `catena agent`: the register agent beside an application.

use std::process::ExitCode;

use super::runtime::with_options;
use super::work::work;

/// Runs the agent that `args` describe.
pub(super) fn agent(args: &[String]) -> ExitCode {
    let rpc_type = std::env::var("RPC_TYPE").ok();
    let read = catena_agent::parse(args, rpc_type.as_deref());
    with_options(read, catena_agent::HELP, |options| {
        work(|stop| catena_agent::run(options, stop))
    })
}
