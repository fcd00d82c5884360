//! Reads the directive.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

use catena_dns::{Name, RecordType};
use catena_plugin::networks::Network;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Args, Line, Setup, SetupError};
use catena_records::{NewZone, RecordSet, Soa};
use parking_lot::Mutex;

use crate::access::{Access, Pattern, Permission, Token, Verb, Who};
use crate::etcd::Cluster;
use crate::open::Place;
use crate::serve::{DynApi, Listen};
use crate::tls::Certificate;

/// Records of a zone at most, if the Corefile does not say.
const RECORDS_MAX: usize = 2_000_000;
/// Letters of a token at least.
const TOKEN_MIN: usize = 16;
const TTL: u32 = 300;
/// Refresh, retry, expire and minimum of a new zone's SOA record.
const TIMERS: [u32; 4] = [7200, 1800, 86_400, 30];

/// What the properties say.
struct Config {
    place: Option<Place>,
    etcd: Cluster,
    listen: Option<catena_http::Address>,
    tls: Option<Certificate>,
    access: Access,
    fallthrough: Fallthrough,
    ns: Vec<Name>,
    soa: Option<(Name, Name)>,
    timers: [u32; 4],
    ttl: u32,
    records_max: usize,
}

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut args = line.args();
    let zones = cx.zones_or_server(&mut args);
    let mut config = Config {
        place: None,
        etcd: Cluster::default(),
        listen: None,
        tls: None,
        access: Access::default(),
        fallthrough: Fallthrough::Never,
        ns: Vec::new(),
        soa: None,
        timers: TIMERS,
        ttl: TTL,
        records_max: RECORDS_MAX,
    };
    for property in line.properties() {
        config.read(cx, &property)?;
    }
    config.check(&line)?;
    cx.server.accepts_updates |= config.access.takes_updates();
    if config.etcd.is_set() {
        config.place = Some(Place::Etcd(config.etcd.clone()));
    }
    let place = config.place.take().unwrap_or_else(|| {
        let keys = cx.server.keys.join(" ");
        Place::Memory(format!("{keys} {}", cx.server.view))
    });
    let new_zones = zones.iter().map(|zone| config.new_zone(zone));
    let dynapi = DynApi {
        zones: new_zones
            .collect::<Option<_>>()
            .ok_or_else(|| line.error("a name server's name is too long: give one with 'ns'"))?,
        place,
        listen: config.listen.map(|address| Listen {
            address,
            tls: config.tls,
        }),
        access: Arc::new(config.access),
        fallthrough: config.fallthrough,
        ttl: config.ttl,
        served: OnceLock::new(),
        door: Mutex::default(),
    };
    cx.add_stage(dynapi);
    Ok(())
}

impl Config {
    fn read(&mut self, cx: &Setup<'_>, property: &Line<'_>) -> Result<(), SetupError> {
        let mut args = property.args();
        match property.name() {
            "memory" => self.place = self.place.take(),
            "file" => {
                let path = args.required("PATH")?;
                self.place = Some(Place::File(cx.server.path(path.text())));
            }
            "etcd" | "etcd_path" | "etcd_tls" | "etcd_credentials" => {
                return self.etcd.read(cx, property);
            }
            "listen" => self.listen = Some(args.required("ADDRESS")?.read()?),
            "tls" => {
                let path = |arg: catena_plugin::Arg<'_>| cx.server.path(arg.text());
                let (cert, key) = (args.required("CERT")?, args.required("KEY")?);
                let files = (path(cert), path(key), args.next().map(path));
                let read = Certificate::load(files);
                self.tls = Some(read.map_err(|error| cert.error(error))?);
            }
            "token" => self.read_token(cx, &mut args)?,
            "certificate" => {
                let (name, host) = (args.required("NAME")?, args.required("HOST")?);
                let names = (name.text().to_owned(), host.text().to_owned());
                self.access.certificates.push(names);
            }
            "allow" => self.read_permission(&mut args)?,
            "fallthrough" => {
                self.fallthrough = property.fallthrough();
                return Ok(());
            }
            "ns" => {
                for arg in args.by_ref() {
                    let name = arg.parse::<Name>("a name")?;
                    self.ns.push(name.view().to_lower());
                }
            }
            "soa" => self.read_soa(&mut args)?,
            "ttl" => self.ttl = args.required("SECONDS")?.parse("a number of seconds")?,
            "max_records" => {
                self.records_max = args.required("NUMBER")?.parse("a number of records")?;
            }
            _ => return Err(property.unknown()),
        }
        args.finish()
    }

    fn read_token(&mut self, cx: &Setup<'_>, args: &mut Args<'_>) -> Result<(), SetupError> {
        let (name, kind) = (args.required("NAME")?, args.required("file or env")?);
        let from = args.required("PATH or VARIABLE")?;
        let secret = match kind.text() {
            "file" => {
                let path = cx.server.path(from.text());
                let read = std::fs::read_to_string(&path);
                read.map_err(|error| from.error(format_args!("{}: {error}", path.display())))?
            }
            "env" => std::env::var(from.text())
                .map_err(|_| from.error(format_args!("no variable '{}'", from.text())))?,
            other => {
                let error = kind.error(format_args!("'{other}' is no place of a token"));
                return Err(error.with_hint("file PATH, or env VARIABLE"));
            }
        };
        let secret = secret.trim();
        if secret.len() < TOKEN_MIN {
            let text = format!("the token has fewer than {TOKEN_MIN} characters");
            return Err(from.error(text));
        }
        self.access.tokens.push(Token::new(name.text(), secret));
        Ok(())
    }

    /// Reads `WHO VERBS [NAMES [TYPES]]`.
    fn read_permission(&mut self, args: &mut Args<'_>) -> Result<(), SetupError> {
        let who = args.required("WHO")?;
        let hint = "token:NAME, cert:NAME, key:NAME or net:NETWORK";
        let (kind, name) = who.text().split_once(':').unwrap_or((who.text(), ""));
        let known = match kind {
            "token" => Some(Who::Token(name.to_owned())),
            "cert" => Some(Who::Certificate(name.to_owned())),
            "key" => name
                .parse::<Name>()
                .ok()
                .map(|name| Who::Key(name.view().to_lower())),
            "net" => Network::parse(name).map(Who::Network),
            _ => None,
        };
        let unknown = || {
            who.error(format_args!("'{}' is nobody", who.text()))
                .with_hint(hint)
        };
        let known = known.ok_or_else(unknown)?;
        let mut permission = Permission {
            who: known,
            verbs: Vec::new(),
            names: Vec::new(),
            types: Vec::new(),
        };
        let verbs = args.required("VERBS")?;
        for verb in verbs.text().split(',') {
            let known = Verb::parse(verb).ok_or_else(|| {
                let error = verbs.error(format_args!("'{verb}' is nothing to allow"));
                error.with_hint("read, write, delete or all, with commas between")
            })?;
            permission.verbs.extend_from_slice(known);
        }
        for names in args.by_ref().take(1) {
            for name in names.text().split(',') {
                let bad = || names.error(format_args!("'{name}' is no name"));
                permission.names.push(Pattern::parse(name).ok_or_else(bad)?);
            }
        }
        for types in args.by_ref().take(1) {
            for rtype in types.text().split(',').filter(|rtype| *rtype != "*") {
                let read = rtype.to_ascii_uppercase().parse::<RecordType>();
                let bad = |_| types.error(format_args!("'{rtype}' is no type"));
                permission.types.push(read.map_err(bad)?);
            }
        }
        self.access.permissions.push(permission);
        Ok(())
    }

    fn read_soa(&mut self, args: &mut Args<'_>) -> Result<(), SetupError> {
        let mname = args.required("MNAME")?.parse("a name")?;
        let rname = args.required("RNAME")?.parse("a name")?;
        self.soa = Some((mname, rname));
        for timer in &mut self.timers {
            if let Some(arg) = args.next() {
                *timer = arg.parse("a number of seconds")?;
            }
        }
        Ok(())
    }

    fn check(&self, line: &Line<'_>) -> Result<(), SetupError> {
        if let Some(address) = self.listen.as_ref().filter(|_| self.tls.is_none())
            && !is_loopback(address)
        {
            let error = line.error(format_args!("{address} is open to others without TLS"));
            return Err(error.with_hint("add 'tls CERT KEY', or listen on 127.0.0.1"));
        }
        for permission in &self.access.permissions {
            let is_known = match &permission.who {
                Who::Token(name) => self.access.tokens.iter().any(|token| token.name == *name),
                Who::Certificate(name) => {
                    self.access.certificates.iter().any(|(own, _)| own == name)
                }
                _ => true,
            };
            if let (false, Who::Token(name) | Who::Certificate(name)) = (is_known, &permission.who)
            {
                return Err(line.error(format_args!("'allow' names '{name}', who is unknown")));
            }
        }
        Ok(())
    }

    /// The zone `origin` with the SOA and NS records it begins with.
    fn new_zone(&self, origin: &Name) -> Option<NewZone> {
        let below = |labels: [&[u8]; 2]| {
            let labels = labels.into_iter().filter(|label| !label.is_empty());
            Name::from_labels(labels, origin.view()).ok()
        };
        let mut servers = self.ns.clone();
        if servers.is_empty() {
            servers.push(below([b"ns", b"dns"])?);
        }
        let (mname, rname) = match &self.soa {
            Some(names) => names.clone(),
            None => (servers.first()?.clone(), below([b"", b"hostmaster"])?),
        };
        let data = servers.iter().map(|server| server.wire().into()).collect();
        Some(NewZone {
            origin: origin.clone(),
            soa: Soa {
                mname,
                rname,
                timers: self.timers,
                ttl: self.ttl,
            },
            ns: RecordSet::new(RecordType::NS, self.ttl, data)?,
            records_max: self.records_max,
        })
    }
}

/// Whether only this machine can reach `address`.
fn is_loopback(address: &catena_http::Address) -> bool {
    if let Ok(address) = address.host().parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    if address.host().is_empty() {
        return false;
    }
    let found = (address.host(), address.port()).to_socket_addrs();
    found.is_ok_and(|mut found| found.all(|address| address.ip().is_loopback()))
}
