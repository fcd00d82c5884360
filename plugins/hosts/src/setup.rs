//! Reads the directive.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use catena_plugin::zones::Fallthrough;
use catena_plugin::{Arg, Line, Setup, SetupError, duration};

use crate::builder::{Reverse, Rules};
use crate::file::Source;
use crate::lines;
use crate::serve::{Hosts, Passes};

const FILE: &str = "/etc/hosts";
const TTL: u32 = 3600;
const RELOAD: Duration = Duration::from_secs(5);

/// What stands in the block.
struct Config {
    inline: Vec<String>,
    ttl: u32,
    reload: Duration,
    fallthrough: Fallthrough,
    passes: Passes,
    reverse: Reverse,
}

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut args = line.args();
    let path = match args.next() {
        None => PathBuf::from(FILE),
        Some(arg) => {
            let path = cx.server.path(arg.text());
            check(&path, arg)?;
            path
        }
    };
    let zones = cx.zones_or_server(&mut args);
    let mut config = Config {
        inline: Vec::new(),
        ttl: TTL,
        reload: RELOAD,
        fallthrough: Fallthrough::Never,
        passes: Passes::UnknownNames,
        reverse: Reverse::Kept,
    };
    for property in line.properties() {
        config.read(&property, cx)?;
    }
    if config.passes == Passes::OtherTypesToo && config.fallthrough == Fallthrough::Never {
        return Err(line.error("fallthrough_unsupported requires fallthrough"));
    }
    let rules = Rules {
        zones,
        reverse: config.reverse,
    };
    cx.add_stage(Hosts {
        source: Arc::new(Source::new(path, config.inline, rules)),
        ttl: config.ttl,
        reload: config.reload,
        fallthrough: config.fallthrough,
        passes: config.passes,
    });
    Ok(())
}

/// A file that is missing may come later, so that is only logged.
fn check(path: &Path, arg: Arg<'_>) -> Result<(), SetupError> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            tracing::warn!(target: "plugin/hosts", "Hosts file {path:?} is a directory");
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tracing::warn!(target: "plugin/hosts", "File does not exist: {}", path.display());
            Ok(())
        }
        Err(error) => {
            let path = path.display();
            Err(arg.error(format_args!(
                "unable to access hosts file '{path}': {error}"
            )))
        }
    }
}

impl Config {
    fn read(&mut self, property: &Line<'_>, cx: &mut Setup<'_>) -> Result<(), SetupError> {
        match property.name() {
            "fallthrough" => self.fallthrough = property.fallthrough(),
            "fallthrough_unsupported" => {
                property.no_args()?;
                self.passes = Passes::OtherTypesToo;
            }
            "no_reverse" => self.reverse = Reverse::LeftOut,
            "ttl" => self.ttl = ttl(property)?,
            "reload" => self.reload = reload(property)?,
            _ if self.fallthrough != Fallthrough::Never => {
                let error = property.unknown();
                return Err(error.with_hint("lines of hosts stand before fallthrough"));
            }
            _ => {
                property.no_block()?;
                self.inline.push(inline(property, cx));
            }
        }
        Ok(())
    }
}

/// A line of hosts; one that says nothing is accepted, as in CoreDNS, with a warning.
fn inline(property: &Line<'_>, cx: &mut Setup<'_>) -> String {
    let args: Vec<_> = property.args().collect();
    let words = args.iter().map(|arg| arg.text());
    let words: Vec<&str> = std::iter::once(property.name()).chain(words).collect();
    let line = words.join(" ");
    if lines::read(line.as_bytes()).is_none() || words.len() < 2 {
        cx.warn(property, "neither a property nor an address with names");
    }
    line
}

fn ttl(property: &Line<'_>) -> Result<u32, SetupError> {
    let Some(arg) = property.args().next() else {
        return Err(property.error("ttl needs a time in second"));
    };
    let number: i64 = match arg.text().parse() {
        Ok(number) => number,
        Err(_) => {
            let error = arg.error("ttl needs a number of second");
            return Err(error.with_hint("a number without a unit, such as 60"));
        }
    };
    let ttl = u16::try_from(number).ok().filter(|ttl| *ttl > 0);
    let ttl = ttl.ok_or_else(|| {
        let error = arg.error("ttl provided is invalid");
        error.with_hint("it goes from 1 to 65535")
    })?;
    Ok(u32::from(ttl))
}

fn reload(property: &Line<'_>) -> Result<Duration, SetupError> {
    let mut args = property.args();
    let (Some(arg), None) = (args.next(), args.next()) else {
        return Err(property.error("reload needs a duration (zero seconds to disable)"));
    };
    let text = arg.text();
    duration::parse(text).ok_or_else(|| {
        let kind = match text.strip_prefix('-').and_then(duration::parse) {
            Some(_) => "invalid negative duration",
            None => "invalid duration",
        };
        let error = arg.error(format_args!("{kind} for reload '{text}'"));
        error.with_hint("such as 30s; 0s is for never")
    })
}
