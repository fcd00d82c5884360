//! Plugin bind: the server block listens on chosen addresses or interfaces only.

mod interfaces;

use catena_plugin::{Line, Registration, Setup, SetupError};

use interfaces::{Address, Interfaces};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "bind",
    setup,
    properties: &["except"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let interfaces = Interfaces::read();
    let mut all = Vec::new();
    for line in cx.occurrences() {
        let (wanted, except) = read(&line, &interfaces)?;
        all.extend(
            wanted
                .into_iter()
                .filter(|address| !except.contains(address)),
        );
        cx.server.bind_span.get_or_insert(line.span());
    }
    // Without an address the block would listen on all of them.
    if let Some(line) = cx.occurrences().next().filter(|_| all.is_empty()) {
        let error = line.error("no address is left to listen on");
        return Err(error.with_hint("the interface has none, or except names all of them"));
    }
    cx.server.bind = all.iter().map(ToString::to_string).collect();
    Ok(())
}

/// The addresses of one line: those to listen on, and those to leave out.
fn read(
    line: &Line<'_>,
    interfaces: &Interfaces,
) -> Result<(Vec<Address>, Vec<Address>), SetupError> {
    if line.args().is_empty() {
        let error = line.error("at least one address or interface name is expected");
        return Err(error.with_hint("such as 127.0.0.1 or eth0"));
    }
    let wanted = addresses(line, interfaces)?;
    let mut except = Vec::new();
    for property in line.properties() {
        if property.name() != "except" {
            let error = property.error(format_args!("invalid option \"{}\"", property.name()));
            return Err(error.with_hint("it knows except"));
        }
        if property.args().is_empty() {
            return Err(property
                .error("at least one address or interface must be given to except subdirective"));
        }
        except = addresses(&property, interfaces)?;
    }
    Ok((wanted, except))
}

/// The addresses that the arguments of `line` stand for.
fn addresses(line: &Line<'_>, interfaces: &Interfaces) -> Result<Vec<Address>, SetupError> {
    let mut all = Vec::new();
    for arg in line.args() {
        let found = interfaces.addresses(arg.text()).ok_or_else(|| {
            let text = arg.text();
            let error = format!("not a valid IP address or interface name: \"{text}\"");
            arg.error(error).with_hint(interfaces.hint())
        })?;
        all.extend(found);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
