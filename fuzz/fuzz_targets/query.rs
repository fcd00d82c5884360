//! A packet from a client: admitted or rejected, and answered within the size it allows.
#![no_main]

use catena_dns::tsig::{Keys, Signed};
use catena_dns::{Message, QueryMessage, Rcode, Reply, rejection};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    read_all(packet);
    let mut scratch = Vec::new();
    let query = match QueryMessage::admit(packet, &mut scratch) {
        Ok(query) => query,
        Err(reject) => {
            if let Some(answer) = rejection(packet, reject) {
                assert_eq!(packet[..2], answer[..2], "another id");
                assert!(answer[2] & 0x80 != 0, "not a response");
                assert!(answer.len() <= packet.len().max(12), "amplifies");
            }
            return;
        }
    };

    // What was admitted is admitted again, as the same question.
    let mut again = Vec::new();
    let Ok(copy) = QueryMessage::admit(query.packet(), &mut again) else {
        panic!("admitted once, then not");
    };
    assert_eq!(copy.name(), query.name());
    assert_eq!(copy.qtype(), query.qtype());
    assert_eq!(copy.question(), query.question());

    let limit = query.udp_limit();
    let mut reply = Reply::error(&query, Rcode::REFUSED);
    reply.finish(&query, limit);
    assert!(
        reply.packet().len() <= limit,
        "longer than the client takes"
    );
    assert_eq!(reply.header().id, query.header().id);

    let asked_again = Message::from_query(&query).to_packet();
    assert!(
        Message::decode(&asked_again).is_ok(),
        "a query of ours does not decode"
    );
});

/// Reads all that an update or a signed query holds.
fn read_all(packet: &[u8]) {
    let mut scratch = Vec::new();
    let Ok(message) = QueryMessage::admit_with_updates(packet, &mut scratch) else {
        return;
    };
    for record in message.records() {
        let record = record.expect("records were checked");
        // Signatures are read for themselves.
        if Some(record.start) != message.tsig_at() {
            record.to_record(message.packet()).expect("RDATA was checked");
        }
    }
    if let Some(at) = message.tsig_at() {
        let _ = Signed::check(message.packet(), at, &Keys::default(), 0);
        let bare = message.without_tsig().expect("it is signed");
        let mut again = Vec::new();
        // A name may have pointed at the count that is another now; else it is admitted.
        if let Ok(bare) = QueryMessage::admit_with_updates(&bare, &mut again) {
            assert!(bare.tsig_at().is_none());
        }
    }
}
