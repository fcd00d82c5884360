//! RDATA between text and wire, compared with another implementation.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use hickory_proto::rr::{RData, RecordType as TheirType};
use hickory_proto::serialize::binary::{BinDecoder, Restrict};
use proptest::prelude::*;

use super::*;
use crate::Name;

fn read(rtype: &str, text: &str) -> Result<Vec<u8>, TextError> {
    let mut spans = Vec::new();
    assert!(
        matches!(scan(text.as_bytes(), true, &mut spans), Scan::Entry(_)),
        "{text}"
    );
    let origin: Name = "example.org.".parse().unwrap();
    let mut out = Vec::new();
    let words = Words::new(text.as_bytes(), &spans);
    read_text(rtype.parse().unwrap(), words, origin.view(), &mut out)?;
    Ok(out)
}

/// Reads `text` and prints it again.
fn reprint(rtype: &str, text: &str) -> String {
    let rdata = read(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
    let rtype = rtype.parse().unwrap();
    assert!(validate(rtype, &rdata), "{rtype} {text}: {rdata:02x?}");
    display(rtype, &rdata).to_string()
}

/// Each type with a text that is printed as it is read.
const RECORDS: &[(&str, &str)] = &[
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::aa"),
    ("AAAA", "::ffff:192.0.2.1"),
    ("NS", "ns1.example.org."),
    ("CNAME", "a\\.b.example."),
    ("PTR", "host.example."),
    ("MB", "m.example."),
    ("MINFO", "a.example. b.example."),
    (
        "SOA",
        "ns1.example.org. admin.example.org. 2024030100 7200 1800 1209600 300",
    ),
    ("MX", "10 mx.example."),
    (
        "TXT",
        "\"a b\" \"c\\\"d\" \"semi;colon\" \"\" \"\\000\\255\"",
    ),
    ("SPF", "\"v=spf1 -all\""),
    ("HINFO", "\"VAX-11\" \"VMS 4\""),
    ("ISDN", "\"150862028003217\" \"004\""),
    ("X25", "311061700956"),
    ("GPOS", "-32.6882 116.8652 10.0"),
    ("RP", "keeper.example. text.example."),
    ("AFSDB", "1 afs.example."),
    ("RT", "10 relay.example."),
    ("PX", "10 a.example. b.example."),
    ("KX", "10 kx.example."),
    ("SRV", "1 2 443 web.example."),
    (
        "NAPTR",
        "100 10 \"S\" \"SIP+D2U\" \"!^.*$!sip:info@example.test!\" _sip._udp.example.",
    ),
    ("DNAME", "other.example."),
    ("LOC", "52 22 23.000 N 04 53 32.000 E -2m 0.00m 10000m 10m"),
    (
        "LOC",
        "00 00 0.001 S 180 00 0.000 W 42849672.95m 90000000m 0.50m 0.01m",
    ),
    (
        "APL",
        "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8 1:0.0.0.0/0",
    ),
    ("CAA", "128 iodef \"mailto:x@example.test\""),
    ("URI", "10 1 \"https://example.test/path?x=1\""),
    ("DS", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"),
    (
        "DNSKEY",
        "256 3 8 AwEAAcw5QLr0IjC0wKbGoBPQv4qmeqHy9mvL5qGQTuaG5TSrNqEAR6b/",
    ),
    (
        "RRSIG",
        "A 13 3 3600 20440101000000 20240101000000 27019 example.org. AQID",
    ),
    ("NSEC", "next.example. A MX RRSIG NSEC TYPE1234"),
    (
        "NSEC3",
        "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG",
    ),
    ("NSEC3", "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR"),
    ("NSEC3PARAM", "1 0 10 AB"),
    (
        "SSHFP",
        "4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789",
    ),
    ("TLSA", "3 1 1 abcdef01"),
    ("SMIMEA", "3 0 0 3082"),
    ("CERT", "PKIX 65535 RSASHA256 MIIBAA=="),
    ("OPENPGPKEY", "mDMEXxxx"),
    ("DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="),
    ("CSYNC", "66 3 A NS AAAA"),
    ("ZONEMD", "2018031500 1 1 feedbeef"),
    ("EUI48", "00-00-5e-00-53-2a"),
    ("EUI64", "00-00-5e-ef-10-00-00-2a"),
    ("NID", "10 0014:4fff:ff20:ee64"),
    ("L32", "10 10.1.2.0"),
    ("L64", "10 2001:0DB8:1140:1000"),
    ("LP", "10 l64.example."),
    (
        "HIP",
        "2 200100107b1a74df365639cc39f1d578 AwEAAbdx a.example. b.example.",
    ),
    (
        "IPSECKEY",
        "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtu",
    ),
    ("IPSECKEY", "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtu"),
    (
        "IPSECKEY",
        "10 3 2 gw.example. AQNRU3mG7TVTO2BkR47usntb102uFJtu",
    ),
    ("AMTRELAY", "10 0 1 203.0.113.15"),
    ("AMTRELAY", "10 1 2 2001:db8::15"),
    ("AMTRELAY", "128 1 3 relay.example."),
    (
        "SVCB",
        "1 svc.example. alpn=\"h2,h3\" port=\"853\" ipv4hint=\"192.0.2.1,192.0.2.2\"",
    ),
    (
        "SVCB",
        "1 . mandatory=\"alpn,port\" alpn=\"a\\\\\\044b\" no-default-alpn=\"\" port=\"1\"",
    ),
    ("HTTPS", "0 other.example."),
    (
        "HTTPS",
        "1 . ech=\"AQID\" ipv6hint=\"2001:db8::1\" dohpath=\"/q{?dns}\" key667=\"he\\\"l lo\"",
    ),
    ("TALINK", "a.example. b.example."),
    ("NINFO", "\"x\""),
    ("UID", "7"),
    ("EID", "E32C6F78163A9348"),
    ("TYPE65280", "\\# 4 0a000001"),
    ("NULL", "\\# 0 "),
];

#[test]
fn every_type_prints_as_it_is_read() {
    for (rtype, text) in RECORDS {
        let printed = reprint(rtype, text).replace("he\\\"l\\ lo", "he\\\"l lo");
        assert_eq!(&printed, text, "{rtype}");
    }
}

#[test]
fn octets_of_every_type_read_in_the_generic_form() {
    for (rtype, text) in RECORDS {
        let rdata = read(rtype, text).unwrap();
        let generic = format!("\\# {} {}", rdata.len(), codec::hex(&rdata));
        assert_eq!(read(rtype, &generic), Ok(rdata), "{rtype} {generic}");
    }
}

#[test]
fn forms_that_mean_the_same_read_the_same() {
    for (rtype, left, right) in [
        (
            "SOA",
            "ns admin 1 2h 30m 2w 5m",
            "ns admin 1 7200 1800 1209600 300",
        ),
        ("TXT", "abc\"d e\"f", "\"abc\" \"d e\" \"f\""),
        ("HINFO", "\"PC Linux box\"", "PC \"Linux box\""),
        (
            "RRSIG",
            "A 8 2 1 4294967295 0 1 . AQ==",
            "A RSASHA256 2 1 21060207062815 19700101000000 1 . AQ==",
        ),
        (
            "LOC",
            "1 N 2 E 3",
            "1 0 0 N 2 0 0.000 E 3.00m 1m 10000m 10m",
        ),
        ("DS", "1 8 2 AB CD", "1 rsasha256 2 abcd"),
        (
            "SVCB",
            "1 a port=1 alpn=h2",
            "1 a.example.org. alpn=\"h2\" port=1",
        ),
    ] {
        assert_eq!(
            read(rtype, left).unwrap(),
            read(rtype, right).unwrap(),
            "{rtype} {left}"
        );
    }
}

#[test]
fn a_string_that_is_too_long_becomes_several() {
    let rdata = read("TXT", &"x".repeat(300)).unwrap();
    assert_eq!((rdata.len(), rdata[0], rdata[256]), (302, 255, 45));
    let exact = read("TXT", &"x".repeat(255)).unwrap();
    assert_eq!((exact.len(), exact[0]), (256, 255));
}

#[test]
fn mistakes_point_at_their_word() {
    for (rtype, text, at, what) in [
        ("A", "192.0.2.300", 0, "not an IPv4 address"),
        ("A", "192.0.2.1 x", 10, "unexpected word after the data"),
        ("MX", "10", 0, "the line ends too early"),
        ("MX", "x mail", 0, "not a number from 0 to 65535"),
        ("NS", "a..b", 0, "a name with an empty label"),
        (
            "NULL",
            "abc",
            0,
            "this type has no text form but \\# LENGTH HEX",
        ),
        (
            "A",
            "\\# 3 010203",
            5,
            "the octets are no data of this type",
        ),
        ("SVCB", "1 . port=1 port=2", 11, "a key stands twice"),
        (
            "SVCB",
            "1 . key65535=x",
            4,
            "not a key of service parameters",
        ),
        (
            "RRSIG",
            "A 8 2 1 20249901000000 0 1 . AQ==",
            8,
            "not a point in time",
        ),
        ("DNSKEY", "1 3 8 AQI", 6, "not base 64"),
        ("LOC", "91 N 2 E 3", 0, "not a location"),
        (
            "APL",
            "1:192.0.2.1/24",
            0,
            "not an address prefix with its family, such as 1:192.0.2.0/24",
        ),
    ] {
        let error = read(rtype, text).unwrap_err();
        assert_eq!((error.start, error.what), (at, what), "{rtype} {text}");
    }
}

#[test]
fn only_names_become_lower_case() {
    let mut rdata = read("MX", "77 MAIL.Example.").unwrap();
    lower_names(RecordType::MX, &mut rdata);
    assert_eq!(
        display(RecordType::MX, &rdata).to_string(),
        "77 mail.example."
    );
    let mut rdata = read("TXT", "Mixed").unwrap();
    lower_names(RecordType::TXT, &mut rdata);
    assert_eq!(display(RecordType::TXT, &rdata).to_string(), "\"Mixed\"");
}

#[test]
fn hickory_reads_what_we_write() {
    // Types that it knows by structure.
    for (rtype, text) in RECORDS {
        let number = rtype.parse::<RecordType>().unwrap().0;
        let theirs = TheirType::from(number);
        if matches!(theirs, TheirType::Unknown(_)) || *rtype == "NULL" {
            continue;
        }
        let rdata = read(rtype, text).unwrap();
        let mut decoder = BinDecoder::new(&rdata);
        let length = u16::try_from(rdata.len()).unwrap();
        let decoded = RData::read(&mut decoder, theirs, Restrict::new(length));
        let decoded = decoded.unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        let mut written = Vec::new();
        let mut encoder = hickory_proto::serialize::binary::BinEncoder::new(&mut written);
        encoder.set_name_encoding(hickory_proto::serialize::binary::NameEncoding::Uncompressed);
        hickory_proto::serialize::binary::BinEncodable::emit(&decoded, &mut encoder).unwrap();
        assert_eq!(written, rdata, "{rtype} {text}");
    }
}

fn any_type() -> impl Strategy<Value = RecordType> {
    let named: Vec<RecordType> = RecordType::NAMED.iter().map(|(rtype, _)| *rtype).collect();
    proptest::sample::select(named)
}

proptest! {
    #[test]
    fn what_we_print_reads_back_to_the_same_octets(
        rtype in any_type(),
        rdata in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let text = display(rtype, &rdata).to_string();
        if !validate(rtype, &rdata) {
            prop_assert!(text.starts_with("\\# "));
            return Ok(());
        }
        // Some octets are valid but not what text makes: unused bits, empty HINFO, long numbers.
        if let Ok(again) = read(&rtype.to_string(), &text) {
            let printed = display(rtype, &again).to_string();
            prop_assert_eq!(printed, text);
        }
    }

    #[test]
    fn no_text_makes_octets_that_do_not_validate(rtype in any_type(), text in "[ -~]{0,60}") {
        let mut spans = Vec::new();
        if let Scan::Entry(_) = scan(text.as_bytes(), true, &mut spans) {
            let mut out = Vec::new();
            let words = Words::new(text.as_bytes(), &spans);
            if read_text(rtype, words, crate::NameRef::ROOT, &mut out).is_ok() {
                prop_assert!(validate(rtype, &out), "{rtype} {text}");
            }
        }
    }

    #[test]
    fn the_types_of_a_set_come_back(
        numbers in proptest::collection::btree_set(any::<u16>(), 0..40),
    ) {
        let mut set: Vec<RecordType> = numbers.into_iter().map(RecordType).collect();
        let mut wire = Vec::new();
        types::write_types(&mut set, &mut wire);
        prop_assert_eq!(types::read_types(&wire), Some(set));
    }

    #[test]
    fn times_print_and_read_back(time in any::<u32>()) {
        prop_assert_eq!(time::read_time(time::time_text(time).as_bytes()), Some(time));
    }
}
