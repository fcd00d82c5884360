//! The format of a line: read once into parts, written for each query without allocation.

use std::cell::RefCell;
use std::fmt::Write;
use std::net::IpAddr;

use catena_dns::{HEADER_LEN, Header, Opcode, flag};
use catena_plugin::{Answer, Outcome, Query, clock};

/// The format when none is given, and what `{common}` stands for.
pub(crate) const COMMON: &str = "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} \
     {>do} {>bufsize}\" {rcode} {>rflags} {rsize} {duration}";
/// What stands where there is nothing to say.
const NOTHING: &str = "-";
/// Octets of an OPT record without options.
const OPT_LEN: usize = 11;
/// The flags of a reply in the order they are written.
const FLAGS: [(u16, &str); 8] = [
    (flag::QR, "qr"),
    (flag::AA, "aa"),
    (flag::TC, "tc"),
    (flag::RD, "rd"),
    (flag::RA, "ra"),
    (flag::Z, "z"),
    (flag::AD, "ad"),
    (flag::CD, "cd"),
];

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Lends an empty text that is used again for the next line.
pub(crate) fn with_line(write: impl FnOnce(&mut String)) {
    LINE.with(|line| match line.try_borrow_mut() {
        Ok(mut line) => {
            line.clear();
            write(&mut line);
        }
        Err(_) => write(&mut String::new()),
    });
}

/// A format in parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Label(Label),
    Metadata(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Type,
    Name,
    Class,
    Proto,
    Size,
    Remote,
    Port,
    Local,
    Id,
    Opcode,
    DnssecOk,
    BufferSize,
    Rcode,
    ReplySize,
    Duration,
    ReplyFlags,
}

impl Label {
    fn named(name: &str) -> Option<Label> {
        Some(match name {
            "type" => Label::Type,
            "name" => Label::Name,
            "class" => Label::Class,
            "proto" => Label::Proto,
            "size" => Label::Size,
            "remote" => Label::Remote,
            "port" => Label::Port,
            "local" => Label::Local,
            ">id" => Label::Id,
            ">opcode" => Label::Opcode,
            ">do" => Label::DnssecOk,
            ">bufsize" => Label::BufferSize,
            "rcode" => Label::Rcode,
            "rsize" => Label::ReplySize,
            "duration" => Label::Duration,
            ">rflags" => Label::ReplyFlags,
            _ => return None,
        })
    }
}

impl Format {
    /// Reads a format; braces around anything unknown are text.
    pub(crate) fn parse(text: &str) -> Format {
        let text = text.replace("{common}", COMMON);
        let text = text.replace("{combined}", &format!("{COMMON} \"{{>opcode}}\""));
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once('}') {
            // The innermost brace opens a label, so that `{ {name} }` works.
            let (lead, name) = before.rsplit_once('{').unwrap_or((before, ""));
            let part = match name.strip_prefix('/') {
                Some(label) => Some(Part::Metadata(label.to_owned())),
                None => Label::named(name).map(Part::Label),
            };
            match part {
                None => {
                    plain.push_str(before);
                    plain.push('}');
                }
                Some(part) => {
                    plain.push_str(lead);
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(part);
                }
            }
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Format(parts)
    }

    /// Appends the line for `query` and what came of it.
    pub(crate) fn write(&self, query: &Query<'_>, outcome: &Outcome, line: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => line.push_str(text),
                Part::Label(label) => write_label(*label, query, outcome, line),
                Part::Metadata(label) => match query.metadata(label) {
                    Some(value) => push_on_one_line(&value, line),
                    None => line.push_str(NOTHING),
                },
            }
        }
    }
}

fn write_label(label: Label, query: &Query<'_>, outcome: &Outcome, line: &mut String) {
    let _never_fails = match label {
        Label::Type => write!(line, "{}", query.noted_type()),
        Label::Name => write!(line, "{}", query.name()),
        Label::Class => write!(line, "{}", query.qclass()),
        Label::Proto => write!(line, "{}", query.context().transport.name()),
        Label::Size => write!(line, "{}", query.packet().len()),
        Label::Remote => write_host(query.client().ip(), line),
        Label::Port => write!(line, "{}", query.client().port()),
        Label::Local => write_host(query.local_ip(), line),
        Label::Id => write!(line, "{}", query.header().id),
        Label::Opcode => write!(line, "{}", query.header().opcode().0),
        Label::DnssecOk => write!(line, "{}", query.dnssec_ok()),
        Label::BufferSize => write!(line, "{}", query.size_limit()),
        Label::Rcode => match outcome.rcode() {
            None => write!(line, "{NOTHING}"),
            Some(rcode) => match rcode.name() {
                Some(name) => write!(line, "{name}"),
                None => write!(line, "{}", rcode.0),
            },
        },
        Label::ReplySize => write!(line, "{}", reply_size(query, outcome)),
        Label::Duration => {
            let passed = clock::now().duration_since(query.context().arrived);
            write!(line, "{}s", passed.as_secs_f64())
        }
        Label::ReplyFlags => write_flags(query, outcome, line),
    };
}

/// An IPv6 address in brackets; an IPv4 client of an IPv6 socket is an IPv4 client.
fn write_host(host: IpAddr, line: &mut String) -> std::fmt::Result {
    match host.to_canonical() {
        IpAddr::V4(v4) => write!(line, "{v4}"),
        IpAddr::V6(v6) => write!(line, "[{v6}]"),
    }
}

/// Octets of the reply if no name were compressed; what the server adds later is not counted.
fn reply_size(query: &Query<'_>, outcome: &Outcome) -> usize {
    match &outcome.answer {
        Answer::Silent | Answer::Stream(_) => 0,
        Answer::Fail(_) => HEADER_LEN + query.question().len(),
        Answer::Reply(reply) => {
            let opt = reply.edns().map(|edns| OPT_LEN + edns.options.len());
            reply.uncompressed_len() + opt.unwrap_or(0)
        }
    }
}

fn write_flags(query: &Query<'_>, outcome: &Outcome, line: &mut String) -> std::fmt::Result {
    let flags = match &outcome.answer {
        Answer::Silent => return write!(line, "{NOTHING}"),
        Answer::Fail(_) => flag::QR | repeated_flags(query.header()),
        Answer::Stream(_) => flag::QR | flag::AA | repeated_flags(query.header()),
        Answer::Reply(reply) => reply.header().flags,
    };
    let mut separator = "";
    for (_, name) in FLAGS.iter().filter(|(bit, _)| flags & bit != 0) {
        write!(line, "{separator}{name}")?;
        separator = ",";
    }
    Ok(())
}

/// The flags of a query that an error repeats.
fn repeated_flags(asked: Header) -> u16 {
    match asked.opcode() {
        Opcode::QUERY => asked.flags & (flag::RD | flag::CD),
        _ => 0,
    }
}

/// Appends `value`, which may come from anywhere, so that it cannot forge a line of the log.
fn push_on_one_line(value: &str, line: &mut String) {
    for letter in value.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, Label, Part};

    #[test]
    fn braces_around_what_is_no_label_are_text() {
        let text = |text: &str| Part::Text(text.to_owned());
        let cases = [
            ("", vec![]),
            ("no braces", vec![text("no braces")]),
            ("U={unknown} {", vec![text("U={unknown} {")]),
            (
                "a } {{name} }",
                vec![text("a } {"), Part::Label(Label::Name), text(" }")],
            ),
            (
                "{}{/forward/upstream}",
                vec![text("{}"), Part::Metadata("forward/upstream".to_owned())],
            ),
        ];
        for (format, parts) in cases {
            assert_eq!(Format::parse(format), Format(parts), "{format}");
        }
    }

    #[test]
    fn a_value_with_line_ends_stays_on_its_line() {
        let mut line = String::new();
        super::push_on_one_line("a\n[ERROR] b\u{1b}", &mut line);
        assert_eq!(line, "a\\n[ERROR] b\\u{1b}");
    }
}
