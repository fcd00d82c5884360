//! The words of a line, read one after the other.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use catena_corefile::{Directive, Span, Token};
use catena_dns::Name;

use super::SetupError;
use crate::{duration, zones};

/// The arguments of a line that are not read yet.
#[derive(Clone)]
pub struct Args<'a> {
    plugin: &'static str,
    directive: &'a Directive,
    rest: &'a [Token],
}

impl<'a> Args<'a> {
    pub(super) fn new(plugin: &'static str, directive: &'a Directive) -> Self {
        Args {
            plugin,
            directive,
            rest: &directive.args,
        }
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next one, which must be there; `what` names it, such as `TTL`.
    pub fn required(&mut self, what: &str) -> Result<Arg<'a>, SetupError> {
        self.next().ok_or_else(|| {
            let (name, plugin) = (&self.directive.name.text, self.plugin);
            let message = format!(
                "plugin/{plugin}: Error during parsing: Wrong argument count or unexpected line \
                 ending after '{name}'"
            );
            SetupError::new(self.directive.args_end(), message)
                .with_hint(format!("{what} is missing"))
        })
    }

    /// The only argument.
    pub fn only(mut self, what: &str) -> Result<Arg<'a>, SetupError> {
        let arg = self.required(what)?;
        self.finish()?;
        Ok(arg)
    }

    /// Refuses what is left.
    pub fn finish(&self) -> Result<(), SetupError> {
        match self.rest.first() {
            None => Ok(()),
            Some(token) => {
                let (name, plugin) = (&self.directive.name.text, self.plugin);
                let message = format!(
                    "plugin/{plugin}: Error during parsing: Wrong argument count or unexpected \
                     line ending after '{}'",
                    token.text
                );
                let hint = format!("'{name}' takes no such argument");
                Err(SetupError::new(token.span, message).with_hint(hint))
            }
        }
    }

    /// The rest as zones; words that are no names are skipped, as CoreDNS does.
    ///
    /// So `cache {$UNSET}` means `cache` in a Corefile that is used without the variable.
    pub fn zones(&mut self) -> Vec<Name> {
        let readable = self.filter_map(|arg| arg.zones().ok());
        readable.flatten().collect()
    }
}

impl<'a> Iterator for Args<'a> {
    type Item = Arg<'a>;

    fn next(&mut self) -> Option<Arg<'a>> {
        let (token, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(Arg {
            plugin: self.plugin,
            token,
        })
    }
}

/// One argument.
#[derive(Clone, Copy)]
pub struct Arg<'a> {
    plugin: &'static str,
    token: &'a Token,
}

impl<'a> Arg<'a> {
    /// Its text, quotes and escapes resolved.
    pub fn text(&self) -> &'a str {
        &self.token.text
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.token.span
    }

    /// Its value as a `T`; `what` names the kind in the error, such as `a number of seconds`.
    pub fn parse<T: FromStr>(&self, what: &str) -> Result<T, SetupError> {
        self.text()
            .parse()
            .map_err(|_| self.error(format_args!("'{}' is not {what}", self.text())))
    }

    /// Its value as a `T`, which says itself what is wrong with a text.
    pub fn read<T: FromStr<Err: Display>>(&self) -> Result<T, SetupError> {
        self.text().parse().map_err(|error| self.error(error))
    }

    /// Its value as a duration, such as `30s`.
    pub fn duration(&self) -> Result<Duration, SetupError> {
        duration::parse(self.text()).ok_or_else(|| {
            self.error(format_args!("invalid duration '{}'", self.text()))
                .with_hint("a number with a unit is expected, such as 500ms, 30s or 1h")
        })
    }

    /// The zones it stands for.
    pub fn zones(&self) -> Result<Vec<Name>, SetupError> {
        zones::parse(self.text())
            .ok_or_else(|| self.error(format_args!("'{}' is not a valid zone", self.text())))
    }

    /// A mistake at this argument.
    pub fn error(&self, message: impl Display) -> SetupError {
        SetupError::new(self.span(), format!("plugin/{}: {message}", self.plugin))
    }
}
