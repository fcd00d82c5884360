//! Reads the directive.

use catena_dns::{Class, Rcode, RecordType};
use catena_expr::{Expression, Scope};
use catena_plugin::metrics::PerServer;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Arg, Args, Line, Setup, SetupError};

use crate::gotext::Template as Text;
use crate::serve::{ExtendedError, SECTION_NAMES, Template, Templates, Zone};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut templates = Vec::new();
    for line in cx.occurrences() {
        templates.push(read(&line, cx)?);
    }
    cx.add_stage(Templates(templates));
    Ok(())
}

fn read(line: &Line<'_>, cx: &Setup<'_>) -> Result<Template, SetupError> {
    let mut args = line.args();
    let word = args.required("CLASS")?;
    let class = named(Class::NAMED, word.text());
    let class = class.ok_or_else(|| word.error(parsing("invalid query class", word.text())))?;
    let word = args.required("TYPE")?;
    let rtype = named(RecordType::NAMED, word.text());
    let rtype = rtype.ok_or_else(|| word.error(parsing("invalid RR class", word.text())))?;
    let zones = cx.zones_or_server(&mut args);
    let mut template = Template {
        zones: zones
            .into_iter()
            .map(|name| Zone {
                text: name.to_string(),
                name,
                matches: PerServer::new(),
            })
            .collect(),
        view: cx.server.view.clone(),
        class,
        rtype,
        patterns: Vec::new(),
        variables: Vec::new(),
        conditions: Vec::new(),
        sections: Default::default(),
        rcode: Rcode::NOERROR,
        extended_error: None,
        fallthrough: Fallthrough::Never,
    };
    for property in line.properties() {
        property.no_block()?;
        template.read(&property)?;
    }
    Ok(template)
}

/// The value called `name`, in capitals, as CoreDNS wants it.
fn named<T: Copy>(known: &[(T, &str)], name: &str) -> Option<T> {
    let found = known.iter().find(|(_, known)| *known == name);
    found.map(|(value, _)| *value)
}

/// A response code by its name.
fn rcode(name: &str) -> Option<Rcode> {
    match name {
        "BADSIG" => Some(Rcode::BADVERS),
        "NOTIMPL" => Some(Rcode::NOTIMP),
        "DSOTYPENI" => Some(Rcode(11)),
        _ => named(Rcode::NAMED, name),
    }
}

fn parsing(what: &str, word: &str) -> String {
    format!("Error during parsing: {what} {word}")
}

impl Template {
    fn read(&mut self, property: &Line<'_>) -> Result<(), SetupError> {
        match property.name() {
            "match" => {
                for arg in at_least_one(property, "REGEX")? {
                    let text = arg.text();
                    let regex = catena_pattern::compile(text).map_err(|error| match error {
                        catena_pattern::PatternError::TooLong(_) => arg.error(error),
                        _ => arg.error(format_args!("could not parse regex: {text}, {error}")),
                    })?;
                    self.patterns.push(regex);
                }
            }
            "var" => self.variable(property)?,
            "expr" => {
                let (text, first) = joined(property.args(), "EXPRESSION")?;
                let compiled = Expression::compile(&text, &self.scope());
                let failed = |e| first.error(format_args!("could not compile expression: {e}"));
                self.conditions.push(compiled.map_err(failed)?);
            }
            "rcode" => {
                let word = property.args().only("RCODE")?;
                let unknown = || {
                    let error = word.error(parsing("unknown rcode", word.text()));
                    error.with_hint("a name in capitals is expected, such as NXDOMAIN")
                };
                self.rcode = rcode(word.text()).ok_or_else(unknown)?;
            }
            "ederror" => self.extended_error = Some(extended_error(property)?),
            "fallthrough" => self.fallthrough = property.fallthrough(),
            // Once needed to follow aliases; says nothing today.
            "upstream" => {}
            name => {
                let mut sections = SECTION_NAMES.into_iter().zip(&mut self.sections);
                let Some((name, section)) = sections.find(|(known, _)| *known == name) else {
                    return Err(property.unknown());
                };
                for arg in at_least_one(property, "RR")? {
                    let text = arg.text();
                    section.push(Text::parse(name, text).map_err(|error| {
                        arg.error(format_args!("could not compile template: {text}, {error}"))
                    })?);
                }
            }
        }
        Ok(())
    }
}

impl Template {
    /// What an expression may use here.
    fn scope(&self) -> Scope {
        let variables = self.variables.iter();
        Scope {
            has_groups: true,
            variables: variables
                .map(|(name, expression)| (name.clone(), expression.kind()))
                .collect(),
        }
    }

    /// Reads `var NAME EXPRESSION`.
    fn variable(&mut self, property: &Line<'_>) -> Result<(), SetupError> {
        let mut args = property.args();
        let arg = args.required("NAME")?;
        let (text, _) = joined(args, "EXPRESSION")?;
        let name = arg.text();
        if !is_identifier(name) {
            return Err(arg.error(format_args!("invalid variable name {name:?}")));
        }
        let scope = self.scope();
        if catena_expr::is_reserved(name, &scope)
            || scope.variables.iter().any(|(known, _)| known == name)
        {
            return Err(arg.error(format_args!("variable name {name:?} is reserved")));
        }
        let expression = Expression::compile(&text, &scope).map_err(|error| {
            arg.error(format_args!(
                "could not compile expression: {name}, {error}"
            ))
        })?;
        self.variables.push((name.to_owned(), expression));
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// All arguments with blanks between them, and the first of them.
fn joined<'a>(args: Args<'a>, what: &str) -> Result<(String, Arg<'a>), SetupError> {
    let first = args.clone().required(what)?;
    let words: Vec<&str> = args.map(|arg| arg.text()).collect();
    Ok((words.join(" "), first))
}

fn at_least_one<'a>(property: &Line<'a>, what: &str) -> Result<Args<'a>, SetupError> {
    property.args().required(what)?;
    Ok(property.args())
}

fn extended_error(property: &Line<'_>) -> Result<ExtendedError, SetupError> {
    let mut args = property.args();
    let code = args.required("EXTENDED_ERROR_CODE")?;
    let reason = args.next().map_or("", |arg| arg.text());
    args.finish()?;
    let number = code.text().parse().map_err(|_| {
        let text = code.text();
        let what = format!("error parsing extended DNS error code {text}");
        code.error(what).with_hint("a number from 0 to 65535")
    })?;
    Ok(ExtendedError {
        code: number,
        reason: reason.to_owned(),
    })
}
