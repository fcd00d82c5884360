//! Metrics in Prometheus's text format, version 0.0.4.

use std::fmt::{self, Write};

use super::{Family, Kind, Sample, Value, published};

/// The type of a page of metrics.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page of all families that were published.
pub fn page() -> String {
    let mut page = String::with_capacity(16 << 10);
    for family in published() {
        // Writing to a text never fails.
        let _written = write_family(family, &mut page);
    }
    page
}

/// Writes what comes before the numbers of a family.
pub fn write_head(name: &str, help: &str, kind: Kind, page: &mut String) -> fmt::Result {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// Writes `family`, unless it has labels and no children.
pub fn write_family(family: &dyn Family, page: &mut String) -> fmt::Result {
    let samples = family.samples();
    if samples.is_empty() {
        return Ok(());
    }
    write_head(family.name(), family.help(), family.kind(), page)?;
    for sample in &samples {
        write_sample(family, sample, page)?;
    }
    Ok(())
}

fn write_sample(family: &dyn Family, sample: &Sample, page: &mut String) -> fmt::Result {
    let name = family.name();
    let labels = family.labels().iter().zip(&sample.labels);
    let mut text = String::new();
    for (label, value) in labels {
        let separator = if text.is_empty() { "" } else { "," };
        write!(text, "{separator}{label}=\"{}\"", escape(value))?;
    }
    match &sample.value {
        Value::Number(number) => {
            let braced = braced(&text);
            writeln!(page, "{name}{braced} {number}")
        }
        Value::Spread(sum, buckets) => {
            let separator = if text.is_empty() { "" } else { "," };
            for (bound, count) in buckets {
                let bound = Bound(*bound);
                writeln!(
                    page,
                    "{name}_bucket{{{text}{separator}le=\"{bound}\"}} {count}"
                )?;
            }
            let total = buckets.last().map_or(0, |(_, count)| *count);
            let braced = braced(&text);
            writeln!(
                page,
                "{name}_sum{braced} {sum}\n{name}_count{braced} {total}"
            )
        }
    }
}

fn braced(labels: &str) -> String {
    if labels.is_empty() {
        return String::new();
    }
    format!("{{{labels}}}")
}

fn escape(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

/// The upper end of a bucket.
struct Bound(f64);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            return f.write_str("+Inf");
        }
        write!(f, "{}", self.0)
    }
}
