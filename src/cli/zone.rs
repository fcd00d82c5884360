//! `catena zone`: a zone of a running `dynapi` as a master file, out and in.

use std::process::ExitCode;

use super::{say, say_error};

/// Carries the zone that `args` name.
pub(super) fn zone(args: &[String]) -> ExitCode {
    let options = match catena_zone::parse(args, std::env::var("CATENA_TOKEN").ok()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            say(catena_zone::HELP);
            return ExitCode::SUCCESS;
        }
        Err(usage) => {
            say_error(&format!("{usage}\n{}", catena_zone::HELP));
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            say_error(&format!("cannot start the runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(catena_zone::run(&options, &mut std::io::stdout())) {
        Ok(told) => {
            told.iter().for_each(|told| say(told));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say_error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
