//! Interfaces that the application registers itself, and keeps alive.

use std::collections::BTreeMap;
use std::time::Duration;

use catena_plugin::clock::{self, Instant};
use catena_rpc::interfaces::{COUNT_MAX, Provider, is_interface};
use serde::{Deserialize, Serialize};

/// How long a registration lives at least and at most.
const TTL: (u64, u64) = (1, 3600);
/// The longest version, group or serialization.
const TEXT_MAX: usize = 256;

/// What a registration says beside the interface.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Terms {
    version: String,
    group: String,
    serialize: String,
    /// Seconds until it must be renewed.
    ttl: Option<u64>,
}

/// A registration, as it is told, or kept in a file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Registered {
    #[serde(flatten)]
    pub provider: Provider,
    /// Seconds that are left; in a file, all it has after it was renewed.
    pub ttl: u64,
}

/// When a registration ends, and how long it lives when it is renewed.
#[derive(Clone, Copy, Debug)]
struct End {
    at: Instant,
    ttl: u64,
}

impl End {
    fn after(ttl: u64) -> End {
        let at = clock::now() + Duration::from_secs(ttl);
        End { at, ttl }
    }
}

/// Why there is no registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("this is no interface")]
    Interface,
    #[error("ttl must be from 1 to 3600")]
    Ttl,
    #[error("version, group and serialize must not be longer than 256 octets")]
    Long,
    #[error("there are too many registrations")]
    Full,
}

/// The registrations; an interface may be there in several versions and groups.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    ends: BTreeMap<Provider, End>,
    /// Whether there ever was one: before, nobody knows what the application offers.
    had_any: bool,
}

impl Leases {
    /// Registers `interface`, or renews it.
    pub fn put(
        &mut self,
        interface: &str,
        terms: Terms,
        usual: Duration,
    ) -> Result<Registered, Refusal> {
        if !is_interface(interface) {
            return Err(Refusal::Interface);
        }
        let ttl = terms.ttl.unwrap_or(usual.as_secs());
        if !(TTL.0..=TTL.1).contains(&ttl) {
            return Err(Refusal::Ttl);
        }
        let texts = [&terms.version, &terms.group, &terms.serialize];
        if texts.iter().any(|text| text.len() > TEXT_MAX) {
            return Err(Refusal::Long);
        }
        self.forget_ended();
        let provider = Provider {
            interface: interface.to_owned(),
            version: terms.version,
            group: terms.group,
            serialize: terms.serialize,
        };
        if self.ends.len() >= COUNT_MAX && !self.ends.contains_key(&provider) {
            return Err(Refusal::Full);
        }
        self.ends.insert(provider.clone(), End::after(ttl));
        self.had_any = true;
        Ok(Registered { provider, ttl })
    }

    /// Ends all registrations of `interface`; says whether there was one.
    pub fn remove(&mut self, interface: &str) -> bool {
        self.forget_ended();
        let before = self.ends.len();
        self.ends
            .retain(|provider, _| provider.interface != interface);
        self.ends.len() < before
    }

    /// Those that have not ended; `None` if there never was one.
    pub fn told(&mut self) -> Option<Vec<Registered>> {
        self.forget_ended();
        let now = clock::now();
        let all = self.ends.iter().map(|(provider, end)| Registered {
            provider: provider.clone(),
            ttl: end.at.duration_since(now).as_secs(),
        });
        self.had_any.then(|| all.collect())
    }

    fn forget_ended(&mut self) {
        let now = clock::now();
        self.ends.retain(|_, end| end.at > now);
    }

    /// What is to be known after a restart; `None` if there never was a registration.
    pub fn kept(&mut self) -> Option<Vec<Registered>> {
        self.forget_ended();
        let all = self.ends.iter().map(|(provider, end)| Registered {
            provider: provider.clone(),
            ttl: end.ttl,
        });
        self.had_any.then(|| all.collect())
    }

    /// Takes up what was kept: each registration has its whole time again.
    pub fn restore(&mut self, kept: Vec<Registered>) {
        let kept = kept.into_iter().take(COUNT_MAX);
        let kept = kept.filter(|one| (TTL.0..=TTL.1).contains(&one.ttl));
        self.ends = kept
            .map(|one| (one.provider, End::after(one.ttl)))
            .collect();
        self.had_any = true;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::{Leases, Refusal, Terms};

    const USUAL: Duration = Duration::from_secs(30);

    fn names(leases: &mut Leases) -> Option<Vec<String>> {
        let told = leases.told()?;
        Some(told.into_iter().map(|one| one.provider.interface).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn a_registration_ends_unless_it_is_renewed() {
        let mut leases = Leases::default();
        assert_eq!(names(&mut leases), None);
        leases.put("com.A", Terms::default(), USUAL).unwrap();
        leases.put("com.B", Terms::default(), USUAL).unwrap();
        tokio::time::advance(USUAL / 2).await;
        leases.put("com.B", Terms::default(), USUAL).unwrap();
        tokio::time::advance(USUAL / 2).await;
        assert_eq!(names(&mut leases).unwrap(), ["com.B"]);
        assert!(leases.remove("com.B"));
        assert!(!leases.remove("com.B"));
        assert_eq!(names(&mut leases).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut leases = Leases::default();
        let mut put = |interface: &str, json: &str| {
            let terms: Terms = serde_json::from_str(json).unwrap();
            leases.put(interface, terms, USUAL).map(drop)
        };
        assert_eq!(put("*.x", "{}"), Err(Refusal::Interface));
        assert_eq!(put("", "{}"), Err(Refusal::Interface));
        assert_eq!(put("com.A", r#"{"ttl":0}"#), Err(Refusal::Ttl));
        assert_eq!(put("com.A", r#"{"ttl":3601}"#), Err(Refusal::Ttl));
        let long = format!(r#"{{"group":"{}"}}"#, "x".repeat(257));
        assert_eq!(put("com.A", &long), Err(Refusal::Long));
        for count in 0..super::COUNT_MAX {
            assert_eq!(put(&format!("a{count}"), "{}"), Ok(()));
        }
        assert_eq!(put("one.more", "{}"), Err(Refusal::Full));
        assert_eq!(put("a0", "{}"), Ok(()));
    }
}
