//! What Istio was recorded to tell, scenario by scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::objects::documents;

/// A folder of recordings.
pub struct Scenario {
    pub name: String,
    folder: PathBuf,
    about: Value,
    /// What the API server would not take.
    refused: BTreeSet<String>,
}

/// One who asks.
pub struct Viewer {
    pub name: String,
    /// The properties of `serviceentry` that make it this viewer.
    pub properties: String,
    /// Its search domains, with dots at both ends.
    pub search: Vec<String>,
}

/// The recorded scenarios, by name.
pub fn all() -> Vec<Scenario> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/istio/corpus");
    let folders = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.into_iter().map(Scenario::read).collect()
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|_| "null".to_owned());
    serde_json::from_str(&text).unwrap()
}

/// The part of a list of phases that is about one.
fn part<'v>(list: &'v Value, key: &str, wanted: &str) -> &'v Value {
    let mut parts = list.as_array().into_iter().flatten();
    let found = parts.find(|part| part[key] == wanted);
    found.unwrap_or(&Value::Null)
}

impl Scenario {
    fn read(folder: PathBuf) -> Scenario {
        let about = read(&folder.join("scenario.json"));
        let refused = about["refused"].as_array().unwrap().iter().map(|refused| {
            let message = refused["message"].as_str().unwrap();
            let quoted = message.split('"').collect::<Vec<_>>();
            let at = quoted
                .iter()
                .position(|text| text.starts_with(" is invalid"))
                .unwrap();
            quoted[at - 1].to_owned()
        });
        Scenario {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            refused: refused.collect(),
            about,
            folder,
        }
    }

    pub fn phases(&self) -> Vec<String> {
        let phases = self.about["phases"].as_array().unwrap();
        phases
            .iter()
            .map(|phase| phase.as_str().unwrap().to_owned())
            .collect()
    }

    /// Addresses come from a hash of the host, not from a status.
    pub fn is_hashed(&self) -> bool {
        self.about["istiod_env"]["PILOT_ENABLE_IP_AUTOALLOCATE"] == "false"
    }

    /// The step to a phase: objects to apply, and objects to delete.
    pub fn step(&self, phase: &str) -> (Vec<Value>, Vec<Value>) {
        let file = |path: PathBuf| -> Vec<Value> {
            let text = fs::read_to_string(path).unwrap_or_default();
            let is_taken = |object: &Value| {
                let name = object["metadata"]["name"].as_str().unwrap();
                !self.refused.contains(name)
            };
            documents(&text).into_iter().filter(is_taken).collect()
        };
        if phase == "0-initial" {
            return (file(self.folder.join("objects.yaml")), Vec::new());
        }
        let changes = self.folder.join("changes");
        let apply = file(changes.join(format!("{phase}.apply.yaml")));
        (apply, file(changes.join(format!("{phase}.delete.yaml"))))
    }

    /// Namespace, name and status of the entries of a phase.
    pub fn statuses(&self, phase: &str) -> Vec<(String, String, Value)> {
        let recorded = read(&self.folder.join("status-addresses.json"));
        let phase = part(&recorded["phases"], "phase", phase);
        let entries = phase["serviceentries"].as_array().into_iter().flatten();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
        entries
            .map(|entry| {
                (
                    text(entry, "namespace"),
                    text(entry, "name"),
                    entry["status"].clone(),
                )
            })
            .collect()
    }

    /// The viewers that are workloads with a proxy beside them: gateways see hosts only when
    /// somebody else in their namespace does, which is no rule to follow.
    pub fn viewers(&self) -> Vec<Viewer> {
        let viewers = self.about["viewers"].as_array().unwrap().iter();
        let workloads = viewers.filter(|viewer| viewer["node_type"] == "sidecar");
        workloads.map(|viewer| self.viewer(viewer)).collect()
    }

    fn viewer(&self, viewer: &Value) -> Viewer {
        let text = |key: &str| viewer[key].as_str().unwrap_or_default();
        let labels = viewer["labels"].as_object().unwrap().iter();
        let labels: Vec<String> = labels
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
            .collect();
        let mut properties = format!(
            "workload {} {}\naddresses {}\n",
            text("namespace"),
            labels.join(" "),
            text("instance_ips").replace(',', " ")
        );
        let search = match text("search") {
            "" => "off",
            domains => domains,
        };
        properties.push_str(&format!("search {search}\n"));
        let lacks = |key: &str| viewer["metadata"].get(key).is_some_and(Value::is_null);
        if lacks("DNS_CAPTURE") || (self.is_hashed() && lacks("DNS_AUTO_ALLOCATE")) {
            properties.push_str("automatic off\n");
        } else if self.is_hashed() {
            properties.push_str("automatic hash\n");
        }
        if self.about["istiod_env"]["ISTIO_DUAL_STACK"] == "true" {
            properties.push_str("dual_stack\n");
        }
        let domains = text("search").split_whitespace();
        let domains = domains.map(|domain| domain.trim_end_matches('.').to_ascii_lowercase());
        Viewer {
            name: text("viewer").to_owned(),
            properties,
            search: domains.map(|domain| format!(".{domain}.")).collect(),
        }
    }

    /// What a viewer's table had in a phase: addresses by host, sorted.
    pub fn table(&self, viewer: &str, phase: &str) -> BTreeMap<String, BTreeSet<String>> {
        let recorded = read(&self.folder.join("nametable.json"));
        let viewer = part(&recorded["viewers"], "viewer", viewer);
        let phase = part(&viewer["phases"], "phase", phase);
        let hosts = phase["table"].as_object().into_iter().flatten();
        let addresses = |info: &Value| {
            let ips = info["ips"].as_array().unwrap().iter();
            ips.map(|ip| canonical(ip.as_str().unwrap())).collect()
        };
        hosts
            .map(|(host, info)| (host.clone(), addresses(info)))
            .collect()
    }

    /// All hosts that any viewer was ever told of.
    pub fn hosts(&self) -> BTreeSet<String> {
        let recorded = read(&self.folder.join("nametable.json"));
        let viewers = recorded["viewers"].as_array().unwrap().iter();
        let phases = viewers.flat_map(|viewer| viewer["phases"].as_array().unwrap());
        let hosts = phases.flat_map(|phase| phase["table"].as_object().into_iter().flatten());
        hosts.map(|(host, _)| host.clone()).collect()
    }

    /// Whatever name the agent of a viewer was asked for in a phase, with the addresses that it
    /// told itself; without, if it asked somebody else.
    ///
    /// Names with an IPv4 address in IPv6 form are left out: it tells that as an AAAA record.
    pub fn answers(&self, viewer: &str, phase: &str) -> Vec<Answer> {
        let recorded = read(&self.folder.join("agent-answers.json"));
        let phase = part(&recorded["phases"], "phase", phase);
        let viewer = part(&phase["viewers"], "viewer", viewer);
        let answers = viewer["answers"].as_array().into_iter().flatten();
        let is_mapped = |answer: &&Value| answer.to_string().contains("::ffff:");
        let mapped = answers.clone().filter(is_mapped);
        let mapped: BTreeSet<String> = mapped.map(|answer| answer["name"].to_string()).collect();
        let plain = answers.filter(|answer| !mapped.contains(&answer["name"].to_string()));
        plain.filter_map(Answer::read).collect()
    }
}

/// An answer of the older istio-coredns-plugin.
pub struct Legacy {
    pub name: String,
    pub rtype: String,
    pub rcode: String,
    /// The records as text, sorted.
    pub records: Vec<String>,
}

impl Scenario {
    /// What the older plugin was told to answer for entries without an address, if it was asked
    /// at all.
    pub fn legacy_default(&self) -> Option<String> {
        let recorded = read(&self.folder.join("coredns-plugin-answers.json"));
        let default = recorded.get("default_address")?;
        Some(default.as_str().unwrap_or_default().to_owned())
    }

    /// Whether several entries have a host in a phase: which of them the older plugin answers
    /// was chance.
    pub fn is_chance(&self, name: &str, phase: &str) -> bool {
        let recorded = read(&self.folder.join("status-addresses.json"));
        let phase = part(&recorded["phases"], "phase", phase);
        let entries = phase["serviceentries"].as_array().into_iter().flatten();
        let host = name.trim_end_matches('.');
        let has = |entry: &&Value| entry["hosts"].as_array().unwrap().iter().any(|h| h == host);
        entries.filter(has).count() > 1
    }

    /// What the older plugin answered in a phase.
    pub fn legacy(&self, phase: &str) -> Vec<Legacy> {
        let recorded = read(&self.folder.join("coredns-plugin-answers.json"));
        let phase = part(&recorded["phases"], "phase", phase);
        let answers = phase["answers"].as_array().into_iter().flatten();
        answers.map(Legacy::read).collect()
    }
}

impl Legacy {
    fn read(recorded: &Value) -> Legacy {
        let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
        let records = recorded["answer"].as_array().into_iter().flatten();
        let records = records.map(|record| record.as_str().unwrap().to_owned());
        let mut records: Vec<String> = records.collect();
        records.sort();
        Legacy {
            name: text("name"),
            rtype: text("type"),
            rcode: text("rcode"),
            records,
        }
    }
}

/// An answer of Istio's agent.
pub struct Answer {
    pub name: String,
    pub rtype: String,
    pub addresses: Option<BTreeSet<String>>,
}

impl Answer {
    fn read(recorded: &Value) -> Option<Answer> {
        let text = |key: &str| recorded[key].as_str().unwrap_or_default();
        // What does not fit is told at random.
        let mut flags = recorded["flags"].as_array().into_iter().flatten();
        let is_cut = flags.any(|flag| flag == "tc");
        let is_plain = matches!(text("type"), "A" | "AAAA") && recorded.get("class").is_none();
        if !is_plain || recorded.get("error").is_some() || text("rcode") == "SERVFAIL" || is_cut {
            return None;
        }
        let was_told = recorded["upstream_saw"].as_array().unwrap().is_empty();
        let records = recorded["answer"].as_array().into_iter().flatten();
        let addresses = records.filter_map(|record| {
            let words: Vec<&str> = record.as_str().unwrap().split_whitespace().collect();
            (words[3] == text("type")).then(|| canonical(words[4]))
        });
        Some(Answer {
            name: text("name").to_owned(),
            rtype: text("type").to_owned(),
            addresses: was_told.then(|| addresses.collect()),
        })
    }
}

fn canonical(address: &str) -> String {
    let address: std::net::IpAddr = address.parse().unwrap();
    address.to_canonical().to_string()
}
