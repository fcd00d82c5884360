//! Points in time and periods as master files write them.

/// Seconds with optional units: `3600`, `1h30m`, `2w`.
pub(crate) fn read_period(text: &[u8]) -> Option<u32> {
    let (mut total, mut number) = (0u64, 0u64);
    for octet in text {
        let unit = match octet.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => {
                number = number
                    .checked_mul(10)?
                    .checked_add(u64::from(digit - b'0'))?;
                continue;
            }
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        number = 0;
    }
    if text.is_empty() {
        return None;
    }
    u32::try_from(total.checked_add(number)?).ok()
}

/// `YYYYMMDDHHmmSS`, or seconds since 1970 (RFC 4034 section 3.2).
pub(super) fn read_time(text: &[u8]) -> Option<u32> {
    if text.len() != 14 {
        return read_number(text)?.try_into().ok();
    }
    let part = |from: usize, to: usize| read_number(text.get(from..to)?);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if day == 0 || day > days_in(year, month)? || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut days = day - 1;
    for earlier in 1..month {
        days += days_in(year, earlier)?;
    }
    let years = year.checked_sub(1970)?;
    days += years * 365 + leap_days_before(year) - leap_days_before(1970);
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    // Times are compared modulo 2^32 (RFC 1982).
    u32::try_from(seconds & u64::from(u32::MAX)).ok()
}

/// A time as `YYYYMMDDHHmmSS`.
pub(super) fn time_text(time: u32) -> String {
    let time = u64::from(time);
    let (mut days, second) = (time / 86_400, time % 86_400);
    let mut year = 1970;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    let mut month = 1;
    while let Some(length) = days_in(year, month).filter(|length| days >= *length) {
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let day = days + 1;
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn leap_days_before(year: u64) -> u64 {
    let last = year - 1;
    last / 4 - last / 100 + last / 400
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in(year: u64, month: u64) -> Option<u64> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(is_leap(year)),
        _ => return None,
    })
}

/// A decimal number of digits alone.
#[inline]
pub(crate) fn read_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, octet| {
        let digit = octet.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
