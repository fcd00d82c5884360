//! What a register agent tells: the JSON of `/rpc/interfaces`, and what may be in it.

use std::sync::Arc;

use catena_dns::{Name, NameRef};
use serde::{Deserialize, Serialize};

/// Where an agent tells it.
pub const PATH: &str = "/rpc/interfaces";
/// The port of agents.
pub const PORT: u16 = 10006;
/// Interfaces of one Service at most; further ones are left out.
pub const COUNT_MAX: usize = 4096;
/// The longest answer of an agent.
pub const BODY_MAX: usize = 1 << 20;

/// An agent's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Whether the agent knows.
    #[serde(default)]
    pub success: bool,
    /// What it knows.
    #[serde(default)]
    pub data: Data,
}

/// What an agent knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Data {
    /// The interfaces.
    Offer(Offer),
    /// The original agent says `""` when it is not told what to read.
    Nothing(String),
}

impl Default for Data {
    fn default() -> Data {
        Data::Nothing(String::new())
    }
}

/// The interfaces of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Such as `DUBBO` or `BOLT`.
    #[serde(default)]
    pub protocol: String,
    /// One for each version and group of an interface.
    #[serde(default)]
    pub providers: Vec<Provider>,
}

/// An interface that is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Provider {
    /// Its full name, such as `com.alipay.UserService`.
    #[serde(default)]
    pub interface: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Its group.
    #[serde(default)]
    pub group: String,
    /// How arguments are encoded, such as `hessian2`.
    #[serde(default)]
    pub serialize: String,
}

/// Why an answer tells no interfaces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// The answer is not the JSON of an agent.
    #[error("its answer makes no sense: {0}")]
    Malformed(String),
    /// The agent does not know, now.
    #[error("it does not know the interfaces")]
    Unknown,
}

/// Reads an agent's answer: the names of interfaces, sorted, each once.
pub fn read(body: &[u8]) -> Result<Arc<[Box<str>]>, Untold> {
    let told: Told =
        serde_json::from_slice(body).map_err(|error| Untold::Malformed(error.to_string()))?;
    match told {
        Told {
            success: true,
            data: Data::Offer(offer),
        } => Ok(sorted(offer.providers.iter().map(|one| &*one.interface))),
        _ => Err(Untold::Unknown),
    }
}

/// The interfaces of an annotation, divided by commas or white space.
pub(crate) fn listed(text: &str) -> Arc<[Box<str>]> {
    let is_between = |letter: char| letter == ',' || letter.is_whitespace();
    sorted(text.split(is_between))
}

/// What of `interfaces` can be in a name, in lower case, sorted, each once.
fn sorted<'i>(interfaces: impl Iterator<Item = &'i str>) -> Arc<[Box<str>]> {
    let lower = interfaces.filter(|one| is_interface(one));
    let mut lower: Vec<Box<str>> = lower.map(|one| one.to_ascii_lowercase().into()).collect();
    lower.sort_unstable();
    lower.dedup();
    lower.truncate(COUNT_MAX);
    lower.into()
}

/// Whether `text` is an interface that can be in a name.
pub fn is_interface(text: &str) -> bool {
    !text.ends_with('.')
        && text.bytes().all(is_host_octet)
        && Name::parse(text, NameRef::ROOT).is_ok_and(|name| !name.view().is_root())
}

/// Java's letters and those of host names; above all no `*`, which would be a wildcard.
pub(crate) fn is_host_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-_$.".contains(&octet)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Untold, listed, read};

    #[test]
    fn interfaces_are_told_in_lower_case_and_once() {
        let body = br#"{"success":true,"data":{"protocol":"DUBBO","providers":[
            {"interface":"com.B","version":"2"},{"interface":"com.A","serialize":"x"},
            {"interface":"com.B","version":"1"},{"interface":"*.evil"},{"interface":"a..b"}]}}"#;
        let told = read(body).unwrap();
        assert_eq!(*told, ["com.a".into(), "com.b".into()]);
    }

    #[test]
    fn an_agent_that_does_not_know_tells_nothing() {
        for body in [
            r#"{"success":false}"#,
            r#"{"success":true,"data":""}"#,
            r#"{"success":false,"data":{"providers":[{"interface":"a"}]}}"#,
            "{}",
        ] {
            assert_eq!(read(body.as_bytes()), Err(Untold::Unknown), "{body}");
        }
        assert!(matches!(read(b"<html>"), Err(Untold::Malformed(_))));
    }

    #[test]
    fn an_application_without_interfaces_tells_so() {
        let body = br#"{"success":true,"data":{"protocol":"DUBBO","providers":[]}}"#;
        assert!(read(body).unwrap().is_empty());
    }

    #[test]
    fn an_annotation_lists_interfaces() {
        assert_eq!(
            *listed("com.A, com.b\n com.A"),
            ["com.a".into(), "com.b".into()]
        );
        assert!(listed(" ").is_empty());
    }
}
