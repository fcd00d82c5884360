//! A packet from an upstream: read, edited in place, taken apart and put together again.
#![no_main]

use catena_dns::{Message, QueryMessage, RecordType, Reply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let Ok(mut reply) = Reply::from_packet(packet) else {
        return;
    };
    reply.map_ttls(|record| record.ttl.saturating_sub(1));
    assert!(reply.uncompressed_len() >= reply.records_at());

    // What was accepted can be taken apart, and the parts survive the wire.
    let message = reply
        .clone()
        .edit()
        .expect("accepted, but cannot be taken apart");
    let rebuilt = message.to_reply();
    if rebuilt.header().flags == message.flags {
        let mut copy = Message::decode(rebuilt.packet()).expect("our own packet does not decode");
        copy.edns = message.edns.clone();
        assert_eq!(message, copy);
    }

    // Cut to fit: never longer than allowed, and still a message.
    let asked = Message::query(message.qname.view(), RecordType::A).to_packet();
    let mut scratch = Vec::new();
    let Ok(query) = QueryMessage::admit(&asked, &mut scratch) else {
        panic!("a query of ours is not admitted");
    };
    let own = reply.edns().map_or(0, |edns| edns.options.len());
    reply.finish(&query, 512);
    assert!(
        reply.packet().len() <= 512 + own,
        "longer than the client takes"
    );
    assert!(Message::decode(reply.packet()).is_ok(), "cut in the middle");
});
