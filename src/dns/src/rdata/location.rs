//! LOC: a place on Earth (RFC 1876).

use std::fmt::{self, Write};

use super::time::read_number;
use super::words::Words;

const EQUATOR: u32 = 1 << 31;
const DEGREE: u32 = 3_600_000;
const MINUTE: u32 = 60_000;
/// The altitude of 0 in centimetres above the base of the scale.
const SEA_LEVEL: i64 = 10_000_000;
/// Size, horizontal and vertical precision when not given: 1 m, 10 km, 10 m.
const DEFAULTS: [u8; 3] = [0x12, 0x16, 0x13];

/// Reads a place; `None` if the word last taken is wrong.
pub(super) fn read_location(words: &mut Words<'_>) -> Option<[u8; 16]> {
    let latitude = read_angle(words, 90, [b'n', b's'])?;
    let longitude = read_angle(words, 180, [b'e', b'w'])?;
    let altitude = read_metres(words.next_octets()?)?.checked_add(SEA_LEVEL)?;
    let altitude = u32::try_from(altitude).ok()?;
    let mut sizes = DEFAULTS;
    for size in &mut sizes {
        if let Some(word) = words.next_octets() {
            *size = read_size(word)?;
        }
    }
    let mut wire = [0; 16];
    let head = [0].into_iter().chain(sizes);
    let tail = [latitude, longitude, altitude];
    let octets = head.chain(tail.into_iter().flat_map(u32::to_be_bytes));
    wire.iter_mut()
        .zip(octets)
        .for_each(|(to, from)| *to = from);
    Some(wire)
}

/// Degrees, minutes and seconds, the latter two optional, and a direction.
fn read_angle(words: &mut Words<'_>, most: u32, directions: [u8; 2]) -> Option<u32> {
    let degrees = read_below(words.next_octets()?, most + 1)?;
    let mut angle = degrees * DEGREE;
    let mut word = words.next_octets()?;
    if direction(word, directions).is_none() {
        angle += read_below(word, 60)? * MINUTE;
        word = words.next_octets()?;
    }
    if direction(word, directions).is_none() {
        let seconds = u32::try_from(read_decimal(word, 3)?).ok()?;
        angle += Some(seconds).filter(|seconds| *seconds < MINUTE)?;
        word = words.next_octets()?;
    }
    if angle > most * DEGREE {
        return None;
    }
    match direction(word, directions)? {
        0 => EQUATOR.checked_add(angle),
        _ => EQUATOR.checked_sub(angle),
    }
}

fn direction(word: &[u8], directions: [u8; 2]) -> Option<usize> {
    let [letter] = word else { return None };
    let wanted = letter.to_ascii_lowercase();
    directions.iter().position(|known| *known == wanted)
}

fn read_below(word: &[u8], limit: u32) -> Option<u32> {
    let number = u32::try_from(read_number(word)?).ok()?;
    Some(number).filter(|number| *number < limit)
}

/// Metres with an optional `m`, in centimetres.
fn read_metres(word: &[u8]) -> Option<i64> {
    let word = word
        .strip_suffix(b"m")
        .or(word.strip_suffix(b"M"))
        .unwrap_or(word);
    match word.strip_prefix(b"-") {
        Some(below) => read_decimal(below, 2).map(|number| -number),
        None => read_decimal(word, 2),
    }
}

/// A decimal number times 10^`places`; digits beyond those are dropped.
fn read_decimal(word: &[u8], places: usize) -> Option<i64> {
    let dot = word.iter().position(|octet| *octet == b'.');
    let (whole, fraction) = word.split_at_checked(dot.unwrap_or(word.len()))?;
    let fraction = fraction.strip_prefix(b".").unwrap_or_default();
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = if whole.is_empty() {
        0
    } else {
        read_number(whole)?
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    for place in 0..places {
        let digit = fraction.get(place).map_or(0, |octet| octet - b'0');
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    i64::try_from(number).ok()
}

/// A length up to 90,000 km as mantissa and exponent of centimetres.
fn read_size(word: &[u8]) -> Option<u8> {
    let centimetres = read_metres(word)?;
    let mut mantissa = u64::try_from(centimetres).ok()?;
    if mantissa > 9_000_000_000 {
        return None;
    }
    let mut exponent = 0;
    while mantissa >= 10 {
        mantissa /= 10;
        exponent += 1;
    }
    Some(u8::try_from(mantissa).ok()? << 4 | exponent)
}

/// Prints a place.
pub(super) fn print_location(wire: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let word = |at: usize| {
        let octets = wire
            .get(at..at + 4)
            .and_then(|octets| octets.try_into().ok());
        u32::from_be_bytes(octets.unwrap_or_default())
    };
    print_angle(word(4), ['N', 'S'], f)?;
    print_angle(word(8), ['E', 'W'], f)?;
    let altitude = i64::from(word(12)) - SEA_LEVEL;
    if altitude < 0 {
        f.write_char('-')?;
    }
    let (metres, rest) = (altitude.abs() / 100, altitude.abs() % 100);
    if rest == 0 {
        write!(f, "{metres}m")?;
    } else {
        write!(f, "{metres}.{rest:02}m")?;
    }
    for size in wire.iter().skip(1).take(3) {
        print_size(*size, f)?;
    }
    Ok(())
}

fn print_angle(angle: u32, directions: [char; 2], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let [positive, negative] = directions;
    let direction = if angle > EQUATOR { positive } else { negative };
    let angle = angle.abs_diff(EQUATOR);
    let (degrees, minutes) = (angle / DEGREE, angle % DEGREE / MINUTE);
    let (seconds, millis) = (angle % MINUTE / 1000, angle % 1000);
    write!(
        f,
        "{degrees:02} {minutes:02} {seconds}.{millis:03} {direction} "
    )
}

fn print_size(size: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (mantissa, exponent) = (size >> 4, usize::from(size & 15));
    match exponent {
        0 => write!(f, " 0.{mantissa:02}m"),
        1 => write!(f, " 0.{mantissa}0m"),
        _ => write!(f, " {mantissa}{}m", "0".repeat(exponent - 2)),
    }
}
