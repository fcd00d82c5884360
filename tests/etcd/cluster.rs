//! A cluster of three etcd members on this machine.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{etcdctl, soon};
use crate::programs::have;
use crate::server::free_port;

/// Its members; killed when dropped.
pub struct Cluster {
    members: Vec<Member>,
    folder: TempDir,
}

struct Member {
    client: u16,
    peer: u16,
    child: Option<Child>,
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

impl Cluster {
    /// Starts three members and waits for a leader; `None` without etcd.
    pub fn start() -> Option<Cluster> {
        if !have("etcd", "etcd-server") {
            return None;
        }
        let member = |_| Member {
            client: free_port(),
            peer: free_port(),
            child: None,
        };
        let mut cluster = Cluster {
            members: (0..3).map(member).collect(),
            folder: tempfile::tempdir().unwrap(),
        };
        for index in 0..3 {
            cluster.spawn(index);
        }
        cluster.leader();
        Some(cluster)
    }

    /// Where clients reach it, with commas between.
    pub fn endpoints(&self) -> String {
        let all = self.members.iter().map(|member| url(member.client));
        all.collect::<Vec<_>>().join(",")
    }

    /// The member that leads, as soon as there is one.
    pub fn leader(&self) -> usize {
        self.leaders().0
    }

    /// The member that leads, and the id of one that does not.
    fn leaders(&self) -> (usize, String) {
        let mut found = None;
        soon("no leader", || {
            let alive = (0..3).filter(|index| self.members[*index].child.is_some());
            let known: Vec<_> = alive
                .filter_map(|index| Some((index, self.status(index)?)))
                .collect();
            let leads = |(_, (id, leader)): &&(usize, (String, String))| id == leader;
            let leader = known.iter().find(leads);
            let other = known.iter().find(|known| !leads(known));
            if let (Some((index, _)), Some((_, (id, _)))) = (leader, other) {
                found = Some((*index, id.clone()));
            }
            found.is_some()
        });
        found.unwrap()
    }

    /// The ids of a member and of its leader, in hexadecimal.
    fn status(&self, index: usize) -> Option<(String, String)> {
        let mut command = Command::new("etcdctl");
        let command = command.env("ETCDCTL_API", "3").arg("--endpoints");
        let command = command.arg(url(self.members[index].client));
        let output = command.args(["endpoint", "status", "-w", "json"]).output();
        let status: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).ok()?;
        let status = &status[0]["Status"];
        let id = status["header"]["member_id"].as_u64()?;
        let leader = status["leader"].as_u64().filter(|leader| *leader != 0)?;
        Some((format!("{id:x}"), format!("{leader:x}")))
    }

    /// Makes another member the leader, and says which.
    pub fn move_leader(&self) -> usize {
        let (leader, other) = self.leaders();
        etcdctl(&url(self.members[leader].client), &["move-leader", &other]);
        self.leader()
    }

    /// Kills a member, as a crash would.
    pub fn kill(&mut self, index: usize) {
        let mut child = self.members[index].child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts a member again with what it has stored.
    pub fn restart(&mut self, index: usize) {
        self.spawn(index);
    }

    fn spawn(&mut self, index: usize) {
        let all = (0..3).map(|other| format!("m{other}={}", url(self.members[other].peer)));
        let all = all.collect::<Vec<_>>().join(",");
        let name = format!("m{index}");
        let member = &mut self.members[index];
        let (client, peer) = (url(member.client), url(member.peer));
        let mut command = Command::new("etcd");
        command
            .args(["--name", &name, "--data-dir"])
            .arg(self.folder.path().join(&name))
            .args(["--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &all])
            .args(["--logger", "zap", "--log-level", "error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        member.child = Some(command.spawn().unwrap());
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
