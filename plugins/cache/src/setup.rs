//! Reads the directive.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use catena_dns::Name;
use catena_plugin::{Arg, Line, Setup, SetupError, clock};

use crate::metrics::Counters;
use crate::refresh::InFlight;
use crate::table::{Kind, PerKind, Table};
use crate::{Cache, Shared};

/// Entries of each kind, unless the Corefile says otherwise.
const CAPACITY: usize = 10_000;
/// Seconds that answers are kept at most.
const SUCCESS_TTL: u32 = 3600;
/// Seconds that denials are kept at most.
const DENIAL_TTL: u32 = 1800;
/// Seconds that anything is kept at least.
const MIN_TTL: u32 = 5;
/// RFC 2308 section 7.1, and the bound RFC 8767 section 5 sets for retries.
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// Bounds of the time entries of one kind are kept, in seconds.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// At least.
    pub min_ttl: u32,
    /// At most.
    pub max_ttl: u32,
}

/// When popular entries are fetched anew.
#[derive(Debug)]
pub(crate) struct Prefetch {
    /// Queries that make an entry popular.
    pub amount: u32,
    /// The longest gap between two of them.
    pub window: Duration,
    /// What is left of the TTL then, in percent.
    pub percentage: u32,
}

impl Prefetch {
    /// Seconds left of `ttl` from which on an entry is fetched anew.
    pub fn threshold(&self, ttl: u32) -> u32 {
        let share = (u64::from(ttl) * u64::from(self.percentage)).div_ceil(100);
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

/// How stale entries are used.
#[derive(Debug)]
pub(crate) struct StaleUse {
    /// Seconds after expiry.
    pub up_to: i64,
    /// When the source is asked.
    pub refresh: Refresh,
    /// The TTL they are given with.
    pub ttl: u32,
    /// How long the source is left alone after it failed.
    pub recheck: Duration,
    /// Whether an answer that has data is preferred to a newer one that has none.
    pub prefers_positive: bool,
}

impl StaleUse {
    /// Whether the source is asked first.
    pub fn verifies(&self) -> bool {
        matches!(self.refresh, Refresh::Verify(_))
    }
}

/// When the source of a stale entry is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// After the client was answered.
    Immediate,
    /// Before; the client waits so long, or as long as it takes if this is zero.
    Verify(Duration),
}

/// What the directive says.
#[derive(Debug)]
pub(crate) struct Config {
    /// Entries of each kind.
    pub capacity: PerKind<usize>,
    /// How long answers are kept.
    pub success: Bounds,
    /// How long denials are kept.
    pub denial: Bounds,
    /// Seconds that failures are kept.
    pub servfail: u32,
    /// When popular entries are fetched anew.
    pub prefetch: Option<Prefetch>,
    /// How stale entries are used.
    pub stale: Option<StaleUse>,
    /// Zones of which nothing is kept.
    pub disabled: PerKind<Vec<Name>>,
    /// Whether TTLs stay as they were.
    pub keep_ttl: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            capacity: PerKind {
                success: CAPACITY,
                denial: CAPACITY,
            },
            success: Bounds {
                min_ttl: MIN_TTL,
                max_ttl: SUCCESS_TTL,
            },
            denial: Bounds {
                min_ttl: MIN_TTL,
                max_ttl: DENIAL_TTL,
            },
            servfail: MIN_TTL,
            prefetch: None,
            stale: None,
            disabled: PerKind::default(),
            keep_ttl: false,
        }
    }
}

impl Config {
    /// Whether an answer that has data is preferred to a newer one that has none.
    pub fn prefers_positive(&self) -> bool {
        self.stale
            .as_ref()
            .is_some_and(|stale| stale.prefers_positive)
    }

    fn bounds_mut(&mut self, kind: Kind) -> &mut Bounds {
        match kind {
            Kind::Success => &mut self.success,
            Kind::Denial => &mut self.denial,
        }
    }
}

/// Adds the stage.
pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let (config, zones) = read(cx, &line)?;
    let labels: Vec<String> = zones.iter().map(ToString::to_string).collect();
    cx.add_stage(Cache(Arc::new(Shared {
        table: Table::new(&config.capacity),
        counters: Counters::new(&labels.join(","), &cx.server.view),
        config,
        zones,
        epoch: clock::now(),
        background: OnceLock::new(),
        in_flight: InFlight::default(),
    })));
    Ok(())
}

/// Reads `cache [TTL] [ZONES...]` and its block.
pub(crate) fn read(cx: &Setup<'_>, line: &Line<'_>) -> Result<(Config, Vec<Name>), SetupError> {
    let mut config = Config::default();
    let mut args = line.args();
    let first = args.clone().next();
    if let Some(first) = first.filter(|arg| arg.text().parse::<i64>().is_ok()) {
        let ttl = max_ttl(first)?;
        config.success.max_ttl = ttl;
        config.denial.max_ttl = ttl;
        args.next();
    }
    let zones = cx.zones_or_server(&mut args);
    let mut policy = None;
    for property in line.properties() {
        match property.name() {
            "success" => read_kind(&property, &mut config, Kind::Success)?,
            "denial" => read_kind(&property, &mut config, Kind::Denial)?,
            "prefetch" => config.prefetch = read_prefetch(&property)?,
            "serve_stale" => config.stale = Some(read_serve_stale(&property)?),
            "serve_stale_policy" => {
                read_policy(&property, policy.is_some())?;
                policy = Some(property);
            }
            "servfail" => config.servfail = read_servfail(&property)?,
            "disable" => read_disable(&property, &mut config)?,
            "keepttl" => {
                property.no_args()?;
                config.keep_ttl = true;
            }
            _ => return Err(property.unknown()),
        }
    }
    match (policy, &mut config.stale) {
        (Some(policy), None) => {
            return Err(policy
                .error("serve_stale_policy requires serve_stale")
                .with_hint("add a line 'serve_stale'"));
        }
        (Some(_), Some(stale)) => stale.prefers_positive = true,
        (None, _) => {}
    }
    // `serve_stale 0s` turns it off.
    config.stale = config.stale.filter(|stale| stale.up_to > 0);
    Ok((config, zones))
}

/// Reads `success CAPACITY [TTL] [MINTTL]`, or `denial`.
fn read_kind(line: &Line<'_>, config: &mut Config, kind: Kind) -> Result<(), SetupError> {
    let mut args = line.args();
    let capacity = number(args.required("CAPACITY")?)?;
    *config.capacity.of_mut(kind) = usize::try_from(capacity.max(0)).unwrap_or(usize::MAX);
    let bounds = config.bounds_mut(kind);
    if let Some(arg) = args.next() {
        bounds.max_ttl = max_ttl(arg)?;
    }
    if let Some(arg) = args.next() {
        bounds.min_ttl = match number(arg)? {
            ttl if ttl < 0 => {
                return Err(arg.error(format_args!("cache min TTL can not be negative: {ttl}")));
            }
            ttl => bounded_ttl(ttl),
        };
    }
    Ok(())
}

/// Reads `prefetch AMOUNT [[DURATION] [PERCENTAGE%]]`.
fn read_prefetch(line: &Line<'_>) -> Result<Option<Prefetch>, SetupError> {
    let mut args = line.args();
    let arg = args.required("AMOUNT")?;
    let amount = number(arg)?;
    if amount < 0 {
        return Err(arg.error(format_args!("prefetch amount should be positive: {amount}")));
    }
    let window = args.next().map_or(Ok(Duration::from_secs(60)), duration)?;
    let percentage = args.next().map_or(Ok(10), percentage)?;
    args.finish()?;
    let amount = u32::try_from(amount).unwrap_or(u32::MAX);
    Ok((amount > 0).then_some(Prefetch {
        amount,
        window,
        percentage,
    }))
}

fn percentage(arg: Arg<'_>) -> Result<u32, SetupError> {
    let Some(number) = arg.text().strip_suffix('%') else {
        let last = arg.text().chars().last().unwrap_or(' ');
        return Err(arg
            .error(format_args!(
                "last character of percentage should be `%`, but is: {last:?}"
            ))
            .with_hint(format!("write '{}%'", arg.text())));
    };
    match number.parse::<u32>() {
        Ok(percentage @ 10..=90) => Ok(percentage),
        _ => Err(arg.error(format_args!(
            "percentage should fall in range [10, 90]: {number}"
        ))),
    }
}

/// Reads `serve_stale [DURATION] [immediate|verify [VERIFY_TIMEOUT]] [RESPONSE_TTL [RECHECK]]`.
fn read_serve_stale(line: &Line<'_>) -> Result<StaleUse, SetupError> {
    let mut args = line.args();
    let up_to = args.next().map_or(Ok(Duration::from_secs(3600)), |arg| {
        non_negative(arg, "invalid negative duration for serve_stale")
    })?;
    let mut refresh = Refresh::Immediate;
    if let Some(mode) = args.next() {
        refresh = match mode.text().to_ascii_lowercase().as_str() {
            "immediate" => Refresh::Immediate,
            "verify" => Refresh::Verify(args.next().map_or(Ok(Duration::ZERO), |arg| {
                non_negative(arg, "invalid negative timeout for serve_stale verify")
            })?),
            other => {
                return Err(mode
                    .error(format_args!(
                        "invalid value for serve_stale refresh mode: {other}"
                    ))
                    .with_hint("it is 'immediate' or 'verify'"));
            }
        };
    }
    let ttl = args.next().map_or(Ok(0), response_ttl)?;
    let recheck = args.next().map_or(Ok(Duration::ZERO), failure_recheck)?;
    args.finish()?;
    Ok(StaleUse {
        up_to: i64::try_from(up_to.as_secs()).unwrap_or(i64::MAX),
        refresh,
        ttl,
        recheck,
        prefers_positive: false,
    })
}

fn response_ttl(arg: Arg<'_>) -> Result<u32, SetupError> {
    let ttl = non_negative(arg, "invalid negative response TTL for serve_stale")?;
    if ttl.subsec_nanos() != 0 {
        return Err(arg.error("serve_stale response TTL must be a whole number of seconds"));
    }
    u32::try_from(ttl.as_secs())
        .map_err(|_| arg.error("serve_stale response TTL exceeds the DNS TTL range"))
}

fn failure_recheck(arg: Arg<'_>) -> Result<Duration, SetupError> {
    let recheck = non_negative(arg, "invalid negative failure recheck for serve_stale")?;
    if recheck > FIVE_MINUTES {
        return Err(arg.error("serve_stale failure recheck cannot exceed 5 minutes"));
    }
    Ok(recheck)
}

/// Reads `serve_stale_policy prefer_positive`.
fn read_policy(line: &Line<'_>, is_second: bool) -> Result<(), SetupError> {
    if is_second {
        return Err(line.error("serve_stale_policy can only be specified once"));
    }
    let policy = line.args().only("the policy")?;
    if policy.text().eq_ignore_ascii_case("prefer_positive") {
        Ok(())
    } else {
        let text = policy.text();
        Err(policy
            .error(format_args!("invalid serve_stale_policy: {text}"))
            .with_hint("the only policy is 'prefer_positive'"))
    }
}

/// Reads `servfail DURATION`.
fn read_servfail(line: &Line<'_>) -> Result<u32, SetupError> {
    let arg = line.args().only("DURATION")?;
    let time = non_negative(arg, "invalid negative ttl for servfail")?;
    if time > FIVE_MINUTES {
        return Err(arg.error("caching SERVFAIL responses over 5 minutes is not permitted"));
    }
    Ok(u32::try_from(time.as_secs()).unwrap_or(MIN_TTL))
}

/// Reads `disable success|denial [ZONES...]`.
fn read_disable(line: &Line<'_>, config: &mut Config) -> Result<(), SetupError> {
    let mut args = line.args();
    let which = args.required("success or denial")?;
    let kind = match which.text() {
        "success" => Kind::Success,
        "denial" => Kind::Denial,
        _ => {
            return Err(which.error("cache type for disable must be \"success\" or \"denial\""));
        }
    };
    let zones = args.zones();
    *config.disabled.of_mut(kind) = if zones.is_empty() {
        vec![Name::root()]
    } else {
        zones
    };
    Ok(())
}

fn max_ttl(arg: Arg<'_>) -> Result<u32, SetupError> {
    match number(arg)? {
        ttl if ttl <= 0 => {
            Err(arg.error(format_args!("cache TTL can not be zero or negative: {ttl}")))
        }
        ttl => Ok(bounded_ttl(ttl)),
    }
}

/// TTLs end at 31 bits, RFC 2181 section 8.
fn bounded_ttl(ttl: i64) -> u32 {
    const TTL_MAX: u32 = 0x7fff_ffff;
    u32::try_from(ttl).unwrap_or(TTL_MAX).min(TTL_MAX)
}

fn number(arg: Arg<'_>) -> Result<i64, SetupError> {
    arg.parse("a whole number")
}

fn duration(arg: Arg<'_>) -> Result<Duration, SetupError> {
    arg.duration()
}

fn non_negative(arg: Arg<'_>, message: &str) -> Result<Duration, SetupError> {
    if arg.text().starts_with('-') {
        return Err(arg.error(format_args!("{message}: {}", arg.text())));
    }
    arg.duration()
}

#[cfg(test)]
mod tests;
