//! The metrics page in Prometheus's text format, version 0.0.4.

use std::fmt::{self, Write};

use catena_http::{Answer, Asked, Page};
use catena_plugin::metrics::publish;
use catena_plugin::metrics::text::{CONTENT_TYPE, write_head, write_published};

use crate::{METRICS, process};

const PATH: &str = "/metrics";

/// Answers `/metrics`.
pub(crate) fn answer(asked: &Asked) -> Option<Answer> {
    (asked.path == PATH).then(|| Answer::Now(Page::new(CONTENT_TYPE, page())))
}

/// All metrics of the process.
pub(crate) fn page() -> String {
    publish(METRICS);
    let mut page = String::with_capacity(16 << 10);
    // Writing to a text never fails.
    let _written = write_all(&mut page);
    page
}

fn write_all(page: &mut String) -> fmt::Result {
    write_published(page)?;
    for number in process::numbers() {
        write_head(number.name, number.help, number.kind, page)?;
        writeln!(page, "{} {}", number.name, number.value)?;
    }
    Ok(())
}
