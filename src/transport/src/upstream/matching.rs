//! Whether a packet is the reply to a query: RFC 5452 section 9.1.

const HEADER_LEN: usize = 12;
const QR: u8 = 0x80;
const OPCODE: u8 = 0x78;

/// What a reply is compared with; `None` for a query that does not ask one question.
pub(crate) fn question(query: &[u8]) -> Option<&[u8]> {
    let (header, body) = query.split_at_checked(HEADER_LEN)?;
    if header.get(4..6)? != [0, 1] {
        return None;
    }
    let mut end = 0;
    loop {
        let length = usize::from(*body.get(end)?);
        if length > 63 {
            return None;
        }
        end += 1 + length;
        if length == 0 {
            return body.get(..end + 4);
        }
    }
}

/// Whether `reply` is a reply to the query with this id, opcode octet and question.
///
/// Servers may give the name back in other letter case.
pub(crate) fn is_reply(reply: &[u8], id: u16, opcode: u8, question: &[u8]) -> bool {
    let Some((header, body)) = reply.split_at_checked(HEADER_LEN) else {
        return false;
    };
    let &[high, low, flags, _, 0, 1, ..] = header else {
        return false;
    };
    [high, low] == id.to_be_bytes()
        && flags & QR == QR
        && flags & OPCODE == opcode & OPCODE
        && body
            .get(..question.len())
            .is_some_and(|body| same_question(body, question))
}

fn same_question(left: &[u8], right: &[u8]) -> bool {
    let kind = right.len().saturating_sub(4);
    // Length octets are below 64 and so no letters.
    matches!(
        (left.split_at_checked(kind), right.split_at_checked(kind)),
        (Some((left, left_kind)), Some((right, right_kind)))
            if left.eq_ignore_ascii_case(right) && left_kind == right_kind
    )
}
