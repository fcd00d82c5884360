//! Reads the flags of commands: `--name value` or `--name=value`, with one dash or two.

use std::path::Path;

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

impl UsageError {
    /// A flag that no command of that name has.
    pub fn unknown(flag: &str) -> UsageError {
        UsageError(format!("flag provided but not defined: --{flag}"))
    }

    /// A value that is not `wanted`, such as `port`.
    pub fn value(flag: &str, value: &str, wanted: &str) -> UsageError {
        UsageError(format!("--{flag}: {value:?} is no {wanted}"))
    }
}

/// The flags of one command.
pub trait Flags: Sized {
    /// Takes a flag with its value.
    fn flag(&mut self, name: &str, value: &str) -> Result<(), UsageError>;

    /// Takes a flag that has no value; `false` if `name` is none of those.
    fn switch(&mut self, _name: &str) -> bool {
        false
    }

    /// Takes a word that is no flag.
    fn word(&mut self, word: &str) -> Result<(), UsageError> {
        Err(UsageError(format!("unexpected word {word:?}")))
    }

    /// Takes all of `args`; `None` if they ask for help.
    fn read(mut self, args: &[String]) -> Result<Option<Self>, UsageError> {
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let Some(flag) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else {
                self.word(arg)?;
                continue;
            };
            if matches!(flag, "h" | "help") {
                return Ok(None);
            }
            if self.switch(flag) {
                continue;
            }
            let (name, value) = match flag.split_once('=') {
                Some(pair) => pair,
                None => {
                    let missing = || UsageError(format!("flag needs an argument: --{flag}"));
                    (flag, rest.next().ok_or_else(missing)?.as_str())
                }
            };
            self.flag(name, value)?;
        }
        Ok(Some(self))
    }
}

/// Reads a secret from a file, without the line end behind it.
pub fn secret(path: &Path) -> Result<String, UsageError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| UsageError(format!("{}: {error}", path.display())))?;
    Ok(text.trim_end().to_owned())
}
