//! `catena check`: every mistake of a Corefile, without starting anything.

use std::path::Path;
use std::process::ExitCode;

use catena_corefile::{Diagnostics, Environment, Severity, SystemEnvironment};
use catena_plugin::Registration;
use catena_server::assemble_text;

use super::{say, say_error};

const USAGE: &str = "\
Usage: catena check [--json] [-dns.port PORT] [FILE]
  shows what is wrong with FILE (default Corefile) and what it imports, and starts nothing
  --json  prints an array with one object for each finding
  The status is 1 if the server could not start with it.";

struct Wanted<'a> {
    file: &'a str,
    json: bool,
    dns_port: u16,
}

/// Checks the file that `args` name.
pub(super) fn check(args: &[String], plugins: &'static [&'static Registration]) -> ExitCode {
    if args
        .iter()
        .any(|arg| matches!(arg.as_str(), "-h" | "-help" | "--help"))
    {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    let Some(wanted) = read_args(args) else {
        say_error(USAGE);
        return ExitCode::from(2);
    };
    let text = match SystemEnvironment.read(Path::new(wanted.file)) {
        Ok(text) => text,
        Err(error) => {
            say_error(&format!("{}: {error}", wanted.file));
            return ExitCode::FAILURE;
        }
    };
    let source = (wanted.file, text.as_str());
    let plan = assemble_text(source, &SystemEnvironment, plugins, wanted.dns_port);
    let findings = plan.findings;
    if wanted.json {
        say(&findings.to_json());
    } else {
        say(&report(wanted.file, &findings));
    }
    if findings.has_errors() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn read_args(args: &[String]) -> Option<Wanted<'_>> {
    let mut wanted = Wanted {
        file: "Corefile",
        json: false,
        dns_port: 53,
    };
    let mut named = false;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--json" | "-json" => wanted.json = true,
            "-dns.port" | "--dns.port" | "-p" => wanted.dns_port = rest.next()?.parse().ok()?,
            flag if flag.starts_with('-') => return None,
            _ if named => return None,
            file => {
                wanted.file = file;
                named = true;
            }
        }
    }
    Some(wanted)
}

/// The findings and a line that counts them.
fn report(file: &str, findings: &Diagnostics) -> String {
    let count = |severity| {
        let same = findings
            .items()
            .iter()
            .filter(|item| item.severity == severity);
        same.count()
    };
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings == 0 {
        return format!("{file}: no mistakes");
    }
    format!(
        "{findings}\n{file}: {errors} mistake{}, {warnings} warning{}",
        plural(errors),
        plural(warnings)
    )
}
