//! How a set of records stands in etcd: as SkyDNS messages, or in a form of our own.
//!
//! All keys that are written here begin with `_c-` below the name's own key, so that sets of one
//! name lie side by side and no name below is among them. SkyDNS messages have a `targetstrip`
//! of 1, as external-dns has it: they are of the name above. Sets that SkyDNS cannot say are one
//! key with all their data; without `host` and `text` SkyDNS's readers pass over it.

use std::net::IpAddr;

use catena_dns::{Name, NameRef, RecordType};
use catena_etcd::skydns::{Host, Message, Prefix};
use catena_records::{RecordSet, SetKey};
use serde::{Deserialize, Serialize};

/// What the keys of a name's own sets begin with, below the name's key.
pub(super) const OWN: &str = "_c-";
/// The TTL, priority and weight of messages that give none.
const TTL: u32 = 300;
const PRIORITY: u16 = 10;
const WEIGHT: u16 = 100;
/// Octets of a text that stays one string.
const TEXT_MAX: usize = 254;

/// What a key holds of a set: all of it, or one of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub set: SetKey,
    pub ttl: u32,
    pub data: Vec<Box<[u8]>>,
}

/// The form of our own.
#[derive(Serialize, Deserialize)]
struct OwnForm {
    ttl: u32,
    /// Data in hexadecimal digits.
    rdata: Vec<String>,
}

/// Reads a key; `None` if it holds no records.
pub(super) fn read(prefix: &Prefix, key: &str, value: &[u8]) -> Option<Part> {
    let name = prefix.name(key)?;
    let last = key.rsplit('/').next()?;
    if let Some(part) = last
        .strip_prefix(OWN)
        .and_then(|rtype| read_own(name.view(), rtype, value))
    {
        return Some(part);
    }
    let message = Message::parse(value).ok()?;
    // Ours are of the name above, whatever they say.
    let strip = match last.starts_with(OWN) {
        true => 1,
        false => usize::try_from(message.targetstrip).unwrap_or(0),
    };
    let owner = name.view().ancestors().nth(strip)?.to_lower();
    let (rtype, rdata) = read_message(owner.view(), &message)?;
    let ttl = if message.ttl == 0 { TTL } else { message.ttl };
    let set = RecordSet::new(rtype, ttl, vec![rdata.into()])?;
    Some(Part {
        set: SetKey { name: owner, rtype },
        ttl,
        data: set.data,
    })
}

fn read_own(name: NameRef<'_>, rtype: &str, value: &[u8]) -> Option<Part> {
    let rtype: RecordType = rtype.parse().ok()?;
    let form: OwnForm = serde_json::from_slice(value).ok()?;
    let data: Option<Vec<Box<[u8]>>> = form.rdata.iter().map(|hex| from_hex(hex)).collect();
    let set = RecordSet::new(rtype, form.ttl, data?)?;
    Some(Part {
        set: SetKey::new(name.parent()?, rtype),
        ttl: form.ttl,
        data: set.data,
    })
}

/// The record that a message is; what else it could be for SkyDNS is left out.
fn read_message(owner: NameRef<'_>, message: &Message) -> Option<(RecordType, Vec<u8>)> {
    match message.host_kind() {
        Host::Address(IpAddr::V4(v4)) => return Some((RecordType::A, v4.octets().to_vec())),
        Host::Address(IpAddr::V6(v6)) => return Some((RecordType::AAAA, v6.octets().to_vec())),
        Host::Text => return Some((RecordType::TXT, text_rdata(&message.text))),
        Host::Name if message.host.is_empty() => return None,
        Host::Name => {}
    }
    let target = Name::parse(&message.host, NameRef::ROOT).ok()?;
    let number = |number: i64, usual: u16| match u16::try_from(number).ok()? {
        0 => Some(usual),
        number => Some(number),
    };
    let priority = number(message.priority, PRIORITY)?;
    let mut rdata = Vec::new();
    let rtype = if message.mail {
        rdata.extend_from_slice(&priority.to_be_bytes());
        RecordType::MX
    } else if message.port > 0 {
        let port = u16::try_from(message.port).ok()?;
        for number in [priority, number(message.weight, WEIGHT)?, port] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        RecordType::SRV
    } else if is_reverse(owner) {
        RecordType::PTR
    } else {
        RecordType::CNAME
    };
    rdata.extend_from_slice(target.wire());
    Some((rtype, rdata))
}

fn is_reverse(name: NameRef<'_>) -> bool {
    let wire = name.wire();
    wire.ends_with(b"\x07in-addr\x04arpa\0") || wire.ends_with(b"\x03ip6\x04arpa\0")
}

/// Strings of a TXT record, a backslash standing before an octet as SkyDNS's readers have it.
fn text_rdata(text: &str) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => plain.extend(octets.next()),
            octet => plain.push(octet),
        }
    }
    let mut rdata = Vec::with_capacity(plain.len() + 2);
    for chunk in plain.chunks(255) {
        rdata.push(u8::try_from(chunk.len()).unwrap_or(u8::MAX));
        rdata.extend_from_slice(chunk);
    }
    rdata
}

/// How a set is to be written.
pub(super) enum Form {
    /// One message for each record, in the order of its data.
    Messages(Vec<Vec<u8>>),
    /// One key.
    Whole(Vec<u8>),
}

/// The form of a set: SkyDNS's if that says all of it.
pub(super) fn write(key: &SetKey, set: &RecordSet) -> Form {
    let is_sayable = set.ttl != 0 && (key.rtype != RecordType::PTR || set.data.len() == 1);
    let messages = set.data.iter().map(|rdata| message(key, set.ttl, rdata));
    match messages.collect::<Option<Vec<_>>>() {
        Some(messages) if is_sayable => Form::Messages(messages),
        _ => Form::Whole(whole(set)),
    }
}

fn whole(set: &RecordSet) -> Vec<u8> {
    let form = OwnForm {
        ttl: set.ttl,
        rdata: set.data.iter().map(|rdata| to_hex(rdata)).collect(),
    };
    // Numbers and strings: nothing in it can fail.
    serde_json::to_vec(&form).unwrap_or_default()
}

/// The message that says a record; `None` if none does.
fn message(key: &SetKey, ttl: u32, rdata: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message {
        ttl,
        ..Message::default()
    };
    match key.rtype {
        RecordType::A => {
            let octets: [u8; 4] = rdata.try_into().ok()?;
            message.host = IpAddr::from(octets).to_string();
            message.targetstrip = 1;
        }
        RecordType::AAAA => {
            let octets: [u8; 16] = rdata.try_into().ok()?;
            let address = IpAddr::from(octets);
            // A mapped IPv4 address would be read as an A record.
            (address == address.to_canonical()).then_some(())?;
            message.host = address.to_string();
            message.targetstrip = 1;
        }
        // In a reverse zone a message with a name is a PTR record.
        RecordType::CNAME if !is_reverse(key.name.view()) => message.host = name_text(rdata)?,
        // It stands at the name's own key, where SkyDNS looks for it.
        RecordType::PTR if is_reverse(key.name.view()) => message.host = name_text(rdata)?,
        RecordType::SRV => {
            let (numbers, target) = rdata.split_first_chunk::<6>()?;
            let [a, b, c, d, e, f] = *numbers;
            let numbers = [[a, b], [c, d], [e, f]].map(u16::from_be_bytes);
            // SkyDNS takes 0 for a number that is not given.
            (!numbers.contains(&0)).then_some(())?;
            [message.priority, message.weight, message.port] = numbers.map(i64::from);
            message.host = name_text(target)?;
        }
        RecordType::TXT => message.text = text(rdata)?,
        _ => return None,
    }
    Some(message.to_value())
}

fn name_text(wire: &[u8]) -> Option<String> {
    let name = NameRef::from_wire(wire).ok()?;
    // An address as a name would be read as an address.
    let text = name.to_string();
    let is_address = text.trim_end_matches('.').parse::<IpAddr>().is_ok();
    (!is_address && !name.is_root()).then_some(text)
}

/// The text of a TXT record that is one string.
fn text(rdata: &[u8]) -> Option<String> {
    let (length, text) = rdata.split_first()?;
    let is_one = usize::from(*length) == text.len();
    let is_plain = text.len() <= TEXT_MAX && !text.is_empty() && !text.contains(&b'\\');
    (is_one && is_plain).then_some(())?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

fn to_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Box<[u8]>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let octets = pairs.iter().map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    octets.collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use catena_dns::{Name, NameRef, RecordType};
    use catena_etcd::skydns::Prefix;
    use catena_records::{RecordSet, SetKey};

    use super::{Form, read, write};

    fn round(name: &str, rtype: RecordType, ttl: u32, data: &[&[u8]]) -> &'static str {
        let name = Name::parse(name, NameRef::ROOT).unwrap();
        let key = SetKey::new(name.view(), rtype);
        let data = data.iter().map(|rdata| (*rdata).into()).collect();
        let set = RecordSet::new(rtype, ttl, data).unwrap();
        let prefix = Prefix::default();
        let path = prefix.key(key.name.view()).unwrap();
        match write(&key, &set) {
            Form::Messages(values) => {
                for (value, rdata) in values.iter().zip(&set.data) {
                    let at = match rtype {
                        RecordType::PTR => path.clone(),
                        _ => format!("{path}/_c-x0"),
                    };
                    let part = read(&prefix, &at, value).unwrap();
                    assert_eq!((&part.set, part.ttl), (&key, ttl));
                    assert_eq!(part.data, std::slice::from_ref(rdata));
                }
                "messages"
            }
            Form::Whole(value) => {
                let part = read(&prefix, &format!("{path}/_c-{rtype}"), &value).unwrap();
                assert_eq!((&part.set, part.ttl, &part.data), (&key, ttl, &set.data));
                "whole"
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let target = b"\x01x\x04test\0";
        let srv = |numbers: [u8; 6]| [&numbers[..], target].concat();
        let a: &[&[u8]] = &[&[192, 0, 2, 1], &[192, 0, 2, 2]];
        assert_eq!(round("a.test.", RecordType::A, 60, a), "messages");
        assert_eq!(round("a.test.", RecordType::A, 0, a), "whole");
        let mapped = "::ffff:192.0.2.1".parse::<std::net::Ipv6Addr>().unwrap();
        assert_eq!(
            round("a.test.", RecordType::AAAA, 60, &[&mapped.octets()]),
            "whole"
        );
        assert_eq!(
            round("a.test.", RecordType::AAAA, 60, &[&[1; 16]]),
            "messages"
        );
        assert_eq!(
            round("a.test.", RecordType::CNAME, 60, &[target]),
            "messages"
        );
        assert_eq!(
            round("1.in-addr.arpa.", RecordType::PTR, 60, &[target]),
            "messages"
        );
        assert_eq!(round("a.test.", RecordType::PTR, 60, &[target]), "whole");
        let reverse = round("1.in-addr.arpa.", RecordType::CNAME, 60, &[target]);
        assert_eq!(reverse, "whole");
        assert_eq!(
            round("a.test.", RecordType::SRV, 60, &[&srv([0, 1, 0, 2, 0, 3])]),
            "messages"
        );
        assert_eq!(
            round("a.test.", RecordType::SRV, 60, &[&srv([0, 0, 0, 2, 0, 3])]),
            "whole"
        );
        assert_eq!(
            round("a.test.", RecordType::TXT, 60, &[b"\x05hello"]),
            "messages"
        );
        assert_eq!(
            round("a.test.", RecordType::TXT, 60, &[b"\x01a\x01b"]),
            "whole"
        );
        assert_eq!(
            round("a.test.", RecordType::TXT, 60, &[b"\x02a\\"]),
            "whole"
        );
        assert_eq!(
            round("a.test.", RecordType::MX, 60, &[b"\x00\x0a\x01x\x00"]),
            "whole"
        );
        assert_eq!(
            round("a.test.", RecordType(65_280), 60, &[b"\x00\xff"]),
            "whole"
        );
    }

    #[test]
    fn what_others_write_is_read() {
        let read = |key: &str, value: &str| {
            let part = read(&Prefix::default(), key, value.as_bytes())?;
            Some(format!("{} {} {}", part.set.name, part.ttl, part.set.rtype))
        };
        let external = r#"{"host":"192.0.2.1","targetstrip":1,"owner":"default","ttl":30}"#;
        let found = read("/skydns/test/sky/www/4a1d2c3b", external);
        assert_eq!(found.unwrap(), "www.sky.test. 30 A");
        let found = read("/skydns/test/sky/Www", r#"{"host":"x.test"}"#);
        assert_eq!(found.unwrap(), "www.sky.test. 300 CNAME");
        let found = read("/skydns/test/sky/m", r#"{"host":"x.test","mail":true}"#);
        assert_eq!(found.unwrap(), "m.sky.test. 300 MX");
        let found = read("/skydns/test/sky/t", r#"{"text":"hello"}"#);
        assert_eq!(found.unwrap(), "t.sky.test. 300 TXT");
        for value in [
            "",
            "{}",
            "17",
            r#"{"host":"a..b"}"#,
            r#"{"host":"x","port":70000}"#,
        ] {
            assert_eq!(read("/skydns/test/sky/bad", value), None, "{value}");
        }
        assert_eq!(
            read("/skydns/test/sky/_c-CAA", r#"{"ttl":1,"rdata":["zz"]}"#),
            None
        );
        assert_eq!(
            read("/skydns/test/sky/_c-A", r#"{"ttl":1,"rdata":["00"]}"#),
            None
        );
    }
}
