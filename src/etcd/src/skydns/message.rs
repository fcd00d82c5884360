//! The value of a key: a service, with its address or its text.

use std::fmt;
use std::net::IpAddr;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Longer values are refused unread: no answer could carry what they say.
const VALUE_MAX: usize = 128 << 10;

/// A service as SkyDNS and its successors keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// An address or a name.
    pub host: String,
    /// The port, for SRV.
    pub port: i64,
    /// The priority, for SRV and MX; 0 means 10.
    pub priority: i64,
    /// The weight, for SRV; 0 means 100.
    pub weight: i64,
    /// The text, for TXT.
    pub text: String,
    /// Whether it takes mail.
    pub mail: bool,
    /// Seconds to live; 0 means 300, or what the lease has left.
    pub ttl: u32,
    /// How many labels are taken off the key's name where it is a target.
    pub targetstrip: i64,
    /// Services of one group are answered together.
    pub group: String,
    /// Who wrote it: external-dns's mark.
    pub owner: String,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name.
    Name,
    /// Not looked at: the message is a text.
    Text,
}

/// Why a value is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMessage(String);

impl Message {
    /// Reads a value as Go reads it: names of fields in any letter case, others passed over.
    pub fn parse(value: &[u8]) -> Result<Message, BadMessage> {
        if value.len() > VALUE_MAX {
            return Err(BadMessage(format!("a value of {} octets", value.len())));
        }
        let text = String::from_utf8_lossy(value);
        let message: Result<Option<Message>, _> = serde_json::from_str(&text);
        let message = message.map_err(|error| BadMessage(error.to_string()))?;
        Ok(message.unwrap_or_default())
    }

    /// The value that says this; fields that say nothing are left out.
    pub fn to_value(&self) -> Vec<u8> {
        // Strings and numbers: nothing in it can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What the host is.
    pub fn host_kind(&self) -> Host {
        match self.host.parse::<IpAddr>() {
            Ok(address) => Host::Address(address.to_canonical()),
            Err(_) if self.text.is_empty() => Host::Name,
            Err(_) => Host::Text,
        }
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SkyDNS message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message, A::Error> {
        let mut message = Message::default();
        while let Some(mut field) = map.next_key::<String>()? {
            field.make_ascii_lowercase();
            match field.as_str() {
                "host" => read(&mut map, &mut message.host)?,
                "port" => read(&mut map, &mut message.port)?,
                "priority" => read(&mut map, &mut message.priority)?,
                "weight" => read(&mut map, &mut message.weight)?,
                "text" => read(&mut map, &mut message.text)?,
                "mail" => read(&mut map, &mut message.mail)?,
                "ttl" => read(&mut map, &mut message.ttl)?,
                "targetstrip" => read(&mut map, &mut message.targetstrip)?,
                "group" => read(&mut map, &mut message.group)?,
                "owner" => message.owner = map.next_value::<Lenient>()?.0,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(message)
    }
}

/// Reads the value of a field; `null` leaves it as it is.
fn read<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    field: &mut T,
) -> Result<(), A::Error> {
    if let Some(value) = map.next_value::<Option<T>>()? {
        *field = value;
    }
    Ok(())
}

/// A string, or nothing: CoreDNS does not look at this field, so it must not fail.
struct Lenient(String);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Lenient(value.as_str().unwrap_or_default().to_owned()))
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let numbers = [
            ("port", self.port),
            ("priority", self.priority),
            ("weight", self.weight),
            ("targetstrip", self.targetstrip),
            ("ttl", i64::from(self.ttl)),
        ];
        let texts = [
            ("host", &self.host),
            ("text", &self.text),
            ("group", &self.group),
            ("owner", &self.owner),
        ];
        for (field, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            map.serialize_entry(field, text)?;
        }
        for (field, number) in numbers.into_iter().filter(|(_, number)| *number != 0) {
            map.serialize_entry(field, &number)?;
        }
        if self.mail {
            map.serialize_entry("mail", &true)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Host, Message};

    fn parse(text: &str) -> Result<Message, super::BadMessage> {
        Message::parse(text.as_bytes())
    }

    #[test]
    fn written_messages_are_read_again() {
        let message = Message {
            host: "192.0.2.1".to_owned(),
            port: 80,
            ttl: 60,
            mail: true,
            targetstrip: 1,
            owner: "default".to_owned(),
            ..Message::default()
        };
        assert_eq!(Message::parse(&message.to_value()).unwrap(), message);
        assert_eq!(Message::default().to_value(), b"{}");
    }

    #[test]
    fn values_are_read_as_go_reads_them() {
        let message =
            parse(r#"{"HOST":"a","Ttl":7,"host":"b","x":{"y":[1]},"text":null}"#).unwrap();
        assert_eq!((message.host.as_str(), message.ttl), ("b", 7));
        assert_eq!(parse("null").unwrap(), Message::default());
        assert_eq!(parse(r#"{"owner":17}"#).unwrap(), Message::default());
        for bad in [
            "",
            "not json",
            "17",
            "[]",
            r#"{"port":"80"}"#,
            r#"{"ttl":-1}"#,
            r#"{"ttl":4294967296}"#,
            r#"{"priority":1.5}"#,
            r#"{"host":"a"} x"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let octets = b"{\"text\":\"\xff\"}";
        assert_eq!(Message::parse(octets).unwrap().text, "\u{fffd}");
    }

    #[test]
    fn hostile_values_are_bounded() {
        let deep = "[".repeat(100_000);
        assert!(parse(&format!("{{\"x\":{deep}")).is_err());
        let long = format!("{{\"text\":\"{}\"}}", "a".repeat(1 << 20));
        assert!(parse(&long).is_err());
    }

    #[test]
    fn hosts_are_addresses_names_or_beside_a_text() {
        let kind = |text| parse(text).unwrap().host_kind();
        let address = Host::Address("192.0.2.1".parse().unwrap());
        assert_eq!(kind(r#"{"host":"192.0.2.1"}"#), address);
        assert_eq!(kind(r#"{"host":"::ffff:192.0.2.1","text":"x"}"#), address);
        assert_eq!(kind(r#"{"host":"a.test"}"#), Host::Name);
        assert_eq!(kind(r#"{"host":"a.test","text":"x"}"#), Host::Text);
    }
}
