//! Reading a plugin's directive: a typed cursor whose every error has a place in the Corefile.

mod args;
mod line;

pub use args::{Arg, Args};
pub use line::Line;

use std::sync::Arc;

use catena_corefile::{Diagnostic, Directive, Span};
use catena_dns::Name;

use crate::zones::Fallthrough;
use crate::{Plugin, Registration, ServerConfig, Stage};

/// A mistake in the Corefile; it can only be made from a place in it.
#[derive(Clone, Debug)]
pub struct SetupError(Box<Diagnostic>);

impl SetupError {
    /// A mistake at `span`; `message` begins with the plugin's name already.
    pub(crate) fn new(span: Span, message: String) -> Self {
        SetupError(Box::new(Diagnostic::error(span, message)))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        SetupError(Box::new((*self.0).with_hint(hint)))
    }

    /// The mistake with its place.
    pub fn into_diagnostic(self) -> Diagnostic {
        *self.0
    }
}

/// What a plugin's `setup` reads and fills: one server block.
pub struct Setup<'a> {
    registration: &'static Registration,
    directives: &'a [&'a Directive],
    /// What the block's directives set for the server itself.
    pub server: &'a mut ServerConfig,
    stages: Vec<(Stage, bool)>,
    warnings: Vec<Diagnostic>,
}

impl<'a> Setup<'a> {
    /// A cursor over `directives`, all of the same name and in one server block.
    pub fn new(
        registration: &'static Registration,
        directives: &'a [&'a Directive],
        server: &'a mut ServerConfig,
    ) -> Self {
        Setup {
            registration,
            directives,
            server,
            stages: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Each time the directive stands in the block, in order.
    pub fn occurrences(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        let registration = self.registration;
        self.directives
            .iter()
            .map(move |directive| Line::new(registration, directive))
    }

    /// The directive of a plugin that may stand in a block once.
    pub fn only(&self) -> Result<Line<'a>, SetupError> {
        let mut lines = self.occurrences();
        let first = lines.next();
        if let Some(second) = lines.next() {
            return Err(second
                .error("this plugin can only be used once per Server Block")
                .with_hint("merge the two into one"));
        }
        first.ok_or_else(|| {
            SetupError::new(
                Span::default(),
                format!("{}: nothing to set up", self.name()),
            )
        })
    }

    /// The plugin's name.
    pub fn name(&self) -> &'static str {
        self.registration.name
    }

    /// Adds a stage to the chain of the block.
    pub fn add_stage(&mut self, plugin: impl Plugin) {
        self.add_shared(Arc::new(plugin), true);
    }

    /// Adds a part that starts and stops with the block but sees no queries.
    pub fn add_part(&mut self, plugin: impl Plugin) {
        self.add_shared(Arc::new(plugin), false);
    }

    fn add_shared(&mut self, plugin: Arc<dyn Plugin>, sees_queries: bool) {
        self.stages.push((
            Stage {
                name: self.registration.name,
                plugin,
            },
            sees_queries,
        ));
    }

    /// Tells the operator about something that works but should be changed.
    pub fn warn(&mut self, line: &Line<'_>, message: &str) {
        let message = format!("{}: {message}", self.name());
        self.warnings
            .push(Diagnostic::warning(line.span(), message));
    }

    /// What was added: stages with whether they see queries, and warnings.
    pub fn finish(self) -> (Vec<(Stage, bool)>, Vec<Diagnostic>) {
        (self.stages, self.warnings)
    }
}

impl Setup<'_> {
    /// The zones of `args`, or those of the server block when there are none left.
    pub fn zones_or_server(&self, args: &mut Args<'_>) -> Vec<Name> {
        let zones = args.zones();
        if zones.is_empty() {
            return self.server.zones.clone();
        }
        zones
    }
}

impl Line<'_> {
    /// Reads `fallthrough [ZONES]`.
    pub fn fallthrough(&self) -> Fallthrough {
        let zones = self.args().zones();
        if zones.is_empty() {
            return Fallthrough::Always;
        }
        Fallthrough::Zones(zones)
    }
}
