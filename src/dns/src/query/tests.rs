//! Updates at the gate, and what is wrong with some.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// An update of `test.` that adds one address and deletes all others.
fn update() -> Vec<u8> {
    let mut packet = vec![0, 7, 0x28, 0, 0, 1, 0, 0, 0, 2, 0, 0];
    packet.extend(b"\x04test\0\0\x06\0\x01");
    packet.extend(b"\x01a\xc0\x0c\0\x01\0\xff\0\0\0\0\0\0");
    packet.extend(b"\x01a\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
    packet
}

fn admit(packet: &[u8]) -> Result<usize, Reject> {
    let mut scratch = Vec::new();
    let message = QueryMessage::admit_with_updates(packet, &mut scratch)?;
    Ok(message.records().filter(Result::is_ok).count())
}

#[test]
fn an_update_comes_in_where_updates_do_and_nowhere_else() {
    let mut scratch = Vec::new();
    let message = QueryMessage::admit(&update(), &mut scratch).err();
    assert_eq!(message, Some(Reject::Header(Rcode::NOTIMP)));
    let (packet, mut scratch) = (update(), Vec::new());
    let message = QueryMessage::admit_with_updates(&packet, &mut scratch).unwrap();
    assert_eq!(message.opcode(), Opcode::UPDATE);
    let records: Vec<_> = message.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].class, Class::ANY);
    let added = records[1].to_record(message.packet()).unwrap();
    assert_eq!(added.name.to_string(), "a.test.");
    assert!(records.iter().all(|one| one.section == Section::Authority));
}

#[test]
fn an_update_that_is_not_whole_is_refused() {
    let refused = Err(Reject::Question(Rcode::FORMERR));
    let whole = update();
    for length in 22..whole.len() {
        assert_eq!(admit(&whole[..length]), refused, "{length} octets");
    }
    let mut more = whole.clone();
    more.push(0);
    assert_eq!(admit(&more), refused);
    let mut counts = whole.clone();
    counts[9] = 3;
    assert_eq!(admit(&counts), refused);
    let mut zones = whole.clone();
    zones[5] = 2;
    assert_eq!(admit(&zones), Err(Reject::Header(Rcode::FORMERR)));
    let mut rdata = whole.clone();
    let at = rdata.len() - 5;
    rdata[at] = 3;
    rdata.pop();
    assert_eq!(admit(&rdata), refused);
    assert_eq!(admit(&whole), Ok(2));
}

#[test]
fn a_record_whose_owner_cannot_be_read_is_refused() {
    let mut packet = update();
    // Where the owner of the first record points to.
    assert_eq!(packet[25], 12);
    packet[25] = 255;
    assert_eq!(admit(&packet), Err(Reject::Question(Rcode::FORMERR)));
}

#[test]
fn other_opcodes_and_responses_stay_out() {
    for opcode in [1u8, 2, 3, 6, 15] {
        let mut packet = update();
        packet[2] = opcode << 3;
        assert_eq!(admit(&packet), Err(Reject::Header(Rcode::NOTIMP)));
    }
    let mut response = update();
    response[2] |= 0x80;
    assert_eq!(admit(&response), Err(Reject::Ignore));
}
