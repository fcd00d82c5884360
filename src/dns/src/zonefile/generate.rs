//! `$GENERATE`: one entry for each number of a range, as BIND has it.

use std::fmt::Write;

use crate::rdata::read_number;

/// Steps of a range, at most.
const STEPS_MAX: i64 = 65_535;
const NUMBER_MAX: i64 = 0x7fff_ffff;

/// The numbers of `start-stop[/step]`.
pub(super) struct Range {
    next: i64,
    stop: i64,
    step: i64,
}

impl Range {
    pub fn read(text: &[u8]) -> Option<Range> {
        let text = std::str::from_utf8(text).ok()?;
        let (bounds, step) = text.split_once('/').unwrap_or((text, "1"));
        let (start, stop) = bounds.split_once('-')?;
        let number = |text: &str| i64::try_from(read_number(text.as_bytes())?).ok();
        let (start, stop, step) = (number(start)?, number(stop)?, number(step)?);
        let is_good = step > 0 && start <= stop && (stop - start) / step <= STEPS_MAX;
        is_good.then_some(Range {
            next: start,
            stop,
            step,
        })
    }
}

impl Iterator for Range {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let number = self.next;
        self.next = number.checked_add(self.step)?;
        (number <= self.stop).then_some(number)
    }
}

/// Appends `template` with `$` and `${offset,width,base}` replaced by `number`.
pub(super) fn expand(template: &[u8], number: i64, line: &mut Vec<u8>) -> Result<(), &'static str> {
    let mut rest = template;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match (octet, after) {
            (b'\\', [b'$', tail @ ..]) | (b'$', [b'$', tail @ ..]) => {
                line.push(b'$');
                rest = tail;
            }
            (b'\\', [escaped, tail @ ..]) => {
                line.extend_from_slice(&[b'\\', *escaped]);
                rest = tail;
            }
            (b'$', [b'{', tail @ ..]) => {
                let end = tail.iter().position(|octet| *octet == b'}');
                let end = end.ok_or("a modifier without its closing brace in $GENERATE")?;
                let (modifier, tail) = tail.split_at_checked(end).unwrap_or_default();
                let text = modified(modifier, number).ok_or("bad modifier in $GENERATE")?;
                line.extend_from_slice(text.as_bytes());
                rest = tail.get(1..).unwrap_or_default();
            }
            (b'$', _) => line.extend_from_slice(number.to_string().as_bytes()),
            (plain, _) => line.push(plain),
        }
    }
    Ok(())
}

/// `number` as `offset[,width[,base]]` wants it.
fn modified(modifier: &[u8], number: i64) -> Option<String> {
    let text = std::str::from_utf8(modifier).ok()?;
    let mut parts = text.split(',');
    let offset: i64 = parts.next()?.parse().ok()?;
    let width: usize = parts
        .next()
        .map_or(Some(0), |width| width.parse::<u8>().ok().map(usize::from))?;
    let base = parts.next().unwrap_or("d");
    let number = number
        .checked_add(offset)
        .filter(|number| (0..=NUMBER_MAX).contains(number))?;
    let mut made = String::new();
    match base {
        "d" => write!(made, "{number:0width$}"),
        "o" => write!(made, "{number:0width$o}"),
        "x" => write!(made, "{number:0width$x}"),
        "X" => write!(made, "{number:0width$X}"),
        _ => return None,
    }
    .ok()?;
    parts.next().is_none().then_some(made)
}
