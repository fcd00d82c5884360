//! The metrics page in Prometheus's text format, version 0.0.4.

use std::fmt::{self, Write};

use catena_http::{Answer, Asked, Page};
use catena_plugin::metrics::publish;
use catena_plugin::metrics::text::{self, CONTENT_TYPE, write_head};

use crate::{METRICS, process};

const PATH: &str = "/metrics";

/// Answers `/metrics`.
pub(crate) fn answer(asked: &Asked) -> Option<Answer> {
    (asked.path == PATH).then(|| Answer::Now(Page::new(CONTENT_TYPE, page())))
}

/// All metrics of the process.
pub(crate) fn page() -> String {
    publish(METRICS);
    let mut page = text::page();
    // Writing to a text never fails.
    let _written = write_process(&mut page);
    page
}

fn write_process(page: &mut String) -> fmt::Result {
    for number in process::numbers() {
        write_head(number.name, number.help, number.kind, page)?;
        writeln!(page, "{} {}", number.name, number.value)?;
    }
    Ok(())
}
