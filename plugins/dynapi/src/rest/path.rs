//! Paths of the API, and what they name.

use catena_dns::{Name, RecordType};

use super::problem::{Code, Problem};

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/v1/openapi.json`
    OpenApi,
    /// `/v1/leases`
    Leases,
    /// `/v1/leases/{lease}`
    Lease(String),
    /// `/v1/leases/{lease}/renewal`
    Renewal(String),
    /// `/v1/zones`
    Zones,
    /// A zone, or a part of it.
    Of(Name, Part),
}

/// What of a zone a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `/v1/zones/{zone}`
    Whole,
    /// `/v1/zones/{zone}/changes`
    Changes,
    /// `/v1/zones/{zone}/watch`
    Watch,
    /// `/v1/zones/{zone}/export`
    Export,
    /// `/v1/zones/{zone}/import`
    Import,
    /// `/v1/zones/{zone}/records`
    Listing,
    /// `/v1/zones/{zone}/records/{name}/{type}`
    Set(Name, RecordType),
}

impl Target {
    /// Reads a path.
    pub fn read(path: &str) -> Result<Target, Problem> {
        let rest = path.strip_prefix("/v1/").unwrap_or_default();
        let parts: Vec<&str> = rest.split('/').collect();
        match parts[..] {
            ["openapi.json"] => Ok(Target::OpenApi),
            ["leases"] => Ok(Target::Leases),
            ["leases", lease] => Ok(Target::Lease(lease.to_owned())),
            ["leases", lease, "renewal"] => Ok(Target::Renewal(lease.to_owned())),
            ["zones"] => Ok(Target::Zones),
            ["zones", zone, ref part @ ..] => {
                let part = Part::read(part)?;
                Ok(Target::Of(name(zone)?, part))
            }
            _ => Err(Code::NotFound.problem()),
        }
    }
}

impl Part {
    fn read(part: &[&str]) -> Result<Part, Problem> {
        match *part {
            [] => Ok(Part::Whole),
            ["changes"] => Ok(Part::Changes),
            ["watch"] => Ok(Part::Watch),
            ["export"] => Ok(Part::Export),
            ["import"] => Ok(Part::Import),
            ["records"] => Ok(Part::Listing),
            ["records", owner, rtype] => Ok(Part::Set(name(owner)?, read_type(&decode(rtype)?)?)),
            _ => Err(Code::NotFound.problem()),
        }
    }
}

/// Whether `path` is that of the older API.
pub(crate) fn is_legacy(path: &str) -> bool {
    path == "/dynapi" || path == "/dynapi/"
}

/// A part of a path with its escapes resolved.
fn decode(part: &str) -> Result<String, Problem> {
    let bad = || Code::InvalidName.with("the path has a broken escape");
    let mut octets = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        let value = value.and_then(|value| u8::try_from(value).ok());
        octets.push(value.ok_or_else(bad)?);
    }
    String::from_utf8(octets).map_err(|_| bad())
}

fn name(part: &str) -> Result<Name, Problem> {
    read_name(&decode(part)?)
}

/// A name in full, with or without the last dot.
pub(crate) fn read_name(text: &str) -> Result<Name, Problem> {
    let name = text.parse::<Name>().ok().filter(|_| !text.is_empty());
    let name = name.ok_or_else(|| Code::InvalidName.with(format!("{text:?} is not a name")))?;
    Ok(name.view().to_lower())
}

/// A type by its name, in either case.
pub(crate) fn read_type(text: &str) -> Result<RecordType, Problem> {
    let rtype = text.to_ascii_uppercase().parse::<RecordType>().ok();
    let rtype = rtype.filter(|rtype| {
        catena_records::is_data_type(*rtype) && !catena_records::is_signing_type(*rtype)
    });
    rtype.ok_or_else(|| {
        let detail = format!("{text:?} is not a type of records that can be written");
        Code::UnsupportedType.with(detail)
    })
}

/// The value of `key` in the part of an address after the question mark.
pub(crate) fn query_value(query: Option<&str>, key: &str) -> Result<Option<String>, Problem> {
    let pairs = query.unwrap_or_default().split('&');
    let mut values = pairs
        .filter_map(|pair| pair.split_once('='))
        .filter(|(own, _)| *own == key);
    values.next().map(|(_, value)| decode(value)).transpose()
}
