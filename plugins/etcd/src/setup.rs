//! Reads the directive.

use std::time::Duration;

use catena_etcd::skydns::Prefix;
use catena_etcd::{ClientOptions, Credentials, Endpoint};
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Arg, Line, Setup, SetupError, duration};
use catena_transport::upstream::{TlsClient, TlsClientFiles};

use crate::serve::Etcd;
use crate::service::LeaseBounds;

const ENDPOINT: &str = "http://localhost:2379";

/// What stands in the block.
#[derive(Default)]
struct Config {
    prefix: Prefix,
    fallthrough: Fallthrough,
    bounds: LeaseBounds,
    endpoints: Vec<Endpoint>,
    credentials: Option<Credentials>,
    /// The files of `tls`, if it stands there.
    tls: Option<TlsClientFiles>,
    is_watched: bool,
}

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let zones = cx.zones_or_server(&mut line.args());
    let mut config = Config::default();
    for property in line.properties() {
        config.read(&property, cx)?;
    }
    if config.endpoints.is_empty() {
        config.endpoints.extend(catena_etcd::endpoint(ENDPOINT));
    }
    let options = ClientOptions {
        tls: config.tls_client(&line)?,
        endpoints: config.endpoints,
        credentials: config.credentials,
        ..ClientOptions::default()
    };
    let etcd = Etcd::new(zones, config.prefix, options)
        .with_fallthrough(config.fallthrough)
        .with_bounds(config.bounds);
    cx.add_stage(match config.is_watched {
        true => etcd.watched(&config.tls.unwrap_or_default()),
        false => etcd,
    });
    Ok(())
}

impl Config {
    fn read(&mut self, property: &Line<'_>, cx: &Setup<'_>) -> Result<(), SetupError> {
        match property.name() {
            // CoreDNS takes them and does nothing.
            "stubzones" | "debug" | "upstream" => {}
            "fallthrough" => self.fallthrough = property.fallthrough(),
            "path" => self.prefix = Prefix::new(property.args().only("PATH")?.text()),
            "endpoint" => self.endpoints = endpoints(property)?,
            "credentials" => self.credentials = credentials(property)?,
            "tls" => self.tls = Some(tls_files(property, cx)?),
            "min-lease-ttl" => self.bounds.min = lease_ttl(property, LeaseBounds::default().min)?,
            "max-lease-ttl" => self.bounds.max = lease_ttl(property, LeaseBounds::default().max)?,
            "watch" => {
                property.no_args()?;
                self.is_watched = true;
            }
            _ => return Err(property.unknown()),
        }
        Ok(())
    }

    /// TLS as `tls` sets it; `None` if no member is spoken to that way.
    fn tls_client(&self, line: &Line<'_>) -> Result<Option<TlsClient>, SetupError> {
        let is_set = self.tls.is_some();
        let is_wanted = self
            .endpoints
            .iter()
            .any(|endpoint| endpoint.wants_tls(is_set));
        if !is_set && !is_wanted {
            return Ok(None);
        }
        let files = self.tls.clone().unwrap_or_default();
        let client = TlsClient::new(&files);
        client.map(Some).map_err(|error| match files.identity {
            None => line.error(format_args!("error reading {error}")),
            Some(_) => line.error(format_args!("could not load TLS cert: {error}")),
        })
    }
}

fn endpoints(property: &Line<'_>) -> Result<Vec<Endpoint>, SetupError> {
    let mut args = property.args();
    let first = args.required("ENDPOINT")?;
    std::iter::once(first)
        .chain(args)
        .map(|arg| {
            let text = arg.text();
            catena_etcd::endpoint(text)
                .map_err(|error| arg.error(format_args!("endpoint '{text}': {error}")))
        })
        .collect()
}

/// A user and a password; nobody if one of them is empty.
fn credentials(property: &Line<'_>) -> Result<Option<Credentials>, SetupError> {
    let mut args = property.args();
    let user = args.required("USERNAME")?;
    let (Some(password), None) = (args.next(), args.next()) else {
        let message = "credentials requires 2 arguments, username and password";
        return Err(property.parse_error(message));
    };
    let (user, password) = (user.text().to_owned(), password.text().to_owned());
    let is_whole = !user.is_empty() && !password.is_empty();
    Ok(is_whole.then_some(Credentials { user, password }))
}

fn tls_files(property: &Line<'_>, cx: &Setup<'_>) -> Result<TlsClientFiles, SetupError> {
    let args = property.args();
    let count = args.len();
    if count > 3 {
        let message = "maximum of three arguments allowed for TLS config, found";
        return Err(property.error(format_args!("{message} {count}")));
    }
    let files = args.map(|arg| cx.server.path(arg.text()));
    Ok(TlsClientFiles::listed(files))
}

/// Whole seconds of a lease; `usual` stands for 0.
fn lease_ttl(property: &Line<'_>, usual: u32) -> Result<u32, SetupError> {
    let arg = property.args().only("TTL")?;
    let seconds = read_ttl(arg).map_err(|what| {
        let name = property.name();
        property.parse_error(format_args!("invalid {name} value: {what}"))
    })?;
    Ok(if seconds == 0 { usual } else { seconds })
}

fn read_ttl(arg: Arg<'_>) -> Result<u32, &'static str> {
    const BAD: &str = "invalid TTL format, use format like '30', '30s', '5m', '1h', or '2h30m'";
    let text = arg.text().trim();
    if text.is_empty() {
        return Ok(0);
    }
    let read = |text: &str| match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => duration::parse(text),
    };
    if let Some(positive) = text.strip_prefix('-') {
        let is_duration = read(positive).is_some();
        return Err(if is_duration {
            "TTL must be non-negative"
        } else {
            BAD
        });
    }
    let ttl = read(text).ok_or(BAD)?;
    u32::try_from(ttl.as_secs()).map_err(|_| "TTL too large, maximum is 4294967295 seconds")
}
