//! Master files that are right, and ones that are not.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use super::*;
use crate::{Name, rdata};

#[derive(Default)]
struct Folder(HashMap<PathBuf, String>);

impl Loader for Folder {
    fn open(&mut self, path: &Path) -> io::Result<Box<dyn Read>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(text.clone().into_bytes())))
    }
}

fn read_with(mut folder: Folder, text: &str) -> Result<Vec<String>, String> {
    let origin: Name = "example.org.".parse().unwrap();
    let mut lines = Vec::new();
    let mut sink = |record: RecordRef<'_>| {
        let RecordRef {
            name,
            rtype,
            class,
            ttl,
            ..
        } = record;
        let data = rdata::display(rtype, record.rdata);
        lines.push(format!("{name} {ttl} {class} {rtype} {data}"));
        Ok(())
    };
    let input = Box::new(io::Cursor::new(text.to_owned().into_bytes()));
    read_zone(
        Path::new("dir/db"),
        input,
        origin.view(),
        (&mut folder, &mut sink),
    )
    .map_err(|error| error.to_string())?;
    Ok(lines)
}

fn read(text: &str) -> Vec<String> {
    read_with(Folder::default(), text).unwrap()
}

fn refusal(text: &str) -> String {
    read_with(Folder::default(), text).unwrap_err()
}

#[test]
fn ttl_and_class_come_in_either_order_or_not_at_all() {
    let text = "$TTL 1h\n\
        a 60 IN A 192.0.2.1\n\
        b IN 1m30s A 192.0.2.2\n  \
        \tA 192.0.2.3\n\
        c class1 TYPE1 192.0.2.4\n\
        A A 192.0.2.5\n\
        in in in a 192.0.2.6"
        .replace("in in in a", "in 5 in a");
    assert_eq!(
        read(&text),
        [
            "a.example.org. 60 IN A 192.0.2.1",
            "b.example.org. 90 IN A 192.0.2.2",
            "b.example.org. 3600 IN A 192.0.2.3",
            "c.example.org. 3600 IN A 192.0.2.4",
            "A.example.org. 3600 IN A 192.0.2.5",
            "in.example.org. 5 IN A 192.0.2.6",
        ]
    );
}

#[test]
fn without_a_directive_the_last_ttl_counts() {
    let text = "a 60 A 192.0.2.1\nb A 192.0.2.2\nc 30 A 192.0.2.3\nd A 192.0.2.4\n";
    let ttls: Vec<_> = read(text)
        .iter()
        .map(|line| line[15..18].trim().to_owned())
        .collect();
    assert_eq!(ttls, ["60", "60", "30", "30"]);
    assert_eq!(
        refusal("a A 192.0.2.1\n"),
        "dir/db:1:3: missing TTL with no previous value: \"A\""
    );
}

#[test]
fn brackets_comments_and_quotes_span_lines() {
    let text = "@ 1 IN SOA ns ( ; comment ( \"\n admin\n 1 2\n3 ;x\n4 5 ) ; end\n\
        t 1 TXT \"a\nb;c(\" ( \"d\"\n ) ; e\n\n ; only a comment\n   \n";
    assert_eq!(
        read(text),
        [
            "example.org. 1 IN SOA ns.example.org. admin.example.org. 1 2 3 4 5",
            "t.example.org. 1 IN TXT \"a\\010b;c(\" \"d\"",
        ]
    );
}

#[test]
fn origins_are_relative_or_absolute() {
    let text =
        "$TTL 1\n$ORIGIN sub\na A 192.0.2.1\n$origin example.net.\n@ A 192.0.2.2\nx. A 192.0.2.3\n";
    let names: Vec<_> = read(text)
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a.sub.example.org.", "example.net.", "x."]);
}

#[test]
fn an_included_file_has_its_own_origin_and_ttl() {
    let mut folder = Folder::default();
    let sub = "$TTL 9\n@ A 192.0.2.1\n$INCLUDE deep/x\n".to_owned();
    folder.0.insert("dir/sub".into(), sub);
    folder
        .0
        .insert("dir/deep/x".into(), "w A 192.0.2.2\n".to_owned());
    let text = "$TTL 1\no A 192.0.2.9\n$INCLUDE sub in\n  A 192.0.2.3\n";
    assert_eq!(
        read_with(folder, text).unwrap(),
        [
            "o.example.org. 1 IN A 192.0.2.9",
            "in.example.org. 9 IN A 192.0.2.1",
            "w.in.example.org. 9 IN A 192.0.2.2",
            "o.example.org. 1 IN A 192.0.2.3",
        ]
    );
}

#[test]
fn generate_counts() {
    let text = "$TTL 60\n$GENERATE 0-10/5 h$ A 192.0.2.$\n\
        $GENERATE 8-9 p${0,3,d} CNAME h${-7,0,d}\n\
        $GENERATE 10-11 x${0,4,x} 5 TXT \"cost \\$ $$ $\"\n";
    assert_eq!(
        read(text),
        [
            "h0.example.org. 60 IN A 192.0.2.0",
            "h5.example.org. 60 IN A 192.0.2.5",
            "h10.example.org. 60 IN A 192.0.2.10",
            "p008.example.org. 60 IN CNAME h1.example.org.",
            "p009.example.org. 60 IN CNAME h2.example.org.",
            "x000a.example.org. 5 IN TXT \"cost $ $ 10\"",
            "x000b.example.org. 5 IN TXT \"cost $ $ 11\"",
        ]
    );
}

#[test]
fn what_miekg_refuses_is_refused_with_its_place() {
    for (text, error) in [
        (
            "$TTL 1\na A 192.0.2\n",
            "dir/db:2:5: bad A record, not an IPv4 address: \"192.0.2\"",
        ),
        (
            "$TTL 1\n\na FOO x\n",
            "dir/db:3:3: not a record type, TTL or class: \"FOO\"",
        ),
        (
            "a 1 TXT \"x\n",
            "dir/db:1:9: the quote is not closed: \"\\\"\"",
        ),
        (
            "a 1 SOA (\n",
            "dir/db:1:9: the bracket is not closed: \"(\"",
        ),
        (
            "a 1 A 1.2.3.4 )\n",
            "dir/db:1:15: this bracket closes nothing: \")\"",
        ),
        ("$TTL x\n", "dir/db:1:6: not a TTL: \"x\""),
        (
            "$TTL 1 2\n",
            "dir/db:1:8: unexpected word after the directive: \"2\"",
        ),
        (
            "$ORIGIN a..b\n",
            "dir/db:1:9: a name with an empty label: \"a..b\"",
        ),
        (
            "$GENERATE 5-1 a A 1.2.3.4\n",
            "dir/db:1:11: bad range in $GENERATE, such as 1-10 or 0-8/2: \"5-1\"",
        ),
        (
            "$GENERATE 0-70000 a A 1.2.3.4\n",
            "dir/db:1:11: bad range in $GENERATE, such as 1-10 or 0-8/2: \"0-70000\"",
        ),
        (
            "$INCLUDE none\n",
            "dir/db:1:10: dir/none: entity not found: \"none\"",
        ),
        (
            "\"a\" 1 A 1.2.3.4\n",
            "dir/db:1:2: unexpected quotes: \"a\"",
        ),
        (
            "a 1 A\n",
            "dir/db:1:5: bad A record, the line ends too early: \"A\"",
        ),
        (
            "a 5000000000 A 1.2.3.4\n",
            "dir/db:1:3: not a TTL: \"5000000000\"",
        ),
    ] {
        assert_eq!(refusal(text), error, "{text}");
    }
}

#[test]
fn files_that_include_themselves_end() {
    let mut folder = Folder::default();
    folder
        .0
        .insert("dir/loop".into(), "$INCLUDE loop\n".to_owned());
    let error = read_with(folder, "$INCLUDE loop\n").unwrap_err();
    assert!(error.contains("too deeply nested $INCLUDE"), "{error}");
}

#[test]
fn places_stay_right_across_pieces() {
    let mut text = String::from("$TTL 1\n");
    for number in 0..20_000 {
        text.push_str(&format!("h{number} A 192.0.2.1\n"));
    }
    text.push_str("bad A x\n");
    assert_eq!(
        refusal(&text),
        "dir/db:20002:7: bad A record, not an IPv4 address: \"x\""
    );
}

#[test]
fn an_entry_without_end_is_bounded() {
    let text = format!("a 1 TXT (\n{}", "x\n".repeat(600_000));
    assert!(refusal(&text).contains("longer than 1 MiB"));
}
