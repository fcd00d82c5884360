//! Bodies of requests: how they are read, and records in them.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use catena_dns::{NameRef, RecordType};
use catena_records::{LeaseId, RecordSet};
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::problem::{Code, Problem};
use crate::text;

/// Octets of a body at most, where not said otherwise.
pub(crate) const BODY_MAX: usize = 64 << 10;
/// How long a body may take to come in.
const BODY_TIME: Duration = Duration::from_secs(10);
/// The highest TTL, RFC 2181 section 8.
const TTL_MAX: u32 = 0x7fff_ffff;

/// Records as JSON: data in the form of master files, or addresses.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetBody {
    #[serde(default)]
    pub ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
}

/// Reads a body.
pub(crate) async fn read_octets(
    request: Request<Incoming>,
    limit: usize,
) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), limit).collect();
    let too_large = |_| Code::BodyTooLarge.with(format!("more than {limit} octets"));
    match tokio::time::timeout(BODY_TIME, body).await {
        Ok(body) => Ok(body.map_err(too_large)?.to_bytes()),
        Err(_) => Err(Code::InvalidJson.with("the body does not come")),
    }
}

/// Reads a body in JSON.
pub(crate) async fn read_json<T: DeserializeOwned>(
    request: Request<Incoming>,
    limit: usize,
) -> Result<T, Problem> {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.map(|kind| kind.to_str().unwrap_or_default().to_owned());
    let kind = kind.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.is_empty() && !kind.eq_ignore_ascii_case("application/json") {
        return Err(Code::UnsupportedContentType.problem());
    }
    let octets = read_octets(request, limit).await?;
    serde_json::from_slice(&octets).map_err(|error| Code::InvalidJson.with(error.to_string()))
}

impl SetBody {
    /// The records it stands for; relative names are put below `origin`.
    pub fn to_set(
        &self,
        rtype: RecordType,
        origin: NameRef<'_>,
        ttl: u32,
    ) -> Result<RecordSet, Problem> {
        let invalid = |detail: &str| Code::InvalidSet.with(detail);
        let ttl = self.ttl.unwrap_or(ttl);
        if ttl > TTL_MAX {
            return Err(invalid("the TTL is greater than 2147483647"));
        }
        let mut data = Vec::new();
        match (&self.records, &self.addresses) {
            (Some(_), Some(_)) => return Err(invalid("both records and addresses")),
            (None, None) => return Err(invalid("no records")),
            (Some(records), None) => {
                for record in records {
                    let read = text::read_rdata(rtype, record, origin);
                    data.push(read.map_err(|what| invalid(&format!("{record:?}: {what}")))?);
                }
            }
            (None, Some(addresses)) => {
                for address in addresses {
                    data.push(read_address(rtype, address)?);
                }
            }
        }
        let set = RecordSet::new(rtype, ttl, data);
        let mut set = set.ok_or_else(|| invalid("no records, or broken ones"))?;
        set.lease = self.lease.as_deref().map(read_lease).transpose()?;
        Ok(set)
    }

    /// That of `set`.
    pub fn of(rtype: RecordType, set: &RecordSet) -> SetBody {
        let texts = text::print_set(rtype, set);
        let is_address = matches!(rtype, RecordType::A | RecordType::AAAA);
        SetBody {
            ttl: Some(set.ttl),
            addresses: is_address.then(|| texts.clone()),
            records: Some(texts),
            lease: set.lease.map(print_lease),
        }
    }
}

/// The data of an address record.
pub(crate) fn read_address(rtype: RecordType, text: &str) -> Result<Box<[u8]>, Problem> {
    let invalid = || {
        let detail = format!("{text:?} is not an address for a record of type {rtype}");
        Code::InvalidAddress.with(detail)
    };
    match (text.parse::<IpAddr>(), rtype) {
        (Ok(IpAddr::V4(v4)), RecordType::A) => Ok(v4.octets().into()),
        (Ok(IpAddr::V6(v6)), RecordType::AAAA) if v6.to_ipv4_mapped().is_none() => {
            Ok(v6.octets().into())
        }
        _ => Err(invalid()),
    }
}

/// A lease as the API writes it.
pub(crate) fn print_lease(lease: LeaseId) -> String {
    format!("{:016x}", lease.0)
}

/// A lease as the API writes it.
pub(crate) fn read_lease(text: &str) -> Result<LeaseId, Problem> {
    let id = u64::from_str_radix(text, 16).ok().filter(|id| *id != 0);
    let id = id.ok_or_else(|| Code::LeaseNotFound.with(format!("{text:?} is not a lease")))?;
    Ok(LeaseId(id))
}
