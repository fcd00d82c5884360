//! The pages below `/debug/pprof`.

use std::fmt::Write;
use std::fs;

use catena_http::{Answer, Asked, Page};

use crate::{cpu, heap};

const ROOT: &str = "/debug/pprof";

/// The profiles there are, with a word on each.
const INDEX: [(&str, &str); 5] = [
    ("cmdline", "the command line of the process"),
    ("profile", "CPU time; ?seconds=N for other than 30 seconds"),
    ("heap", "memory in use, sampled"),
    ("allocs", "the same as heap"),
    (
        "goroutine",
        "the threads of the process, as text: there are no goroutines",
    ),
];

/// Answers all below `/debug/pprof`.
pub(crate) fn answer(asked: &Asked) -> Option<Answer> {
    let name = asked.path.strip_prefix(ROOT)?;
    let page = match name {
        "" => Page::new("text/html; charset=utf-8", "")
            .with_header("location", format!("{ROOT}/"))
            .with_status(302),
        "/" => index(),
        "/cmdline" => Page::text(200, fs::read("/proc/self/cmdline").unwrap_or_default()),
        "/profile" => return Some(cpu::profile(asked)),
        "/heap" | "/allocs" => return Some(Answer::Later(Box::pin(heap::profile()))),
        "/goroutine" | "/threadcreate" => Page::text(200, threads()),
        "/symbol" => Page::text(200, "num_symbols: 0\n"),
        "/block" | "/mutex" | "/trace" => Page::text(
            501,
            "only the Go runtime can tell this, and there is none\n",
        ),
        _ if name.starts_with('/') => Page::text(404, "Unknown profile\n"),
        _ => return None,
    };
    Some(Answer::Now(page))
}

fn index() -> Page {
    let mut html = format!("<html>\n<head><title>{ROOT}/</title></head>\n<body>\n<ul>\n");
    for (name, what) in INDEX {
        let item = format!("<li><a href=\"{name}\">{name}</a>: {what}</li>\n");
        html.push_str(&item);
    }
    html.push_str("</ul>\n</body>\n</html>\n");
    Page::new("text/html; charset=utf-8", html)
}

/// Name and state of each thread.
fn threads() -> String {
    let mut text = String::new();
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    for task in tasks.flatten() {
        let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let (name, stat) = (read("comm"), read("stat"));
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        let (name, id) = (name.trim_end(), task.file_name());
        let _never_fails = writeln!(
            text,
            "thread {} [{}]: {name}",
            id.display(),
            state.unwrap_or('?')
        );
    }
    text
}
