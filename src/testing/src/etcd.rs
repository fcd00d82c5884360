//! A real etcd, started for one test and killed after it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How often a start is tried.
const STARTS: u32 = 5;
/// How often it is asked whether it is up.
const TRIES: u32 = 1500;
const PAUSE: Duration = Duration::from_millis(20);
const HTTP_TIME_MAX: Duration = Duration::from_secs(5);

/// One etcd of a cluster of one, with its data in a folder of its own.
pub struct Etcd {
    child: Child,
    folder: TempDir,
    port: u16,
    peer: u16,
    options: Vec<String>,
}

impl Etcd {
    /// Starts one with `options`; `None` where the program is missing, which fails with `CI=true`.
    pub fn start(options: &[&str]) -> Option<Etcd> {
        let is_there = Command::new("etcd").arg("--version").output();
        if is_there.is_err() {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "etcd is missing"
            );
            eprintln!("SKIPPED: no etcd (Debian's package is etcd-server)");
            return None;
        }
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        // Another test may take a port before etcd does, which ends etcd.
        for _ in 0..STARTS {
            let folder = tempfile::tempdir().unwrap();
            let (port, peer) = (free_port(), free_port());
            let mut etcd = Etcd {
                child: run(&folder, port, peer, &options),
                folder,
                port,
                peer,
                options: options.clone(),
            };
            if etcd.answers() {
                return Some(etcd);
            }
        }
        panic!("etcd ends when it is started");
    }

    /// Where clients reach it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a crash would.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again with what it has stored, and waits until it answers.
    pub fn restart(&mut self) {
        for _ in 0..STARTS {
            self.child = run(&self.folder, self.port, self.peer, &self.options);
            if self.answers() {
                return;
            }
        }
        panic!("etcd ends when it is started again");
    }

    /// Sends it a signal by its name, such as `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.child.id().to_string());
        let sent = Command::new("kill").args([signal, id]).status();
        assert!(sent.unwrap().success());
    }

    /// Calls its HTTP gateway, such as `kv/compaction` with `{"revision":5}`; what it answers.
    pub fn call(&self, path: &str, body: &str) -> String {
        self.try_call("POST", &format!("/v3/{path}"), body).unwrap()
    }

    /// Waits until it answers; `false` if it has ended.
    fn answers(&mut self) -> bool {
        for _ in 0..TRIES {
            let health = self.try_call("GET", "/health", "").unwrap_or_default();
            // What answers may be another one that has the port.
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if health.contains("true") {
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("etcd does not start");
    }

    fn try_call(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(HTTP_TIME_MAX))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: etcd\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned());
        Ok(body.unwrap_or_default())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn run(folder: &TempDir, port: u16, peer: u16, options: &[String]) -> Child {
    let (client, peer) = (
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{peer}"),
    );
    Command::new("etcd")
        .arg("--data-dir")
        .arg(folder.path())
        .args(["--listen-client-urls", &client])
        .args(["--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer])
        .args(["--initial-advertise-peer-urls", &peer])
        .arg(format!("--initial-cluster=default={peer}"))
        .args(["--logger", "zap", "--log-level", "error"])
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
