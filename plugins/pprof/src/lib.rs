//! Plugin `pprof`: profiles of the process over HTTP, in the format of Go's pprof tool.

mod cpu;
mod heap;
mod pages;

use std::sync::Arc;

use catena_http::{Address, Lease, Opening};
use catena_plugin::{Line, Plugin, Registration, Setup, SetupError, StartContext, StartError};
use parking_lot::Mutex;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "pprof",
    setup,
    properties: &["block"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

const DEFAULT_PORT: u16 = 6053;

struct Pprof {
    address: Address,
    lease: Mutex<Option<Lease>>,
}

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut args = line.args();
    let address = match args.next() {
        None => Address::localhost(DEFAULT_PORT),
        Some(arg) => arg.read()?,
    };
    args.finish()?;
    for property in line.properties() {
        match property.name() {
            "block" => {
                check_rate(property)?;
                cx.warn(
                    &property,
                    "block does nothing: no task of ours blocks a thread",
                );
            }
            _ => return Err(property.unknown()),
        }
    }
    let lease = Mutex::default();
    cx.add_part(Pprof { address, lease });
    Ok(())
}

/// Reads `block [RATE]`.
fn check_rate(property: Line<'_>) -> Result<(), SetupError> {
    let mut args = property.args();
    if let Some(rate) = args.next()
        && rate.text().parse::<i64>().is_err()
    {
        let text = rate.text();
        return Err(rate.error(format_args!(
            "property 'block' invalid integer value '{text}'"
        )));
    }
    args.finish()
}

impl Plugin for Pprof {
    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let opening = Opening {
            address: &self.address,
            tls: None,
            pages: Arc::new(pages::answer),
            background: context.background,
        };
        let lease = opening
            .open()
            .map_err(|error| StartError::new(format!("plugin/pprof: {error}")))?;
        heap::start_sampling();
        *self.lease.lock() = Some(lease);
        Ok(())
    }

    fn stop(&self) {
        *self.lease.lock() = None;
    }
}

#[cfg(test)]
mod tests;
