//! Asks the register agents of Services, one after the other until one answers, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use catena_http::client;
use catena_plugin::clock::{self, Instant};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep_until;

use crate::interfaces::{self, Untold};
use crate::metrics::AGENTS;
use crate::registry::Registry;
use crate::store::Told;
use crate::{Id, registry};

/// Services whose agents are asked at the same time.
const AT_ONCE: usize = 64;
/// How long one agent may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first wait after nobody answered; it doubles up to the usual time between rounds.
const RETRY: Duration = Duration::from_secs(1);

/// When whose agents are asked; it outlives the generation that asks.
#[derive(Default)]
pub(crate) struct Rounds {
    services: BTreeMap<Id, Round>,
    due: BTreeSet<(Instant, Id)>,
}

struct Round {
    agents: Vec<IpAddr>,
    due: Instant,
    failures: u32,
    /// What was wrong last, so that it is told once.
    wrong: String,
}

/// What came of asking.
struct Answer {
    service: Id,
    /// Who was asked.
    agents: Vec<IpAddr>,
    told: Told,
    wrong: String,
}

/// Asks for as long as it is polled.
pub(crate) async fn run(registry: &Registry, rounds: &mut Rounds) {
    let mut asked = registry.asked();
    // What another generation was asking when it ended is asked again.
    rounds.restart();
    let mut running = FuturesUnordered::new();
    loop {
        let current = asked.borrow_and_update().clone();
        rounds.follow(&current);
        while running.len() < AT_ONCE
            && let Some((service, agents)) = rounds.next_due()
        {
            running.push(ask(service, agents, registry.watched.agent_port));
        }
        let next = rounds.first_due().filter(|_| running.len() < AT_ONCE);
        let due = sleep_until(next.unwrap_or_else(clock::now));
        tokio::select! {
            changed = asked.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some(answer) = running.next() => {
                rounds.note(&answer, registry.watched.poll);
                registry.change(|store| store.note_told(&answer.service, answer.told));
            }
            () = due, if next.is_some() => {}
        }
    }
}

impl Rounds {
    fn restart(&mut self) {
        let now = clock::now();
        self.due = self.services.keys().map(|id| (now, id.clone())).collect();
        self.services.values_mut().for_each(|round| round.due = now);
    }

    /// Takes up what is to be asked now; what is new or has moved is asked at once.
    fn follow(&mut self, asked: &registry::Asked) {
        let due = &mut self.due;
        self.services.retain(|id, round| {
            let stays = asked.contains_key(id);
            if !stays {
                due.remove(&(round.due, id.clone()));
            }
            stays
        });
        for (id, agents) in &**asked {
            let now = clock::now();
            match self.services.get_mut(id) {
                Some(round) if round.agents == *agents => {}
                Some(round) => {
                    round.agents.clone_from(agents);
                    // One that is being asked now is not due; it is asked again right after.
                    if self.due.remove(&(round.due, id.clone())) {
                        self.due.insert((now, id.clone()));
                    }
                    round.due = now;
                    round.failures = 0;
                }
                None => {
                    self.due.insert((now, id.clone()));
                    let round = Round {
                        agents: agents.clone(),
                        due: now,
                        failures: 0,
                        wrong: String::new(),
                    };
                    self.services.insert(id.clone(), round);
                }
            }
        }
    }

    fn first_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes out the Service to ask next, if its time has come.
    fn next_due(&mut self) -> Option<(Id, Vec<IpAddr>)> {
        if self.first_due()? > clock::now() {
            return None;
        }
        let (_, id) = self.due.pop_first()?;
        let round = self.services.get(&id)?;
        Some((id, round.agents.clone()))
    }

    /// Says when the Service is asked again.
    fn note(&mut self, answer: &Answer, poll: Duration) {
        let Some(round) = self.services.get_mut(&answer.service) else {
            return;
        };
        let wait = match answer.told {
            Some(_) => {
                round.failures = 0;
                poll
            }
            None => {
                let wait = RETRY.saturating_mul(1 << round.failures.min(16));
                round.failures += 1;
                wait.min(poll)
            }
        };
        if answer.wrong != round.wrong {
            match answer.wrong.as_str() {
                "" => tracing::info!(
                    target: "plugin/rpcservice",
                    "The agents of {} answer", answer.service
                ),
                wrong => tracing::warn!(
                    target: "plugin/rpcservice",
                    "No agent of {} tells its interfaces: {wrong}", answer.service
                ),
            }
            round.wrong.clone_from(&answer.wrong);
        }
        // Those that came meanwhile are asked now.
        let wait = match answer.agents == round.agents {
            true => wait,
            false => Duration::ZERO,
        };
        self.due.remove(&(round.due, answer.service.clone()));
        round.due = clock::now() + wait;
        self.due.insert((round.due, answer.service.clone()));
    }
}

async fn ask(service: Id, agents: Vec<IpAddr>, port: u16) -> Answer {
    let mut wrong = String::new();
    for agent in &agents {
        let address = SocketAddr::new(*agent, port);
        match ask_one(address).await {
            Ok(told) => {
                AGENTS.with(&["told"]).inc();
                return Answer {
                    service,
                    agents,
                    told: Some(told),
                    wrong: String::new(),
                };
            }
            Err(error) => wrong = format!("{address}: {error}"),
        }
    }
    let result = match wrong.as_str() {
        // A Service without endpoints has nobody to ask.
        "" => "unknown",
        _ => "failed",
    };
    AGENTS.with(&[result]).inc();
    Answer {
        service,
        agents,
        told: None,
        wrong,
    }
}

async fn ask_one(address: SocketAddr) -> Result<std::sync::Arc<[Box<str>]>, AskError> {
    let url = format!("http://{address}{}", interfaces::PATH);
    let body = client::get(&url, interfaces::BODY_MAX, PATIENCE).await?;
    Ok(interfaces::read(&body)?)
}

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Fetch(#[from] client::FetchError),
    #[error(transparent)]
    Untold(#[from] Untold),
}

#[cfg(test)]
mod tests;
