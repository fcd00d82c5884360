//! Plugin `ready`: an HTTP endpoint that says whether all plugins can answer.

mod blocks;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use catena_http::{Address, Lease, Opening};
use catena_plugin::{Plugin, Registration, Setup, SetupError, StartContext, StartError};
use parking_lot::Mutex;

use blocks::{Block, Monitor};

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "ready",
    setup,
    properties: &["monitor"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

const DEFAULT_PORT: u16 = 8181;

struct Ready {
    address: Address,
    monitor: Monitor,
    running: Mutex<Option<Running>>,
}

/// What lives as long as the generation.
struct Running {
    _lease: Option<Lease>,
    block: Arc<Block>,
}

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut args = line.args();
    let address = match args.next() {
        None => Address::any(DEFAULT_PORT),
        Some(arg) => arg.read()?,
    };
    args.finish()?;
    let mut monitor = Monitor::UntilReady;
    for property in line.properties() {
        if property.name() != "monitor" {
            return Err(property.unknown());
        }
        let arg = property.args().only("until-ready or continuously")?;
        monitor = match arg.text() {
            "until-ready" => Monitor::UntilReady,
            "continuously" => Monitor::Continuously,
            other => {
                let error = arg.error(format_args!("monitor type '{other}' not supported"));
                return Err(error.with_hint("it knows until-ready and continuously"));
            }
        };
    }
    let running = Mutex::default();
    cx.add_part(Ready {
        address,
        monitor,
        running,
    });
    Ok(())
}

impl Plugin for Ready {
    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let opening = Opening {
            address: &self.address,
            tls: None,
            pages: Arc::new(blocks::answer),
            background: context.background,
        };
        // As in CoreDNS the server serves on without the endpoint.
        let lease = opening.open();
        if let Err(error) = &lease {
            tracing::error!(target: "plugin/ready", "{error}");
        }
        *self.running.lock() = Some(Running {
            _lease: lease.ok(),
            block: blocks::join(context.parts, context.control, self.monitor),
        });
        Ok(())
    }

    fn shutting_down(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        if let Some(running) = &*self.running.lock() {
            running.block.end();
        }
        None
    }

    fn stop(&self) {
        *self.running.lock() = None;
    }
}

#[cfg(test)]
mod tests;
