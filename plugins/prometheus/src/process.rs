//! What the system says of this process, under the names that every Prometheus client uses.

use std::fs;

use catena_plugin::metrics::Kind;

/// Ticks a second in which Linux tells times, on every architecture in use.
const TICKS: f64 = 100.0;

/// A metric without labels.
pub(crate) struct Number {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) value: f64,
}

/// All that can be read now; nothing on systems without `/proc`.
pub(crate) fn numbers() -> Vec<Number> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let stat = Stat::parse(&read("/proc/self/stat"));
    let limits = read("/proc/self/limits");
    let status = read("/proc/self/status");
    let boot = field(&read("/proc/stat"), "btime");
    let start = stat
        .as_ref()
        .zip(boot)
        .map(|(stat, boot)| boot + stat.start);
    let gauge = |name, help, value: Option<f64>| Some((name, help, Kind::Gauge, value?));
    let all = [
        stat.as_ref().map(|stat| {
            let help = "Total user and system CPU time spent in seconds.";
            ("process_cpu_seconds_total", help, Kind::Counter, stat.cpu)
        }),
        gauge(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            limit(&limits, "Max open files"),
        ),
        gauge(
            "process_open_fds",
            "Number of open file descriptors.",
            open_descriptors(),
        ),
        gauge(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            field(&status, "VmRSS:").map(|kib| kib * 1024.0),
        ),
        gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            start,
        ),
        gauge(
            "process_threads",
            "Number of threads of the process.",
            field(&status, "Threads:"),
        ),
        gauge(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            field(&status, "VmSize:").map(|kib| kib * 1024.0),
        ),
        gauge(
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes.",
            limit(&limits, "Max address space"),
        ),
    ];
    let numbers = all.into_iter().flatten();
    numbers
        .map(|(name, help, kind, value)| Number {
            name,
            help,
            kind,
            value,
        })
        .collect()
}

/// Seconds out of `/proc/self/stat`.
struct Stat {
    cpu: f64,
    /// Since the machine started.
    start: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Stat> {
        // The name of the program stands in parentheses and may hold anything, also parentheses.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Numbered as in proc(5), where the state after the name is field 3.
        let seconds = |number: usize| {
            let ticks: f64 = fields.get(number - 3)?.parse().ok()?;
            Some(ticks / TICKS)
        };
        Some(Stat {
            cpu: seconds(14)? + seconds(15)?,
            start: seconds(22)?,
        })
    }
}

/// The number after `name` at the start of a line.
fn field(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

/// The soft limit called `name`; without one, the largest number the kernel knows.
fn limit(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name))?;
    match value.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

fn open_descriptors() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // The folder itself is open while it is counted.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}
