//! Reads the directive.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use catena_dns::{Name, Rcode};
use catena_plugin::{Args, Line, Setup, SetupError, duration, zones};
use catena_transport::upstream::{HttpMethod, TlsClientFiles};

use crate::Forward;
use crate::config::{Checks, Config};
use crate::policy::Policy;
use crate::resolve;
use crate::target::{self, Target, To};

/// TO words that one directive may have.
const TARGETS_MAX: usize = 15;

/// Reads the directives of one server block and adds a stage for each.
pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let lines: Vec<Line<'_>> = cx.occurrences().collect();
    for (place, line) in lines.iter().enumerate() {
        let config = read(cx, line)?;
        let another_follows = place + 1 < lines.len();
        let forward = Forward::new(config, another_follows).map_err(|error| line.error(error))?;
        cx.add_stage(forward);
    }
    Ok(())
}

/// Reads one directive.
pub(crate) fn read(cx: &mut Setup<'_>, line: &Line<'_>) -> Result<Config, SetupError> {
    let mut args = line.args();
    let from = args.required("FROM")?;
    let zones = zones::parse(from.text())
        .ok_or_else(|| from.error(format_args!("unable to normalize '{}'", from.text())))?;
    let first = zones.first().cloned().unwrap_or_else(Name::root);
    if zones.len() > 1 {
        let message = format!(
            "Unsupported CIDR notation: '{}' expands to multiple zones. Using only '{first}'.",
            from.text()
        );
        cx.warn(line, &message);
    }
    let mut config = Config::new(first);
    args.clone().required("TO")?;
    for property in line.properties() {
        read_property(cx, &mut config, &property)?;
    }
    if let Some(max_age) = config.max_age.filter(|max_age| *max_age < config.expire) {
        let (max_age, expire) = (duration::format(max_age), duration::format(config.expire));
        return Err(line.error(format_args!(
            "max_age ({max_age}) must not be less than expire ({expire})"
        )));
    }
    config.targets = targets(line, args, &config)?;
    Ok(config)
}

fn targets(line: &Line<'_>, args: Args<'_>, config: &Config) -> Result<Vec<Target>, SetupError> {
    if args.len() > TARGETS_MAX {
        let count = args.len();
        return Err(line.error(format_args!(
            "more than {TARGETS_MAX} TOs configured: {count}"
        )));
    }
    let mut targets: Vec<Target> = Vec::new();
    for arg in args {
        let found = match target::parse(arg.text()).map_err(|error| arg.error(error))? {
            To::Targets(found) => found,
            To::Host(host) => {
                let addresses = resolve::addresses(&host.name, &config.resolvers);
                let addresses = addresses.map_err(|error| {
                    arg.error(error)
                        .with_hint("an IP address or a file needs no look-up at start")
                })?;
                addresses
                    .into_iter()
                    .map(|address| host.target(address))
                    .collect()
            }
        };
        for target in found {
            check_server_name(config, &target).map_err(|error| arg.error(error))?;
            if targets.iter().all(|known| known.label != target.label) {
                targets.push(target);
            }
        }
    }
    if targets.is_empty() {
        return Err(line.error("no valid upstream addresses found"));
    }
    Ok(targets)
}

fn check_server_name(config: &Config, target: &Target) -> Result<(), String> {
    match (&config.tls_servername, &target.server_name) {
        (Some(all), Some(own)) if target.protocol == target::Protocol::Tls && own != all => {
            let label = &target.label;
            Err(format!(
                "both forward ('{all}') and proxy level ('{own}') TLS servernames are set \
                 for upstream proxy 'tls://{label}'"
            ))
        }
        _ => Ok(()),
    }
}

fn read_property(
    cx: &mut Setup<'_>,
    config: &mut Config,
    property: &Line<'_>,
) -> Result<(), SetupError> {
    match property.name() {
        "except" => config.except.extend(except(cx, property)?),
        "force_tcp" => config.transport.force_tcp = flag(property)?,
        "prefer_udp" => config.transport.prefer_udp = flag(property)?,
        "expire" => config.expire = time(property)?,
        "max_age" => config.max_age = Some(time(property)?).filter(|age| !age.is_zero()),
        "max_idle_conns" => {
            let most = number(property)?;
            config.max_idle = (most > 0).then_some(most);
        }
        "read_timeout" => config.read_timeout = positive_time(property)?,
        "max_fails" => config.checks.max_fails = small_number(property)?,
        "max_connect_attempts" => config.max_connect_attempts = Some(small_number(property)?),
        "doh_method" => config.doh_method = doh_method(property)?,
        "tls" => config.tls = tls_files(cx, property)?,
        "tls_servername" => {
            config.tls_servername = Some(property.args().only("NAME")?.text().to_owned());
        }
        "policy" => config.policy = policy(property)?,
        "health_check" => read_health_check(&mut config.checks, property)?,
        "max_concurrent" => config.max_concurrent = number(property)?,
        "next" => config.next.extend(rcodes(property)?),
        "next_on_nodata" => config.next_on_nodata = flag(property)?,
        "failfast_all_unhealthy_upstreams" => config.failfast = flag(property)?,
        "failover" => config.failover.extend(failover(property)?),
        "source_address" => config.source_address = Some(source_address(property)?),
        "resolver" => config.resolvers = resolvers(property)?,
        _ => return Err(property.unknown()),
    }
    Ok(())
}

fn flag(property: &Line<'_>) -> Result<bool, SetupError> {
    property.no_args()?;
    Ok(true)
}

/// A duration that may be zero; CoreDNS has words of its own for negative ones.
fn time(property: &Line<'_>) -> Result<Duration, SetupError> {
    let arg = property.args().only("DURATION")?;
    check_sign(property, arg)?;
    arg.duration()
}

fn check_sign(property: &Line<'_>, arg: catena_plugin::Arg<'_>) -> Result<(), SetupError> {
    if arg.text().starts_with('-') {
        let (name, text) = (property.name(), arg.text());
        return Err(arg.error(format_args!("{name} can't be negative: {text}")));
    }
    Ok(())
}

fn positive_time(property: &Line<'_>) -> Result<Duration, SetupError> {
    let arg = property.args().only("DURATION")?;
    let (name, text) = (property.name(), arg.text());
    let wrong = || arg.error(format_args!("{name} must be positive: {text}"));
    if text.starts_with('-') {
        return Err(wrong());
    }
    let time = arg.duration()?;
    if time.is_zero() {
        Err(wrong())
    } else {
        Ok(time)
    }
}

fn number(property: &Line<'_>) -> Result<usize, SetupError> {
    let arg = property.args().only("INTEGER")?;
    check_sign(property, arg)?;
    arg.parse("a whole number")
}

fn small_number(property: &Line<'_>) -> Result<u32, SetupError> {
    property
        .args()
        .only("INTEGER")?
        .parse("a whole number below 2^32")
}

fn except(cx: &mut Setup<'_>, property: &Line<'_>) -> Result<Vec<Name>, SetupError> {
    let mut args = property.args();
    args.clone().required("IGNORED_NAMES")?;
    let mut names = Vec::new();
    for arg in args.by_ref() {
        match zones::parse(arg.text()) {
            Some(zones) => names.extend(zones),
            None => cx.warn(
                property,
                &format!("'{}' is no domain name: ignored", arg.text()),
            ),
        }
    }
    Ok(names)
}

fn doh_method(property: &Line<'_>) -> Result<HttpMethod, SetupError> {
    let arg = property.args().only("GET or POST")?;
    match arg.text() {
        "GET" => Ok(HttpMethod::Get),
        "POST" => Ok(HttpMethod::Post),
        _ => Err(arg.error("doh_method must be either POST or GET")),
    }
}

fn tls_files(cx: &Setup<'_>, property: &Line<'_>) -> Result<TlsClientFiles, SetupError> {
    let mut args = property.args();
    let files = args.by_ref().take(3);
    let files = TlsClientFiles::listed(files.map(|arg| cx.server.path(arg.text())));
    args.finish()?;
    Ok(files)
}

fn policy(property: &Line<'_>) -> Result<Policy, SetupError> {
    let arg = property.args().only("POLICY")?;
    Policy::parse(arg.text()).ok_or_else(|| {
        arg.error(format_args!("unknown policy '{}'", arg.text()))
            .with_hint("it may be random, round_robin or sequential")
    })
}

fn read_health_check(checks: &mut Checks, property: &Line<'_>) -> Result<(), SetupError> {
    let mut args = property.args();
    let interval = args.required("DURATION")?;
    check_sign(property, interval)?;
    checks.interval = interval.duration()?;
    checks.domain = Name::root();
    while let Some(option) = args.next() {
        match option.text() {
            "no_rec" => checks.recursion_desired = false,
            "domain" => {
                let domain = args.required("FQDN")?;
                let text = domain.text();
                checks.domain = text.parse().map_err(|_| {
                    domain.error(format_args!("health_check: invalid domain name {text}"))
                })?;
            }
            other => {
                return Err(option.error(format_args!("health_check: unknown option {other}")));
            }
        }
    }
    Ok(())
}

fn rcodes(property: &Line<'_>) -> Result<Vec<Rcode>, SetupError> {
    let args = property.args();
    args.clone().required("RCODE")?;
    args.map(|arg| {
        let known = Rcode::NAMED
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(arg.text()));
        known
            .map(|(rcode, _)| *rcode)
            .ok_or_else(|| arg.error(format_args!("{} is not a valid rcode", arg.text())))
    })
    .collect()
}

fn failover(property: &Line<'_>) -> Result<Vec<Rcode>, SetupError> {
    let rcodes = rcodes(property)?;
    if rcodes.contains(&Rcode::NOERROR) {
        return Err(property.error("NoError cannot be used in failover"));
    }
    Ok(rcodes)
}

fn source_address(property: &Line<'_>) -> Result<IpAddr, SetupError> {
    let arg = property.args().only("IP")?;
    let wrong = |_| arg.error(format_args!("invalid IP address: {}", arg.text()));
    arg.text().parse().map_err(wrong)
}

fn resolvers(property: &Line<'_>) -> Result<Vec<SocketAddr>, SetupError> {
    let args = property.args();
    args.clone().required("IP[:PORT]")?;
    args.map(|arg| {
        let text = arg.text();
        let address = text
            .parse::<IpAddr>()
            .map(|address| SocketAddr::new(address, 53));
        address.or_else(|_| text.parse()).map_err(|_| {
            arg.error(format_args!(
                "resolver must be an IP address or IP:port: {text:?}"
            ))
        })
    })
    .collect()
}
