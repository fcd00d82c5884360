//! The command line: CoreDNS's flags and exit codes, and the commands Catena adds.

#[cfg(feature = "agent")]
mod agent;
mod check;
#[cfg(feature = "controller")]
mod controller;
mod flags;
mod fmt;
mod runtime;
mod serve;
#[cfg(any(feature = "agent", feature = "controller"))]
mod work;
#[cfg(feature = "zone")]
mod zone;

use std::io::Write;
use std::process::ExitCode;

use catena_plugin::Registration;

use flags::Choice;

/// What `-version` and the banner say first, after the name.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the server, or what the command line asks instead, with `plugins` in their order.
pub fn run(plugins: &'static [&'static Registration]) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((command, rest)) if command == "check" => return check::check(rest, plugins),
        Some((command, rest)) if command == "fmt" => return fmt::fmt(rest),
        #[cfg(feature = "agent")]
        Some((command, rest)) if command == "agent" => return agent::agent(rest),
        #[cfg(feature = "controller")]
        Some((command, rest)) if command == "controller" => return controller::controller(rest),
        #[cfg(feature = "zone")]
        Some((command, rest)) if command == "zone" => return zone::zone(rest),
        _ => {}
    }
    match flags::parse(&args) {
        Err(usage) => {
            say_error(&usage);
            ExitCode::from(2)
        }
        Ok(Choice::Help) => {
            say_error(flags::HELP);
            ExitCode::SUCCESS
        }
        Ok(Choice::Extra(words)) => {
            say_error(&format!(
                "extra command line arguments: [{}]",
                words.join(" ")
            ));
            ExitCode::FAILURE
        }
        Ok(Choice::Version) => {
            say(&banner());
            ExitCode::SUCCESS
        }
        Ok(Choice::Plugins) => {
            say(&list(plugins));
            ExitCode::SUCCESS
        }
        Ok(Choice::Serve(flags)) => serve::serve(&flags, plugins),
    }
}

/// The lines that name the program and what it was built for.
pub(crate) fn banner() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let arch = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("Catena-{VERSION}\n{os}/{arch}, rust")
}

/// The directives as CoreDNS lists them: those of servers by name, then `on`, which is for events.
fn list(plugins: &[&Registration]) -> String {
    let mut names: Vec<&str> = plugins.iter().map(|plugin| plugin.name).collect();
    names.sort_unstable_by_key(|name| (*name == "on", *name));
    names.join("\n") + "\n"
}

/// Prints to standard output; a closed one is nobody's loss.
pub(crate) fn say(text: &str) {
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// Prints to standard error.
pub(crate) fn say_error(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}
