//! `catena zone`: a zone of a running `dynapi` as a master file, out and in.

use std::process::ExitCode;

use super::runtime::{block_on, with_options};
use super::{say, say_error};

/// Carries the zone that `args` name.
pub(super) fn zone(args: &[String]) -> ExitCode {
    let read = catena_zone::parse(args, std::env::var("CATENA_TOKEN").ok());
    with_options(read, catena_zone::HELP, |options| {
        block_on(async {
            match catena_zone::run(&options, &mut std::io::stdout()).await {
                Ok(told) => {
                    told.iter().for_each(|told| say(told));
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    say_error(&error.to_string());
                    ExitCode::FAILURE
                }
            }
        })
    })
}
