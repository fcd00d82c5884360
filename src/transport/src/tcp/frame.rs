//! Packets with their length before them, RFC 1035 section 4.2.2.

/// Splits the first whole packet off `octets`.
pub(crate) fn split(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Appends what `write` appends, with its length before it; false if it has no such length.
pub(crate) fn append(buffer: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> bool {
    let start = buffer.len();
    buffer.extend_from_slice(&[0, 0]);
    write(buffer);
    let length = buffer.len().saturating_sub(start + 2);
    if let Ok(length @ 1..) = u16::try_from(length)
        && let Some(place) = buffer.get_mut(start..start + 2)
    {
        place.copy_from_slice(&length.to_be_bytes());
        return true;
    }
    buffer.truncate(start);
    false
}
