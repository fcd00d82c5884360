//! The table against its bounds.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use catena_dns::{Class, Name, RecordRef, RecordType, Reply, Section};
use catena_plugin::Query;
use catena_testing::{Block, Question};

use super::{Kind, PerKind, SHARD_OCTETS_MIN, SHARDS, Table};
use crate::entry::{Entry, Moment, Start};

fn block() -> Block {
    Block::build(&[], ". {\n}\n").unwrap()
}

fn start(ttl: u32) -> Start<'static> {
    Start {
        ttl,
        stored: Moment(1000),
        hits: 0,
        wildcard: "",
    }
}

fn answer(query: &Query<'_>, text_len: usize) -> Reply {
    let mut reply = Reply::to(query);
    let name: Name = query.name().to_name();
    for _ in 0..text_len.div_ceil(200) {
        let mut rdata = vec![b'x'; 201];
        rdata[0] = 200;
        reply.push(
            Section::Answer,
            RecordRef {
                name: name.view(),
                rtype: RecordType::TXT,
                class: Class::IN,
                ttl: 60,
                rdata: &rdata,
            },
        );
    }
    reply
}

fn put(table: &Table, block: &Block, question: &str, text_len: usize) -> u64 {
    block.view(&Question::parse(question), |query| {
        let key = table.key(query);
        let entry = Entry::new(&key, &answer(query, text_len), start(60)).unwrap();
        table.store(&key, Kind::Success, entry)
    })
}

fn has(table: &Table, block: &Block, question: &str, kind: Kind) -> bool {
    block.view(&Question::parse(question), |query| {
        let key = table.key(query);
        table.read(&key, |shard| shard.find(kind, &key).is_some()) == Some(true)
    })
}

fn capacity(success: usize) -> PerKind<usize> {
    PerKind { success, denial: 0 }
}

#[test]
fn a_name_is_found_in_any_letter_case_and_nothing_else_is() {
    let (table, block) = (Table::new(&capacity(0)), block());
    put(&table, &block, "Www.Example.org. TXT", 10);
    let found = |question| has(&table, &block, question, Kind::Success);
    assert!(found("www.EXAMPLE.org. TXT"));
    assert!(found("www.example.org. TXT edns=1232"));
    assert!(!found("www.example.org. A"));
    assert!(!found("www.example.org. TXT CH"));
    assert!(!found("www.example.org. TXT do"));
    assert!(!found("www.example.org. TXT cd"));
    assert!(!found("ww.example.org. TXT"));
    assert!(!has(&table, &block, "www.example.org. TXT", Kind::Denial));
}

#[test]
fn the_number_of_entries_is_bounded() {
    let (table, block) = (Table::new(&capacity(2048)), block());
    let (mut evicted, mut name) = (0, String::new());
    for number in 0..10_000 {
        name.clear();
        write!(name, "n{number}.example.org. TXT").unwrap();
        evicted += put(&table, &block, &name, 10);
    }
    let count = table.count(Kind::Success);
    assert!(count <= 2048, "{count}");
    assert!(count > 1900, "{count}");
    assert_eq!(u64::try_from(count).unwrap() + evicted, 10_000);
    assert!(
        has(&table, &block, &name, Kind::Success),
        "the newest stays"
    );
}

#[test]
fn the_octets_of_entries_are_bounded() {
    let (table, block) = (Table::new(&capacity(100_000)), block());
    for number in 0..500 {
        let question = format!("n{number}.example.org. TXT");
        put(&table, &block, &question, 60_000);
    }
    let octets: usize = table
        .shards
        .iter()
        .map(|shard| shard.read().success.octets)
        .sum();
    let limit = (100_000 * 1024).max(SHARDS * SHARD_OCTETS_MIN);
    assert!(octets <= limit, "{octets}");
    let counted: usize = table
        .shards
        .iter()
        .flat_map(|shard| {
            let shard = shard.read();
            let sizes = shard.success.entries.iter().map(Entry::size);
            sizes.collect::<Vec<_>>()
        })
        .sum();
    assert_eq!(octets, counted);
}

#[test]
fn the_greatest_message_fits_the_smallest_table() {
    let (table, block) = (Table::new(&capacity(0)), block());
    put(&table, &block, "big.example.org. TXT", 61_000);
    assert!(has(&table, &block, "big.example.org. TXT", Kind::Success));
}

#[test]
fn data_takes_the_place_of_a_denial() {
    let (table, block) = (Table::new(&capacity(0)), block());
    let question = "www.example.org. TXT";
    block.view(&Question::parse(question), |query| {
        let key = table.key(query);
        let denial = Entry::new(&key, &answer(query, 0), start(60)).unwrap();
        table.store(&key, Kind::Denial, denial);
    });
    assert_eq!(table.count(Kind::Denial), 1);
    put(&table, &block, question, 10);
    assert!(!has(&table, &block, question, Kind::Denial));
    assert_eq!(table.count(Kind::Denial), 0);
    assert_eq!(table.count(Kind::Success), 1);
}

#[test]
fn an_entry_is_small() {
    assert!(size_of::<Entry>() <= 56, "{}", size_of::<Entry>());
}
