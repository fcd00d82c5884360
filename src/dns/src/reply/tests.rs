//! Tests of replies.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{MESSAGE_MAX, RecordRef, Reply};
use crate::{Class, Message, Name, QueryMessage, Rcode, RecordType, Section, flag};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn query_packet(qname: &str, udp_size: Option<u16>) -> Vec<u8> {
    let mut message = Message::query(name(qname).view(), RecordType::A);
    message.id = 0x1234;
    message.edns = udp_size.map(|udp_size| crate::ReplyEdns {
        udp_size,
        ..Default::default()
    });
    message.to_packet()
}

fn address<'a>(owner: &'a Name, rdata: &'a [u8; 4]) -> RecordRef<'a> {
    RecordRef {
        name: owner.view(),
        rtype: RecordType::A,
        class: Class::IN,
        ttl: 60,
        rdata,
    }
}

#[test]
fn owner_equal_to_the_question_is_a_pointer_when_names_are_compressed() {
    let packet = query_packet("www.Example.org", None);
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
    assert_eq!(query.name().to_string(), "www.example.org.");
    let mut reply = Reply::to(&query);
    assert!(reply.push(
        Section::Answer,
        address(&name("www.Example.org"), &[192, 0, 2, 1])
    ));
    assert_eq!(reply.packet().len(), packet.len() + 17 + 14);
    assert!(reply.compress());
    assert_eq!(reply.packet().len(), packet.len() + 16);
    let decoded = hickory_proto::op::Message::from_vec(reply.packet()).unwrap();
    assert_eq!(decoded.answers.len(), 1);
    assert_eq!(decoded.answers[0].name.to_string(), "www.Example.org.");
}

#[test]
fn a_record_that_must_not_be_missed_sets_tc_where_it_does_not_fit() {
    let packet = query_packet("www.example.org", None);
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
    let mut reply = Reply::authoritative(&query);
    let owner = (query.name(), 60);
    assert!(reply.push_address(Section::Answer, owner, "192.0.2.1".parse().unwrap()));
    assert!(reply.push_address(Section::Answer, owner, "2001:db8::1".parse().unwrap()));
    let types: Vec<RecordType> = reply.records().map(|record| record.rtype).collect();
    assert_eq!(types, [RecordType::A, RecordType::AAAA]);
    assert!(reply.header().has(flag::AA));

    let rdata = vec![0; MESSAGE_MAX];
    let record = RecordRef::new(query.name(), (RecordType::TXT, 60), &rdata);
    assert!(!reply.push(Section::Additional, record));
    assert!(!reply.header().has(flag::TC));
    assert!(!reply.push_or_tc(Section::Answer, record));
    assert!(reply.header().has(flag::TC));
    assert_eq!(reply.records().count(), 2);
}

#[test]
fn reply_without_room_is_cut_at_a_record_and_says_so() {
    let packet = query_packet("www.example.org", None);
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
    let mut reply = Reply::to(&query);
    for last in 0..100 {
        reply.push(
            Section::Answer,
            address(&name("www.example.org"), &[192, 0, 2, last]),
        );
    }
    reply.finish(&query, query.udp_limit());
    assert_eq!(reply.packet().len(), 33 + 29 * 16);
    assert_eq!(reply.count(Section::Answer), 29);
    assert!(reply.header().has(crate::flag::TC));
}

#[test]
fn names_are_compressed_when_the_reply_would_be_a_fragment_or_too_long() {
    let lengths = |records: u8, limit: usize| {
        let packet = query_packet("www.example.org", None);
        let mut scratch = Vec::new();
        let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
        let mut reply = Reply::to(&query);
        for last in 0..records {
            let owner = name("www.example.org");
            assert!(reply.push(Section::Answer, address(&owner, &[192, 0, 2, last])));
        }
        reply.finish(&query, limit);
        reply.packet().len() - 33
    };
    assert_eq!(lengths(10, 512), 10 * 31);
    assert_eq!(lengths(20, 512), 20 * 16, "too long in full");
    assert_eq!(lengths(40, 4096), 40 * 16, "a fragment in full");
    assert_eq!(lengths(40, 65_535), 40 * 31, "no datagram");
}

#[test]
fn reply_that_is_too_long_in_full_goes_on_compressed() {
    let packet = query_packet("www.example.org", None);
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
    let mut reply = Reply::to(&query);
    let owner = name("www.example.org");
    let taken = (0..5000).take_while(|_| reply.push(Section::Answer, address(&owner, &[0; 4])));
    assert_eq!(taken.count(), (65_535 - 33) / 16);
}

#[test]
fn opt_of_the_client_is_given_back() {
    let packet = query_packet("www.example.org", Some(1232));
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
    let mut reply = Reply::error(&query, Rcode::NXDOMAIN);
    reply.finish(&query, 1232);
    let decoded = hickory_proto::op::Message::from_vec(reply.packet()).unwrap();
    assert_eq!(decoded.edns.unwrap().max_payload(), 1232);
}

#[test]
fn packet_with_opt_in_the_middle_keeps_its_records() {
    let mut message = Message::query(name("a.example").view(), RecordType::MX);
    message.flags |= crate::flag::QR;
    let record = |owner: &str, rtype, rdata: Vec<u8>| crate::Record {
        name: name(owner),
        rtype,
        class: Class::IN,
        ttl: 5,
        rdata: rdata.into(),
    };
    let exchange = [&[0, 10][..], name("mail.a.example").wire()].concat();
    message
        .answers
        .push(record("a.example", RecordType::MX, exchange));
    let mut packet = message.to_packet();
    packet.extend_from_slice(&[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend_from_slice(&[0xc0, 50, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]);
    packet[11] = 2;
    let reply = Reply::from_packet(&packet).unwrap();
    assert_eq!(reply.edns().unwrap().udp_size, 4096);
    let again = reply.edit().unwrap();
    assert_eq!(again.answers, message.answers);
    assert_eq!(again.additionals[0].name, name("mail.a.example"));
    assert_eq!(again.additionals[0].ttl, 9);
}

#[test]
fn ttls_and_question_are_patched_in_place() {
    let packet = query_packet("WWW.example.org", None);
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
    let mut stored = Reply::to(&query);
    stored.push(
        Section::Answer,
        address(&name("www.example.org"), &[192, 0, 2, 1]),
    );
    let other = query_packet("www.EXAMPLE.org", None);
    let mut scratch = Vec::new();
    let other = QueryMessage::admit(&other, &mut scratch).unwrap();
    let mut reply = Reply::copy_of(stored.packet());
    reply.readdress(&other);
    reply.map_ttls(|record| record.ttl - 10);
    assert_eq!(reply.records().next().unwrap().ttl, 50);
    assert_eq!(reply.edit().unwrap().qname.to_string(), "www.EXAMPLE.org.");
}

#[test]
fn names_that_read_from_octets_that_change_are_refused() {
    // id, flags, counts; the question `a.`; an A record whose owner is given.
    let with_owner = |owner: [u8; 2]| {
        let mut packet = vec![
            1, b'x', 0x81, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1,
        ];
        packet.extend_from_slice(&owner);
        packet.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
        Reply::from_packet(&packet)
    };
    assert!(with_owner([0xc0, 12]).is_ok());
    assert!(with_owner([0xc0, 8]).is_err(), "a name in the header");
    assert!(with_owner([0xc0, 25]).is_err(), "a name in the TTL");
    assert!(with_owner([0xc0, 200]).is_err(), "a name beyond the end");
}

#[test]
fn address_of_the_wrong_length_is_refused() {
    let mut packet = vec![0, 1, 0x81, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1];
    packet.extend_from_slice(&[0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 3, 192, 0, 2]);
    assert!(Reply::from_packet(&packet).is_err());
}

#[test]
fn names_are_found_again_however_many_there_are() {
    let packet = query_packet("example.org", None);
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(&packet, &mut scratch).unwrap();
    let mut reply = Reply::to(&query).compressing();
    let names: Vec<Name> = (0..400)
        .map(|number| name(&format!("mail{number}.rack{}.example.org.", number % 7)))
        .collect();
    let mut lengths = Vec::new();
    for target in names.iter().chain(&names) {
        let rdata = [&[0, 1], target.wire()].concat();
        let before = reply.packet().len();
        let record = RecordRef {
            name: query.name(),
            rtype: RecordType::MX,
            class: Class::IN,
            ttl: 60,
            rdata: &rdata,
        };
        assert!(reply.push(Section::Answer, record));
        lengths.push(reply.packet().len() - before);
    }
    // Owner and target are pointers each the second time.
    assert!(
        lengths[400..]
            .iter()
            .all(|length| *length == 2 + 10 + 2 + 2)
    );
    let message = reply.edit().unwrap();
    let targets = message.answers.iter().map(|record| &record.rdata[2..]);
    assert!(targets.eq(names.iter().chain(&names).map(|name| name.wire())));
}
