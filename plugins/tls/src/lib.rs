//! Plugin `tls`: the certificate that encrypted listeners show.
//!
//! It only says which; the server reads the files, so that a listener finds the certificate of
//! the generation that serves.

use catena_plugin::{Arg, ClientCertificates, Line, Registration, Setup, SetupError, TlsFiles};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "tls",
    setup,
    properties: &["client_auth", "keylog"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// What `client_auth` may say.
const CLIENTS: [(&str, ClientCertificates); 5] = [
    ("nocert", ClientCertificates::Unasked),
    ("request", ClientCertificates::Requested),
    ("require", ClientCertificates::Required),
    ("verify_if_given", ClientCertificates::VerifiedIfGiven),
    (
        "require_and_verify",
        ClientCertificates::RequiredAndVerified,
    ),
];

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    for line in cx.occurrences() {
        // The last line counts, as in CoreDNS.
        cx.server.tls = Some(read(&line, cx)?);
    }
    Ok(())
}

fn read(line: &Line<'_>, cx: &Setup<'_>) -> Result<TlsFiles, SetupError> {
    let mut args = line.args();
    let Some(certificate) = args.next() else {
        let error = line.error("certificates from ACME are not available");
        return Err(error.with_hint("name the files: tls CERT KEY [CA]"));
    };
    let path = |arg: Arg<'_>| cx.server.path(arg.text());
    let mut files = TlsFiles {
        certificate: path(certificate),
        key: path(args.required("the file of the key")?),
        ca: args.next().map(path),
        clients: ClientCertificates::default(),
        key_log: None,
        span: line.span(),
    };
    args.finish()?;
    for property in line.properties() {
        match property.name() {
            "client_auth" => files.clients = clients(&property)?,
            "keylog" => files.key_log = Some(path(property.args().only("a file")?)),
            _ => return Err(property.unknown()),
        }
    }
    Ok(files)
}

fn clients(property: &Line<'_>) -> Result<ClientCertificates, SetupError> {
    let arg = property.args().only("what clients have to show")?;
    let mut known = CLIENTS.iter();
    let found = known.find(|(name, _)| *name == arg.text());
    found.map(|(_, clients)| *clients).ok_or_else(|| {
        let error = arg.error(format_args!("unknown authentication type '{}'", arg.text()));
        error.with_hint(format!(
            "it is one of {}",
            CLIENTS.map(|(name, _)| name).join(", ")
        ))
    })
}

#[cfg(test)]
mod tests;
