//! Signatures as both sides make and check them.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{Message, QueryMessage, RecordType, Reply};

const NOW: u64 = 1_700_000_000;

fn key(name: &str, secret: &str) -> Arc<Key> {
    let name: Name = name.parse().unwrap();
    Arc::new(Key::parse(name.view(), secret).unwrap())
}

fn ours() -> Arc<Key> {
    key("Key.one.", "c2VjcmV0LXRlc3Qta2V5LW9uZQ==")
}

fn keys() -> Keys {
    let name: Name = "key.one.".parse().unwrap();
    let mut keys = Keys::default();
    assert!(keys.add(Key::parse(name.view(), "c2VjcmV0LXRlc3Qta2V5LW9uZQ==").unwrap()));
    keys
}

fn query() -> Vec<u8> {
    let name: Name = "h.example.org.".parse().unwrap();
    Message::query(name.view(), RecordType::A).to_packet()
}

fn check(packet: &[u8], now: u64) -> Signed {
    let mut scratch = Vec::new();
    let message = QueryMessage::admit(packet, &mut scratch).unwrap();
    Signed::check(packet, message.tsig_at().unwrap(), &keys(), now).unwrap()
}

fn answer(packet: &[u8]) -> Vec<u8> {
    let mut scratch = Vec::new();
    let message = QueryMessage::admit(packet, &mut scratch).unwrap();
    Reply::to(&message).packet().to_vec()
}

#[test]
fn every_algorithm_signs_a_query_and_its_answer() {
    for algorithm in Algorithm::ALL {
        let mut packet = query();
        let mut asking = Asking::sign(&mut packet, &ours(), algorithm, NOW);
        let signed = check(&packet, NOW + 300);
        assert_eq!(signed.error(), None);
        assert_eq!(signed.signer().unwrap().to_string(), "key.one.");
        let mut seal = Seal::new(Arc::new(signed));
        let (mut out, start) = (vec![0; 7], 7);
        out.extend(answer(&packet));
        let before = out.len();
        seal.sign(&mut out, start, NOW);
        assert_eq!(out.len() - before, seal.room());
        assert_eq!(asking.check(&out[start..], NOW), Ok(()));
        assert_eq!(Algorithm::parse(algorithm.text()), Some(algorithm));
    }
}

#[test]
fn each_message_of_a_stream_is_signed_after_the_one_before() {
    let mut packet = query();
    let mut asking = Asking::sign(&mut packet, &ours(), Algorithm::Sha256, NOW);
    let mut seal = Seal::new(Arc::new(check(&packet, NOW)));
    let mut messages = Vec::new();
    for _ in 0..3 {
        let mut message = answer(&packet);
        seal.sign(&mut message, 0, NOW);
        messages.push(message);
    }
    for message in &messages {
        assert_eq!(asking.check(message, NOW), Ok(()));
    }
    let again = asking.check(&messages[1], NOW);
    assert_eq!(again, Err(AnswerError::BadSignature));
}

#[test]
fn unsigned_messages_between_signed_ones_are_covered_by_the_next() {
    let mut packet = query();
    let mut asking = Asking::sign(&mut packet, &ours(), Algorithm::Sha256, NOW);
    assert_eq!(
        asking.check(&answer(&packet), NOW),
        Err(AnswerError::Unsigned)
    );
    let mut asking = Asking::sign(&mut query(), &ours(), Algorithm::Sha256, NOW);
    let mut seal = Seal::new(Arc::new(check(&packet, NOW)));
    let mut first = answer(&packet);
    seal.sign(&mut first, 0, NOW);
    assert_eq!(asking.check(&first, NOW), Ok(()));
    assert_eq!(asking.check(&answer(&packet), NOW), Ok(()));
    assert!(!asking.is_settled());
    let mut last = answer(&packet);
    // The seal does not know of the message without a signature.
    seal.sign(&mut last, 0, NOW);
    assert_eq!(asking.check(&last, NOW), Err(AnswerError::BadSignature));
}

#[test]
fn a_changed_octet_is_a_bad_signature() {
    let mut packet = query();
    let _asking = Asking::sign(&mut packet, &ours(), Algorithm::Sha256, NOW);
    packet[13] ^= 0x20;
    let signed = check(&packet, NOW);
    assert_eq!(signed.error(), Some(BADSIG));
    assert_eq!(signed.signer(), None);
    let mut out = answer(&packet);
    Seal::new(Arc::new(signed)).sign(&mut out, 0, NOW);
    let mut asking = Asking::sign(&mut query(), &ours(), Algorithm::Sha256, NOW);
    assert_eq!(asking.check(&out, NOW), Err(AnswerError::Refused(BADSIG)));
}

#[test]
fn another_key_is_not_known() {
    let mut packet = query();
    let other = key("key.two.", "c2VjcmV0LXRlc3Qta2V5LW9uZQ==");
    let _asking = Asking::sign(&mut packet, &other, Algorithm::Sha256, NOW);
    assert_eq!(check(&packet, NOW).error(), Some(Rcode::BADKEY));
}

#[test]
fn the_answer_to_a_late_signature_is_signed_and_tells_the_time() {
    let mut packet = query();
    let mut asking = Asking::sign(&mut packet, &ours(), Algorithm::Sha256, NOW);
    let signed = check(&packet, NOW + 301);
    assert_eq!(signed.error(), Some(Rcode::BADTIME));
    assert_eq!(signed.signer(), None);
    let mut out = answer(&packet);
    let mut seal = Seal::new(Arc::new(signed));
    let before = out.len();
    seal.sign(&mut out, 0, NOW + 301);
    assert_eq!(out.len() - before, seal.room());
    let refused = AnswerError::Refused(Rcode::BADTIME);
    assert_eq!(asking.check(&out, NOW), Err(refused));
    assert_eq!(&out[out.len() - 4..], &(NOW as u32 + 301).to_be_bytes());
}

#[test]
fn a_signature_that_is_not_last_or_cut_off_is_no_message() {
    let mut packet = query();
    let _asking = Asking::sign(&mut packet, &ours(), Algorithm::Sha256, NOW);
    let mut scratch = Vec::new();
    let message = QueryMessage::admit(&packet, &mut scratch).unwrap();
    let at = message.tsig_at().unwrap();
    assert_eq!(message.without_tsig().unwrap(), query());
    let mut twice = packet.clone();
    twice.extend_from_slice(&packet[at..]);
    twice[11] = 2;
    let mut scratch = Vec::new();
    assert!(QueryMessage::admit(&twice, &mut scratch).is_err());
    let mut short = packet;
    let length = short.len();
    short[length - 1] = 9;
    assert!(Signed::check(&short, at, &keys(), NOW).is_err());
}

#[test]
fn a_secret_is_never_printed() {
    assert_eq!(format!("{:?}", ours()), "Key(key.one.)");
}
