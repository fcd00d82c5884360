//! Tests of server block keys.

#![expect(clippy::unwrap_used, reason = "tests")]

use catena_corefile::{Diagnostics, MemoryEnvironment, Sources, Span, Token, parse};

use super::{Claim, Key, find_overlaps};

fn key(text: &str) -> Result<Key, String> {
    let token = Token {
        text: text.to_owned(),
        span: Span::default(),
        quoted: false,
    };
    Key::parse(&token).map_err(|error| error.message)
}

/// `scheme zone,zone port`, or the error.
fn show(text: &str) -> String {
    match key(text) {
        Err(message) => message,
        Ok(key) => {
            let zones: Vec<_> = key.zones.iter().map(ToString::to_string).collect();
            let port = key.port.map_or("-".to_owned(), |port| port.to_string());
            format!("{} {} {port}", key.scheme, zones.join(","))
        }
    }
}

#[test]
fn keys_have_scheme_zone_and_port() {
    assert_eq!(show("."), "dns . -");
    assert_eq!(show("EXAMPLE.Org:1053"), "dns example.org. 1053");
    assert_eq!(show("dns://.:53"), "dns . 53");
    assert_eq!(show("tls://example.org"), "tls example.org. -");
    assert_eq!(show("https3://lab.test:+8443"), "https3 lab.test. 8443");
    assert_eq!(show("a\\.b.test:0"), "dns a\\.b.test. 0");
    assert_eq!(key("quic://a").unwrap().port_or_default(53), 853);
    assert_eq!(key("grpc://a").unwrap().port_or_default(53), 443);
    assert_eq!(key("a").unwrap().port_or_default(1053), 1053);
}

#[test]
fn networks_become_reverse_zones() {
    assert_eq!(show("10.0.0.0/8:53"), "dns 10.in-addr.arpa. 53");
    assert_eq!(
        show("10.9.8.7/15"),
        "dns 8.10.in-addr.arpa.,9.10.in-addr.arpa. -"
    );
    assert_eq!(show("2001:db8::/32"), "dns 8.b.d.0.1.0.0.2.ip6.arpa. -");
    assert_eq!(key("10.0.0.0/1").unwrap().zones.len(), 128);
}

#[test]
fn what_is_not_understood_is_a_name() {
    assert_eq!(show("a,b"), "dns a,b. -");
    assert_eq!(show("http://z"), "dns http://z. -");
    assert_eq!(show("DNS://z:53"), "dns dns://z. 53");
    assert_eq!(show("dns://dns://z:53"), "dns dns://z. 53");
    assert_eq!(show("z:dns"), "dns z:dns. -");
    assert_eq!(show("z:1:2"), "dns z:1. 2");
    assert_eq!(show("[::1]:53"), "dns [::1]. 53");
    assert_eq!(show("::1"), "dns :. 1");
    assert_eq!(show("10.0.0.0/33"), "dns 10.0.0.0/33. -");
    assert_eq!(show("@"), "dns \\@. -");
    assert_eq!(
        show("z:99999999999999999999"),
        "dns z:99999999999999999999. -"
    );
}

#[test]
fn broken_keys_are_refused_in_the_words_of_coredns() {
    let colon = "expecting data after last colon: ";
    assert_eq!(show(""), format!("{colon}\"\""));
    assert_eq!(show("a:"), format!("{colon}\"a:\""));
    assert_eq!(show("dns://"), format!("{colon}\"\""));
    let zone = "zone is not a valid domain name: ";
    assert_eq!(show(":53"), zone);
    assert_eq!(show("tls://:853"), zone);
    assert_eq!(show(".."), format!("{zone}.."));
    assert_eq!(show(".a:53"), format!("{zone}.a"));
    assert_eq!(show("sp\\"), format!("{zone}sp\\"));
    assert_eq!(show("::/0"), "invalid CIDR ::/0");
    assert_eq!(show("0::/8"), "invalid CIDR 0::/8");
    assert_eq!(show("a:-1"), "address -1: invalid port");
    assert_eq!(show("a:65536"), "address 65536: invalid port");
    assert!(key(&format!("{}.a", "x".repeat(64))).is_err());
}

/// Blocks of `bind` addresses (or none), a view or not, and keys; shows the mistakes.
fn overlaps(blocks: &[(&[&str], bool, &str)]) -> String {
    let text: String = blocks
        .iter()
        .map(|(_, _, keys)| format!("{keys} {{\n}}\n"))
        .collect();
    let corefile = parse("Corefile", &text, &MemoryEnvironment::default()).unwrap();
    let owned: Vec<(Vec<Key>, Vec<String>)> = corefile
        .blocks
        .iter()
        .zip(blocks)
        .map(|(block, (hosts, ..))| {
            let keys = block.keys.iter().map(|key| Key::parse(key).unwrap());
            (
                keys.collect(),
                hosts.iter().map(ToString::to_string).collect(),
            )
        })
        .collect();
    let claims = owned
        .iter()
        .zip(blocks)
        .map(|((keys, hosts), block)| Claim {
            keys,
            hosts: (!hosts.is_empty()).then_some(hosts),
            filtered: block.1,
        });
    let claims: Vec<_> = claims.collect();
    let found = find_overlaps(&claims, 53, &Sources::default());
    let found = Diagnostics::new(Sources::default(), found);
    let messages = found.items().iter().map(|item| item.message.clone());
    messages.collect::<Vec<_>>().join("; ")
}

#[test]
fn same_zone_and_port_twice_is_refused() {
    let twice = overlaps(&[(&[], false, "a"), (&[], false, "b A.:53")]);
    assert_eq!(twice, "cannot serve dns://a.:53 - it is already defined");
    let network = overlaps(&[(&[], false, "10.0.0.0/23 10.0.1.0/24")]);
    assert_eq!(
        network,
        "cannot serve dns://1.0.10.in-addr.arpa.:53 - it is already defined"
    );
    let other = overlaps(&[(&[], false, "a a:54 tls://a:53"), (&[], false, "x.a")]);
    assert_eq!(other, "");
}

#[test]
fn bound_and_unbound_blocks_exclude_each_other_for_one_zone() {
    let (one, two): (&[&str], &[&str]) = (&["127.0.0.1"], &["127.0.0.2"]);
    assert_eq!(overlaps(&[(one, false, "a"), (two, false, "a")]), "");
    assert_eq!(overlaps(&[(one, false, "a"), (&[], false, "b")]), "");
    assert_eq!(
        overlaps(&[(one, false, "a"), (one, false, "a")]),
        "cannot serve dns://a.:53 on 127.0.0.1 - it is already defined"
    );
    assert_eq!(
        overlaps(&[(&[], false, "a"), (one, false, "a")]),
        "cannot serve dns://a.:53 on 127.0.0.1 - zone overlap listener capacity with dns://a.:53"
    );
    assert_eq!(
        overlaps(&[(one, false, "a"), (&[], false, "a")]),
        "cannot serve dns://a.:53 - zone overlap listener capacity with dns://a.:53 on 127.0.0.1"
    );
}

#[test]
fn view_may_share_a_zone() {
    assert_eq!(
        overlaps(&[
            (&[], true, "a"),
            (&[], true, "a"),
            (&[], false, "a"),
            (&[], true, "a")
        ]),
        ""
    );
}
