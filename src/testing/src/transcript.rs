//! What came back, as text to compare.

use std::fmt::Write as _;

use catena_dns::{Edns, Header, Message, QueryMessage, RecordType, Records, Section, flag};
use catena_plugin::{Answer, Outcome, Query, ReplyStream};

use crate::{Question, record};

const FLAGS: [(u16, &str); 6] = [
    (flag::AA, "aa"),
    (flag::TC, "tc"),
    (flag::RD, "rd"),
    (flag::RA, "ra"),
    (flag::AD, "ad"),
    (flag::CD, "cd"),
];

/// The outcome as the client of `question` sees it, and the error beside it.
pub(crate) fn print_outcome(question: &Question, outcome: Outcome) -> String {
    let mut text = match outcome.answer {
        Answer::Reply(mut reply) => {
            let mut scratch = Vec::new();
            let query = QueryMessage::readmit(&question.packet, &mut scratch);
            let limit = match question.transport {
                catena_plugin::Transport::Udp => query.udp_limit(),
                catena_plugin::Transport::Tcp => catena_dns::MESSAGE_MAX,
            };
            reply.finish(&query, limit);
            print_packet(reply.packet())
        }
        Answer::Fail(rcode) => format!("{rcode} not written\n"),
        Answer::Silent => "silence\n".to_owned(),
        Answer::Stream(_) => "several messages\n".to_owned(),
    };
    if let Some(error) = outcome.error {
        let _ = writeln!(text, "  error: {error}");
    }
    text
}

/// Every message of `stream`, as the answer to `query`.
pub(crate) fn print_stream(stream: &mut ReplyStream, query: &Query<'_>) -> String {
    let mut text = String::new();
    while let Some(mut reply) = stream.next(query) {
        reply.finish(query, ReplyStream::MESSAGE_ROOM);
        text += &print_packet(reply.packet());
    }
    text
}

/// A whole message: the response code and flags, then a line for each record.
pub fn print_packet(packet: &[u8]) -> String {
    let Some(header) = Header::read(packet) else {
        return "no message\n".to_owned();
    };
    let mut text = header.rcode().to_string();
    for (bit, name) in FLAGS {
        if header.has(bit) {
            let _ = write!(text, " {name}");
        }
    }
    text.push('\n');
    let Ok(message) = Message::decode(packet) else {
        return text + "  broken\n";
    };
    for section in Section::ALL {
        for one in message.section(section) {
            let name = format!("{section:?}").to_lowercase();
            let _ = writeln!(text, "  {name} {}", record::print(one));
        }
    }
    text + &print_opt(packet)
}

/// The OPT record of a packet as `  opt ..` with a line break; empty without one.
fn print_opt(packet: &[u8]) -> String {
    let start = catena_dns::question_end(packet).unwrap_or(packet.len());
    let mut records = Records::new(packet, start).map_while(Result::ok);
    let Some(opt) = records.find(|record| record.rtype == RecordType::OPT) else {
        return String::new();
    };
    format!("  opt{}\n", print_edns(&Edns::new(packet, &opt)))
}

/// The fields of an OPT record, each with a blank before it.
pub(crate) fn print_edns(edns: &Edns<'_>) -> String {
    let mut text = format!(" edns={}", edns.udp_size);
    if edns.dnssec_ok() {
        text.push_str(" do");
    }
    if edns.extended_rcode != 0 {
        let _ = write!(text, " extended-rcode={}", edns.extended_rcode);
    }
    for (code, data) in edns.options() {
        let hex: String = data.iter().map(|octet| format!("{octet:02x}")).collect();
        let _ = write!(text, " option={code}:{hex}");
    }
    text
}

/// A query in the words of [`Question::parse`].
pub(crate) fn print_query(query: &QueryMessage<'_>) -> String {
    let mut text = format!("{} {}", query.name_as_asked(), query.qtype());
    if query.qclass() != catena_dns::Class::IN {
        let _ = write!(text, " {}", query.qclass());
    }
    for (bit, name) in [(flag::CD, " cd"), (flag::AD, " ad")] {
        if query.header().has(bit) {
            text.push_str(name);
        }
    }
    if !query.header().has(flag::RD) {
        text.push_str(" no-rd");
    }
    text + &query.edns().map(print_edns).unwrap_or_default()
}
