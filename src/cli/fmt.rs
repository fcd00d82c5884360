//! `catena fmt`: a Corefile in its usual layout.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use catena_corefile::format;

use super::{say, say_error};

const USAGE: &str = "\
Usage: catena fmt [--write | --check] FILE
  prints FILE (`-` for standard input) with four spaces a level and one space between words
  --write  writes the file instead of printing it
  --check  prints nothing but the name of a file that is not laid out so; the status is 1 then";

/// What to do with the layout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Print,
    Write,
    Check,
}

/// Lays out the file that `args` name.
pub(super) fn fmt(args: &[String]) -> ExitCode {
    let mut output = Output::Print;
    let mut files = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--write" | "-write" | "-w" => output = Output::Write,
            "--check" | "-check" => output = Output::Check,
            "-h" | "-help" | "--help" => {
                say(USAGE);
                return ExitCode::SUCCESS;
            }
            file => files.push(file),
        }
    }
    let [file] = files.as_slice() else {
        say_error(USAGE);
        return ExitCode::from(2);
    };
    match lay_out(file, output) {
        Ok(status) => status,
        Err(error) => {
            say_error(&format!("{file}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn lay_out(file: &str, output: Output) -> io::Result<ExitCode> {
    let text = read(file)?;
    let laid_out = format(&text);
    match output {
        Output::Print => io::stdout().write_all(laid_out.as_bytes())?,
        Output::Write if text == laid_out => {}
        Output::Write => std::fs::write(file, laid_out)?,
        Output::Check if text == laid_out => {}
        Output::Check => {
            say(file);
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &str) -> io::Result<String> {
    if file != "-" {
        // Not the lenient read of the server: what is written must be what was there.
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
