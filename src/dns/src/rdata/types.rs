//! Sets of record types in NSEC, NSEC3 and CSYNC (RFC 4034 section 4.1.2).

use crate::RecordType;

/// Octets of a window's map.
const MAP_MAX: usize = 32;

/// Appends the set of `types` in wire form.
pub(super) fn write_types(types: &mut Vec<RecordType>, out: &mut Vec<u8>) {
    types.sort_unstable();
    types.dedup();
    let mut window_at: Option<(u8, usize)> = None;
    for rtype in types.iter() {
        let [window, low] = rtype.0.to_be_bytes();
        let at = match window_at {
            Some((open, at)) if open == window => at,
            _ => {
                out.extend_from_slice(&[window, 0]);
                window_at = Some((window, out.len()));
                out.len()
            }
        };
        let needed = at + usize::from(low / 8) + 1;
        if out.len() < needed {
            out.resize(needed, 0);
        }
        if let Some(octet) = out.get_mut(needed - 1) {
            *octet |= 0x80 >> (low % 8);
        }
        if let Some(length) = out.get_mut(at - 1) {
            *length = low / 8 + 1;
        }
    }
}

/// The types in a set in wire form; `None` if it is none.
pub(super) fn read_types(mut wire: &[u8]) -> Option<Vec<RecordType>> {
    let (mut types, mut last_window) = (Vec::new(), None);
    while let Some((&window, rest)) = wire.split_first() {
        let (&length, rest) = rest.split_first()?;
        let length = usize::from(length);
        if length == 0 || length > MAP_MAX || last_window.is_some_and(|last| last >= window) {
            return None;
        }
        let (map, rest) = rest.split_at_checked(length)?;
        for (at, octet) in (0u8..).zip(map) {
            let set = (0u8..8).filter(|bit| octet & 0x80 >> bit != 0);
            types.extend(set.map(|bit| RecordType(u16::from_be_bytes([window, at * 8 + bit]))));
        }
        last_window = Some(window);
        wire = rest;
    }
    Some(types)
}
