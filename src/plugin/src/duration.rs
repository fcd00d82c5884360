//! Durations as Corefiles write them: Go's form, such as `1h15m30.5s` or `300ms`.

use std::time::Duration;

/// Reads a duration; negative ones are refused with the rest.
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let letters = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        total += number * unit_seconds(unit)?;
        rest = tail;
    }
    Duration::try_from_secs_f64(total).ok()
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

/// Writes a duration as Go prints it, such as `1m0s` or `1.5s`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    for (limit, unit, size) in [
        (1_000u128, "ns", 1u128),
        (1_000_000, "µs", 1_000),
        (1_000_000_000, "ms", 1_000_000),
    ] {
        if nanos < limit {
            return format!("{}{unit}", decimal(nanos, size));
        }
    }
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

fn decimal(value: u128, size: u128) -> String {
    let (whole, part) = (value / size, value % size);
    if part == 0 {
        return whole.to_string();
    }
    let digits = size.ilog10() as usize;
    let part = format!("{part:0digits$}");
    format!("{whole}.{}", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn go_durations_are_read_and_written() {
        for (text, millis) in [
            ("5s", 5000),
            ("1h2m3s", 3_723_000),
            ("1.5s", 1500),
            ("30ms", 30),
        ] {
            let duration = super::parse(text);
            assert_eq!(duration, Some(Duration::from_millis(millis)));
            assert_eq!(duration.map(super::format).as_deref(), Some(text));
        }
        assert_eq!(super::format(Duration::from_secs(60)), "1m0s");
        for bad in ["", "5", "-5s", "s", "5x", "1.2.3s"] {
            assert_eq!(super::parse(bad), None, "{bad}");
        }
    }
}
