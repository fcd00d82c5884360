//! Names as Istio's agent answered them, from the same tables.

use std::collections::BTreeSet;

use catena_testing::recording::{Recording, Response, text, texts};
use catena_testing::{Block, Call, Istiod};
use serde_json::Value;

use crate::PLUGIN;

/// A viewer of a recording, with the stream of an agent's table.
struct Viewer {
    name: String,
    phases: Vec<String>,
    responses: Vec<Response>,
    corefile: String,
    search: String,
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn named<'v>(all: &'v [Value], key: &str, name: &str) -> Option<&'v Value> {
    all.iter().find(|value| text(value, key) == name)
}

impl Viewer {
    fn of(recording: &Recording, name: &str, responses: Vec<Response>) -> Option<Viewer> {
        let scenario = recording.json("scenario");
        let viewer = named(list(&scenario, "viewers"), "viewer", name)?;
        let domain = text(viewer, "search").to_ascii_lowercase();
        // An agent knows the first domain only.
        let search = domain.split_whitespace().next().unwrap_or("off");
        let namespace = text(viewer, "namespace");
        let addresses = text(viewer, "instance_ips").replace(',', " ");
        let corefile = format!(
            ". {{
                serviceentry {{
                    istiod ADDRESS
                    workload {namespace}
                    addresses {addresses}
                    services
                    search {search}
                    fallthrough
                }}
                script {{
                    * * rcode SERVFAIL
                }}
            }}"
        );
        Some(Viewer {
            name: name.to_owned(),
            phases: recording.phases(),
            responses,
            corefile,
            search: search.trim_end_matches('.').to_owned(),
        })
    }
}

/// Sends what came in `phase`, and waits until it is taken.
async fn push(viewer: &Viewer, phase: &str, call: &mut Call) {
    for response in viewer.responses.iter().filter(|of| of.phase == phase) {
        call.answer(&response.octets);
        call.query().await.unwrap();
    }
}

/// The addresses of an answer, or why there is none.
fn print(rcode: &str, records: impl Iterator<Item = String>) -> String {
    let addresses = records.filter_map(|record| {
        let words: Vec<&str> = record.split_whitespace().collect();
        match words.as_slice() {
            [.., "A" | "AAAA", address] => Some((*address).to_owned()),
            _ => None,
        }
    });
    let addresses: BTreeSet<String> = addresses.collect();
    let addresses = Vec::from_iter(addresses);
    format!("{rcode} {}", addresses.join(" "))
}

/// What the agent said, and what we say, where that differs.
///
/// Left out is what was truncated, and a name behind a search domain that it ends in already:
/// the agent passes that on, we answer it as any other.
async fn compare(block: &Block, answer: &Value, search: &str) -> Option<String> {
    let (name, qtype) = (text(answer, "name"), text(answer, "type"));
    let is_cut = list(answer, "flags").iter().any(|flag| flag == "tc");
    let is_passed = !list(answer, "upstream_saw").is_empty();
    let is_twice = name
        .to_lowercase()
        .ends_with(&format!(".{search}.{search}."));
    let is_address = matches!(qtype.as_str(), "A" | "AAAA") && answer.get("class").is_none();
    if !is_address || is_cut || (is_passed && is_twice) {
        return None;
    }
    let theirs = match is_passed {
        true => "passed".to_owned(),
        false => print(
            &text(answer, "rcode"),
            answer
                .get("answer")
                .map(texts)
                .unwrap_or_default()
                .into_iter(),
        ),
    };
    let said = block.ask(&format!("{name} {qtype} tcp")).await;
    let ours = match said.contains("script saw") || said.starts_with("SERVFAIL") {
        true => "passed".to_owned(),
        false => {
            let rcode = said.split_whitespace().next().unwrap_or("");
            let answers = said.lines().filter(|line| line.starts_with("  answer"));
            print(rcode, answers.map(str::to_owned))
        }
    };
    (ours != theirs).then(|| format!("{name} {qtype}: {ours}, and the agent: {theirs}"))
}

async fn replay(recording: &Recording, viewer: &Viewer, stem: &str) -> (usize, Vec<String>) {
    let answers = recording.json("agent-answers");
    let mut istiod = Istiod::start().await;
    let protocol = match stem {
        "xds-sotw" => "protocol sotw\n",
        _ => "protocol delta\n",
    };
    let place = format!("{}\n{protocol}", istiod.address());
    let corefile = viewer.corefile.replace("ADDRESS", &place);
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    let first = viewer.phases.first().unwrap();
    let (started, call) = tokio::join!(block.start(), async {
        let mut call = istiod.call().await;
        call.query().await.unwrap();
        push(viewer, first, &mut call).await;
        call
    });
    started.unwrap();
    let (mut call, mut asked, mut wrong) = (call, 0, Vec::new());
    for phase in &viewer.phases {
        if phase != first {
            push(viewer, phase, &mut call).await;
        }
        let place = format!("{} {} {phase}", recording.name, viewer.name);
        let Some(of_phase) = named(list(&answers, "phases"), "phase", phase) else {
            continue;
        };
        let Some(own) = named(list(of_phase, "viewers"), "viewer", &viewer.name) else {
            continue;
        };
        for answer in list(own, "answers") {
            asked += 1;
            let differs = compare(&block, answer, &viewer.search).await;
            wrong.extend(differs.map(|text| format!("{place}: {text}")));
        }
    }
    block.stop();
    (asked, wrong)
}

async fn replay_all(stem: &str) {
    let (mut asked, mut wrong) = (0, Vec::new());
    for recording in Recording::all() {
        for (name, responses) in recording.responses(stem) {
            let Some(viewer) = Viewer::of(&recording, &name, responses) else {
                continue;
            };
            let (more, others) = replay(&recording, &viewer, stem).await;
            asked += more;
            wrong.extend(others);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 2500, "{asked} asked");
}

#[tokio::test]
async fn states_of_the_world_are_answered_as_recorded() {
    replay_all("xds-sotw").await;
}

#[tokio::test]
async fn differences_are_answered_as_recorded() {
    replay_all("xds-delta").await;
}
