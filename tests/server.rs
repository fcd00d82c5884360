//! The built binary as a child process, on ports of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long a busy machine may take for what needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plugins that listen on a port of their own, and where without an argument.
const LISTENING: [(&str, &str); 4] = [
    ("health", ":8080"),
    ("ready", ":8181"),
    ("prometheus", "localhost:9153"),
    ("pprof", "localhost:6053"),
];

type Stream = Box<dyn Read + Send>;

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    output: String,
}

impl Server {
    /// Starts `binary -conf conf -dns.port port` in `folder`.
    pub fn start(folder: &Path, conf: &str, port: u16) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
        command.args(["-conf", conf, "-dns.port", &port.to_string()]);
        Self::spawn(command.current_dir(folder))
    }

    /// Runs one of the other commands, such as `agent`.
    pub fn command(args: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
        Self::spawn(command.args(args))
    }

    /// Starts the Corefile in `folder` with at most `files` open files.
    pub fn start_with_few_files(folder: &Path, port: u16, files: u32) -> Server {
        let script = format!("ulimit -n {files}; exec \"$0\" -conf Corefile -dns.port {port}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_catena")]);
        Self::spawn(command.current_dir(folder))
    }

    /// Starts the Corefile in `folder`; no file it writes may be greater than `kibibytes`.
    pub fn start_with_file_limit(folder: &Path, port: u16, kibibytes: u64) -> Server {
        let script = format!(
            "ulimit -f {kibibytes}; trap '' XFSZ; exec \"$0\" -conf Corefile -dns.port {port}"
        );
        let mut command = Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_catena")]);
        Self::spawn(command.current_dir(folder))
    }

    /// Starts the Corefile in `folder` with `output` as its standard output.
    pub fn start_with_output(folder: &Path, port: u16, output: File) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
        command.args(["-conf", "Corefile", "-dns.port", &port.to_string()]);
        Self::spawn_with_output(command.current_dir(folder), output.into())
    }

    fn spawn(command: &mut Command) -> Server {
        Self::spawn_with_output(command, Stdio::piped())
    }

    fn spawn_with_output(command: &mut Command, output: Stdio) -> Server {
        let mut child = command
            .env("CATENA_DIAGNOSTICS", "full")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        for stream in [
            child.stdout.take().map(|stream| Box::new(stream) as Stream),
            child.stderr.take().map(|stream| Box::new(stream) as Stream),
        ] {
            let (sender, stream) = (sender.clone(), stream.into_iter());
            std::thread::spawn(move || {
                let lines = stream.flat_map(|stream| BufReader::new(stream).lines());
                for line in lines.map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Server {
            child,
            lines,
            output: String::new(),
        }
    }

    /// Waits for the banner; the output so far if the server ended instead.
    pub fn started(&mut self) -> Result<(), String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let _ = writeln!(self.output, "{line}");
                    if is_banner(&line) {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("no banner:\n{}", self.output));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("ended:\n{}", self.output));
                }
            }
        }
    }

    /// Waits for a line that contains `text`.
    pub fn says(&mut self, text: &str) -> Result<(), String> {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            let _ = writeln!(self.output, "{line}");
            if line.contains(text) {
                return Ok(());
            }
        }
        Err(format!("never said {text:?}:\n{}", self.output))
    }

    /// Sends a signal by name, such as `USR1`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// How many files and sockets it has open, and how many threads it runs.
    pub fn holds(&self) -> (usize, usize) {
        let count = |what| {
            let folder = format!("/proc/{}/{what}", self.child.id());
            std::fs::read_dir(folder).unwrap().count()
        };
        (count("fd"), count("task"))
    }

    /// The processor time it has used, in ticks of 10 ms.
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit(") ").next().unwrap().split(' ');
        let times = fields.skip(11).take(2);
        times.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    /// The memory it has in use, in MiB.
    pub fn mebibytes(&self) -> usize {
        let pages = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        let resident = pages.split(' ').nth(1).unwrap();
        resident.parse::<usize>().unwrap() * 4 / 1024
    }

    /// Waits for a server that refuses its Corefile, or was told to stop; its output.
    pub fn ended(&mut self) -> (ExitStatus, String) {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            let _ = writeln!(self.output, "{line}");
        }
        let _ = self.child.kill();
        (self.child.wait().unwrap(), self.output.clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `linux/amd64, go1.26, …` is the last line of CoreDNS's banner, and so of ours.
fn is_banner(line: &str) -> bool {
    line.starts_with("linux/") || line.starts_with("macos/")
}

/// Whether the server on `port` answers anything: STATUS is refused before any plugin sees it.
pub fn answers(port: u16) -> bool {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let query = [0x2a, 0x2b, 0x10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];
    let mut reply = [0; 512];
    for _ in 0..20 {
        socket.send_to(&query, (Ipv4Addr::LOCALHOST, port)).unwrap();
        if let Ok(length) = socket.recv(&mut reply) {
            return length >= 12 && reply[..2] == query[..2];
        }
    }
    false
}

/// A Corefile whose listening ports were replaced by free ones.
pub struct Moved {
    pub text: String,
    /// The port for servers that name none: `-dns.port`.
    pub port: u16,
    /// Where plain DNS is answered.
    pub dns: Vec<u16>,
}

/// Replaces the ports of server keys and of plugins that listen; each port stays one port.
pub fn move_ports(corefile: &str) -> Moved {
    let mut ports = Ports::default();
    let mut moved = Moved {
        text: String::new(),
        port: free_port(),
        dns: Vec::new(),
    };
    let mut depth = 0_usize;
    let mut snippet = false;
    for line in corefile.lines() {
        let words: Vec<&str> = line
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'))
            .collect();
        if depth == 0 && !words.is_empty() {
            snippet = words[0].starts_with('(');
        }
        let replaced = match (depth, words.first()) {
            (0, Some(first)) if !snippet && *first != "import" => {
                move_keys(&words, &mut ports, &mut moved)
            }
            (1, Some(_)) => move_directive(&words, &mut ports),
            // The endpoint that a directive has of its own.
            (2, Some(&"why")) => format!("why 127.0.0.1:{}", free_port()),
            _ => line.to_owned(),
        };
        moved.text.push_str(&replaced);
        moved.text.push('\n');
        match words.last() {
            Some(&"{") => depth += 1,
            Some(&"}") if words.len() == 1 => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    moved
}

fn move_keys(words: &[&str], ports: &mut Ports, moved: &mut Moved) -> String {
    let mut keys = Vec::new();
    for word in words {
        let key = word.trim_end_matches(',');
        let (zone, port) = split_port(key);
        let plain = key.starts_with("dns://") || !key.contains("://");
        if *word == "{" {
            keys.push((*word).to_owned());
            continue;
        }
        let listening = port.map_or(moved.port, |port| ports.instead_of(port));
        if plain {
            moved.dns.push(listening);
        }
        match port {
            Some(_) => keys.push(format!("{zone}:{listening}")),
            None if plain => keys.push(zone.to_owned()),
            // An encrypted server without a port would take the well-known one.
            None => keys.push(format!("{zone}:{}", free_port())),
        }
    }
    keys.join(" ")
}

fn move_directive(words: &[&str], ports: &mut Ports) -> String {
    let Some((_, default)) = LISTENING.iter().find(|(name, _)| *name == words[0]) else {
        return words.join(" ");
    };
    let (address, rest) = match words.get(1) {
        Some(word) if *word != "{" => (*word, &words[2..]),
        _ => (*default, &words[1..]),
    };
    let (host, port) = split_port(address);
    let moved = port.map_or_else(String::new, |port| ports.instead_of(port).to_string());
    let mut line = format!("    {} {host}:{moved}", words[0]);
    for word in rest {
        let _ = write!(line, " {word}");
    }
    line
}

/// `zone:53` as zone and port; a reverse zone in IPv6 notation has colons and no port.
fn split_port(key: &str) -> (&str, Option<u16>) {
    match key.rsplit_once(':') {
        Some((zone, port)) if !zone.ends_with(':') => match port.parse() {
            Ok(number) => (zone, Some(number)),
            Err(_) => (key, None),
        },
        _ => (key, None),
    }
}

/// The new port of each old one.
#[derive(Default)]
struct Ports(BTreeMap<u16, u16>);

impl Ports {
    fn instead_of(&mut self, port: u16) -> u16 {
        if let Some(known) = self.0.get(&port) {
            return *known;
        }
        let free = free_port();
        self.0.insert(port, free);
        free
    }
}

/// A port that was free for UDP and TCP a moment ago, below the range the kernel hands out.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run at the same time begin at different places.
    let start = u16::try_from(std::process::id() % 900).unwrap() * 20;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + start.wrapping_add(step) % 20_000;
        let free = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
        if free {
            return port;
        }
    }
}

#[test]
fn ports_of_a_corefile_are_moved_and_nothing_else() {
    let moved = move_ports(
        "(snippet) {\n    log\n}\nexample.org:53, example.net:5300 {\n    prometheus\n    \
         forward . 127.0.0.1:53\n}\n. {\n    health :8080 {\n        lameduck 5s\n    }\n}\n",
    );
    let [first, second, third] = moved.dns[..] else {
        unreachable!("{:?}", moved.dns);
    };
    assert_eq!(third, moved.port);
    let lines: Vec<&str> = moved.text.lines().map(str::trim).collect();
    assert_eq!(
        lines[3],
        format!("example.org:{first} example.net:{second} {{")
    );
    assert!(lines[4].starts_with("prometheus localhost:") && !lines[4].ends_with("9153"));
    assert_eq!(lines[5], "forward . 127.0.0.1:53");
    assert!(
        lines[8].starts_with("health :") && lines[8].ends_with('{'),
        "{}",
        lines[8]
    );
    assert_eq!(lines[9], "lameduck 5s");
}
