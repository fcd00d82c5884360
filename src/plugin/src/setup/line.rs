//! One directive, or one property of it.

use catena_corefile::{Directive, Span, nearest};

use super::{Args, SetupError};
use crate::Registration;

/// The most seconds that `ttl` may give.
const TTL_MAX: u32 = 3600;

/// A directive or a property: its name, its arguments, its block.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    registration: &'static Registration,
    directive: &'a Directive,
}

impl<'a> Line<'a> {
    pub(super) fn new(registration: &'static Registration, directive: &'a Directive) -> Self {
        Line {
            registration,
            directive,
        }
    }

    /// Its first word.
    pub fn name(&self) -> &'a str {
        &self.directive.name.text
    }

    /// Where its first word stands.
    pub fn span(&self) -> Span {
        self.directive.name.span
    }

    /// The words after the first.
    pub fn args(&self) -> Args<'a> {
        Args::new(self.registration.name, self.directive)
    }

    /// Whether braces follow.
    pub fn has_block(&self) -> bool {
        self.directive.block.is_some()
    }

    /// The lines in its braces.
    pub fn properties(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        let registration = self.registration;
        self.directive
            .properties()
            .iter()
            .map(move |line| Line::new(registration, line))
    }

    /// Refuses arguments.
    pub fn no_args(&self) -> Result<(), SetupError> {
        self.args().finish()
    }

    /// Refuses a block.
    pub fn no_block(&self) -> Result<(), SetupError> {
        match &self.directive.block {
            None => Ok(()),
            Some(lines) => {
                let span = lines
                    .first()
                    .map_or(self.directive.end, |line| line.name.span);
                let message = format!("plugin/{}: takes no block", self.registration.name);
                Err(SetupError::new(span, message))
            }
        }
    }

    /// A mistake at the first word.
    pub fn error(&self, message: impl std::fmt::Display) -> SetupError {
        SetupError::new(
            self.span(),
            format!("plugin/{}: {message}", self.registration.name),
        )
    }

    /// The seconds of `ttl SECONDS`, at most an hour.
    pub fn ttl(&self) -> Result<u32, SetupError> {
        let arg = self.args().required("a number of seconds")?;
        let text = arg.text();
        let number: i64 = text.parse().map_err(|_| {
            let error = arg.error(format_args!(
                "strconv.Atoi: parsing {text:?}: invalid syntax"
            ));
            error.with_hint("a number without a unit, such as 30")
        })?;
        let in_range = u32::try_from(number).ok().filter(|ttl| *ttl <= TTL_MAX);
        in_range.ok_or_else(|| {
            self.parse_error(format_args!("ttl must be in range [0, 3600]: {number}"))
        })
    }

    /// A mistake at the first word that CoreDNS reports with file and line.
    pub fn parse_error(&self, message: impl std::fmt::Display) -> SetupError {
        self.error(format_args!("Error during parsing: {message}"))
    }

    /// The mistake of a property that the plugin does not know.
    pub fn unknown(&self) -> SetupError {
        let properties = self.registration.properties;
        let error = self.parse_error(format_args!("unknown property '{}'", self.name()));
        match nearest(self.name(), properties.iter().copied()) {
            Some(near) => error.with_hint(format!("did you mean '{near}'?")),
            None if properties.is_empty() => error.with_hint("it takes no properties"),
            None => error.with_hint(format!("it knows {}", properties.join(", "))),
        }
    }
}
