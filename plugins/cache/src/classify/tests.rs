//! What replies mean.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_dns::{Message, Rcode, Section};
use catena_testing::{Block, Question, record};

use super::{Meaning, Verdict, classify, is_for};

/// Classifies a reply to `question`: RCODE and records, each after `answer` or `authority`.
fn verdict(question: &str, rcode: Rcode, records: &[(Section, &str)]) -> Verdict {
    let block = Block::build(&[], ". {\n}\n").unwrap();
    block.view(&Question::parse(question), |query| {
        let mut message = Message::from_query(query);
        message.flags |= catena_dns::flag::QR | rcode.0;
        message.edns = None;
        for (section, text) in records {
            let record = record::parse(text).unwrap();
            message.section_mut(*section).push(record);
        }
        let reply = message.to_reply();
        assert!(is_for(query, &reply));
        classify(query, &reply)
    })
}

fn meaning(question: &str, answers: &[&str]) -> (Meaning, bool, bool) {
    let records: Vec<_> = answers
        .iter()
        .map(|text| (Section::Answer, *text))
        .collect();
    let verdict = verdict(question, Rcode::NOERROR, &records);
    (verdict.meaning, verdict.storable, verdict.answering)
}

const SOA: (Section, &str) = (
    Section::Authority,
    "example.org. 30 IN SOA ns. host. 1 2 3 4 5",
);
const NS: (Section, &str) = (
    Section::Authority,
    "sub.example.org. 30 IN NS ns.example.org.",
);

#[test]
fn an_answer_stands_at_the_end_of_its_aliases() {
    let aliases = [
        "b.example. 60 IN CNAME c.example.",
        "A.example. 60 IN CNAME B.example.",
        "C.EXAMPLE. 60 IN A 192.0.2.1",
    ];
    let data = (Meaning::Data, true, true);
    let nothing = (Meaning::Data, false, false);
    assert_eq!(meaning("a.example. A", &aliases), data);
    assert_eq!(meaning("a.example. AAAA", &aliases), nothing);
    assert_eq!(meaning("a.example. CNAME", &aliases), data);
    assert_eq!(meaning("a.example. ANY", &aliases), data);
    assert_eq!(meaning("a.example. A", &aliases[..2]), nothing);
    assert_eq!(meaning("x.example. A", &aliases), nothing);
}

#[test]
fn aliases_that_fork_or_loop_lead_nowhere() {
    let address = "b.example. 60 IN A 192.0.2.1";
    let fork = [
        "a.example. 60 IN CNAME b.example.",
        "a.example. 60 IN CNAME c.example.",
        address,
    ];
    let twice = [fork[0], fork[0], address];
    let circle = [fork[0], "b.example. 60 IN CNAME a.example.", address];
    assert!(!meaning("a.example. A", &fork).1);
    assert!(meaning("a.example. A", &twice).1);
    assert!(!meaning("a.example. A", &circle).1);
}

#[test]
fn a_long_chain_of_aliases_is_no_answer() {
    let chain = |length: usize| {
        let mut records: Vec<String> = (0..length)
            .map(|at| format!("n{at}.example. 60 IN CNAME n{}.example.", at + 1))
            .collect();
        records.push(format!("n{length}.example. 60 IN A 192.0.2.1"));
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        meaning("n0.example. A", &records).1
    };
    assert!(chain(16));
    assert!(!chain(2000));
}

#[test]
fn denials_need_their_soa() {
    let verdict = |rcode, records: &[(Section, &str)]| {
        let verdict = verdict("www.example.org. A", rcode, records);
        (verdict.meaning, verdict.storable)
    };
    assert_eq!(verdict(Rcode::NXDOMAIN, &[SOA]), (Meaning::NameError, true));
    assert_eq!(verdict(Rcode::NXDOMAIN, &[]), (Meaning::NameError, false));
    assert_eq!(verdict(Rcode::NOERROR, &[SOA]), (Meaning::NoData, true));
    assert_eq!(verdict(Rcode::NOERROR, &[]), (Meaning::Data, true));
    assert_eq!(verdict(Rcode::NOERROR, &[NS]), (Meaning::Delegation, true));
    assert_eq!(verdict(Rcode::SERVFAIL, &[]), (Meaning::Failure, true));
    assert_eq!(verdict(Rcode::NOTIMP, &[]), (Meaning::Failure, true));
    assert_eq!(verdict(Rcode::REFUSED, &[]), (Meaning::Other, false));
    let alias = (
        Section::Answer,
        "www.example.org. 9 IN CNAME web.example.org.",
    );
    assert_eq!(
        verdict(Rcode::NOERROR, &[alias, SOA]),
        (Meaning::NoData, true)
    );
    assert_eq!(
        verdict(Rcode::NXDOMAIN, &[alias, SOA]),
        (Meaning::Other, false)
    );
}

#[test]
fn the_lowest_ttl_of_all_sections_counts() {
    let records = [
        (Section::Answer, "www.example.org. 300 IN A 192.0.2.1"),
        (Section::Additional, "ns.example.org. 7 IN A 192.0.2.2"),
        NS,
    ];
    let ttl = |records| verdict("www.example.org. A", Rcode::NOERROR, records).lowest_ttl;
    assert_eq!(ttl(&records), Some(7));
    assert_eq!(ttl(&[]), None);
}

#[test]
fn signatures_that_are_not_valid_now_are_not_kept() {
    // Type covered, algorithm, labels, TTL, expiration, inception, key tag, signer, signature.
    let signature = |expiration: u32| {
        format!("www.example.org. 60 IN RRSIG A 8 3 60 {expiration} 1000 1 example.org. AA==")
    };
    // The second is in the year 2026 + 68 or so: further than RFC 1982 can tell from the past.
    let (expired, valid) = (signature(2000), signature(1_000_000_000 + 0x5000_0000));
    let address = "www.example.org. 60 IN A 192.0.2.1";
    assert!(meaning("www.example.org. A do", &[address, &valid]).1);
    assert!(!meaning("www.example.org. A do", &[address, &expired]).1);
    assert!(meaning("www.example.org. A", &[address, &expired]).1);
}
