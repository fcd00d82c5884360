//! Plugin `health`: an HTTP endpoint that says the process lives, and the lameduck time.

mod check;
mod metrics;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use catena_http::{Address, Answer, Asked, Lease, Opening, Page};
use catena_plugin::{
    Line, Plugin, Registration, Setup, SetupError, StartContext, StartError, duration,
};
use parking_lot::Mutex;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "health",
    setup,
    properties: &["lameduck"],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

const DEFAULT_PORT: u16 = 8080;
const PATH: &str = "/health";

/// One endpoint; it answers as long as its generation serves, the lameduck time included.
struct Health {
    address: Address,
    lameduck: Duration,
    lease: Mutex<Option<Lease>>,
}

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let (mut address, mut lameduck) = (None, Duration::ZERO);
    for line in cx.occurrences() {
        let mut args = line.args();
        if let Some(arg) = args.next() {
            address = Some(arg.read()?);
        }
        args.finish()?;
        for property in line.properties() {
            match property.name() {
                "lameduck" => lameduck = lameduck_time(property)?,
                _ => return Err(property.unknown()),
            }
        }
    }
    cx.add_part(Health {
        address: address.unwrap_or_else(|| Address::any(DEFAULT_PORT)),
        lameduck,
        lease: Mutex::default(),
    });
    Ok(())
}

/// Reads `lameduck DURATION`; a negative one is none, as in CoreDNS.
fn lameduck_time(property: Line<'_>) -> Result<Duration, SetupError> {
    let arg = property.args().only("a duration")?;
    let text = arg.text();
    let is_negative = |text: &str| {
        let positive = text.strip_prefix('-');
        positive.is_some_and(|text| duration::parse(text).is_some())
    };
    match duration::parse(text) {
        Some(lameduck) => Ok(lameduck),
        None if is_negative(text) => Ok(Duration::ZERO),
        None => {
            let message = format!("unable to parse lameduck duration value: '{text}'");
            Err(arg
                .error(message)
                .with_hint("a number with a unit is expected, such as 5s"))
        }
    }
}

fn answer(asked: &Asked) -> Option<Answer> {
    (asked.path == PATH).then(|| Answer::Now(Page::text(200, "OK")))
}

impl Plugin for Health {
    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let opening = Opening {
            address: &self.address,
            tls: None,
            pages: Arc::new(answer),
            background: context.background,
        };
        let lease = opening
            .open()
            .map_err(|error| StartError::new(format!("plugin/health: {error}")))?;
        context.spawn(check::check_each_second(self.address.authority()));
        *self.lease.lock() = Some(lease);
        Ok(())
    }

    fn shutting_down(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let lameduck = self.lameduck;
        if lameduck.is_zero() {
            return None;
        }
        Some(Box::pin(async move {
            let text = duration::format(lameduck);
            tracing::info!(target: "plugin/health", "Going into lameduck mode for {text}");
            tokio::time::sleep(lameduck).await;
        }))
    }

    fn stop(&self) {
        *self.lease.lock() = None;
    }
}

#[cfg(test)]
mod tests;
