//! Names in etcd, in SkyDNS's form: stock CoreDNS answers them with its plugin `etcd`.
//!
//! A name with one address is one key, as the original writes it. Several addresses are a key
//! each, one label below. The field `owner` of a value says whose it is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_etcd::proto::RangeRequest;
use catena_etcd::skydns::{Host, Message, Prefix};
use catena_etcd::{Client, ClientOptions, KeyValue, Txn, range_end};
use tokio::runtime::Handle;

use super::{Found, PlaceError};
use crate::Options;
use crate::entry::Entry;
use crate::options::EtcdTarget;

/// Keys on a page of a list.
const PAGE: i64 = 1000;
/// Steps of one transaction; etcd takes 128.
const STEPS_MAX: usize = 100;

pub(crate) struct Etcd {
    client: Client,
    prefix: Prefix,
    owner: String,
    endpoints: String,
    /// What all keys that are read begin with.
    scopes: Vec<String>,
}

impl Etcd {
    pub fn open(target: &EtcdTarget, options: &Options) -> Result<Etcd, PlaceError> {
        let endpoints = target.endpoints.iter().map(|text| {
            let endpoint = catena_etcd::endpoint(text);
            endpoint.map_err(|_| PlaceError(format!("{text:?} is no endpoint of etcd")))
        });
        let prefix = Prefix::new(&target.prefix);
        let mut scopes: Vec<String> = options
            .zones
            .iter()
            .filter_map(|zone| prefix.key(zone.view()))
            .collect();
        if scopes.is_empty() {
            scopes.push(prefix.as_str().to_owned());
        }
        scopes.iter_mut().for_each(|scope| scope.push('/'));
        let options = ClientOptions {
            endpoints: endpoints.collect::<Result<_, _>>()?,
            tls: options
                .tls_client()
                .map_err(|error| PlaceError(error.to_string()))?,
            credentials: target.credentials.clone(),
            ..ClientOptions::default()
        };
        Ok(Etcd {
            client: Client::new(options, Handle::current()),
            prefix,
            scopes,
            owner: target.owner.clone(),
            endpoints: target.endpoints.join(","),
        })
    }

    pub fn endpoints(&self) -> &str {
        &self.endpoints
    }

    /// What is below the zones of the command line, or all there is.
    pub async fn read(&self) -> Result<Found, PlaceError> {
        let mut found = Found::default();
        for scope in &self.scopes {
            self.read_scope(scope, &mut found).await?;
        }
        Ok(found)
    }

    async fn read_scope(&self, scope: &str, found: &mut Found) -> Result<(), PlaceError> {
        let mut query = RangeRequest {
            key: scope.into(),
            range_end: range_end(scope.as_bytes()),
            limit: PAGE,
            ..RangeRequest::default()
        };
        loop {
            let page = self.client.range(query.clone()).await.map_err(from)?;
            for key in &page.kvs {
                self.note(key, found);
            }
            let last = page.kvs.last().filter(|_| page.more);
            let Some(last) = last else {
                return Ok(());
            };
            query.key.clone_from(&last.key);
            query.key.push(0);
        }
    }

    /// Adds what a key says to what is there.
    fn note(&self, key: &KeyValue, found: &mut Found) {
        let name = std::str::from_utf8(&key.key).ok();
        let name = name.and_then(|key| self.prefix.name(key));
        let message = Message::parse(&key.value).ok();
        let (Some(mut name), Some(message)) = (name, message) else {
            return;
        };
        if message.targetstrip == 1
            && let Some(parent) = name.view().parent()
        {
            name = parent.to_name();
        }
        let text: Box<str> = name.to_string().into();
        if message.owner != self.owner {
            // The original knew no owners: what has none may be one of its keys.
            if !message.owner.is_empty() {
                found.taken.insert(text);
            }
            return;
        }
        let Host::Address(address) = message.host_kind() else {
            return;
        };
        let addresses = match found.ours.get(&text) {
            Some(known) => known.addresses.iter().copied().chain([address]).collect(),
            None => BTreeSet::from([address]),
        };
        let entry = Entry {
            name,
            zone: Arc::new(Name::root()),
            addresses: addresses.into_iter().collect(),
            ttl: message.ttl,
        };
        found.ours.insert(text, entry);
    }

    pub async fn put(&self, entry: &Entry, before: Option<&Entry>) -> Result<(), PlaceError> {
        let keys = self.keys(entry)?;
        let mut steps: Vec<(String, Option<Vec<u8>>)> = Vec::new();
        let strip = i64::from(keys.len() > 1);
        for (key, address) in &keys {
            let message = Message {
                host: address.to_string(),
                ttl: entry.ttl,
                targetstrip: strip,
                owner: self.owner.clone(),
                ..Message::default()
            };
            steps.push((key.clone(), Some(message.to_value())));
        }
        let old = before.map_or(Ok(Vec::new()), |before| self.keys(before))?;
        let is_gone = |(key, _): &(String, IpAddr)| !keys.iter().any(|(kept, _)| kept == key);
        steps.extend(old.into_iter().filter(is_gone).map(|(key, _)| (key, None)));
        self.take(&steps).await
    }

    pub async fn remove(&self, entry: &Entry) -> Result<(), PlaceError> {
        let keys = self.keys(entry)?;
        let steps: Vec<_> = keys.into_iter().map(|(key, _)| (key, None)).collect();
        self.take(&steps).await
    }

    async fn take(&self, steps: &[(String, Option<Vec<u8>>)]) -> Result<(), PlaceError> {
        for some in steps.chunks(STEPS_MAX) {
            let mut txn = Txn::new();
            for (key, value) in some {
                txn = match value {
                    Some(value) => txn.put(key.as_str(), value.clone(), 0),
                    None => txn.delete(key.as_str()),
                };
            }
            self.client.txn(txn.as_request()).await.map_err(from)?;
        }
        Ok(())
    }

    /// The key of each address.
    fn keys(&self, entry: &Entry) -> Result<Vec<(String, IpAddr)>, PlaceError> {
        let unfit = || PlaceError(format!("no key can stand for {}", entry.name));
        let base = self.prefix.key(entry.name.view()).ok_or_else(unfit)?;
        Ok(match &*entry.addresses {
            [one] => vec![(base, *one)],
            all => all
                .iter()
                .map(|address| (format!("{base}/{}", label(*address)), *address))
                .collect(),
        })
    }
}

/// The label of one address of several.
fn label(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("x{:08x}", v4.to_bits()),
        IpAddr::V6(v6) => format!("x{:032x}", v6.to_bits()),
    }
}

fn from(error: catena_etcd::Error) -> PlaceError {
    PlaceError(error.to_string())
}

#[cfg(test)]
mod tests;
