//! From the tree of a Corefile to server blocks with their chains; pure, but for what setups read.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use catena_corefile::{
    Corefile, Diagnostic, Diagnostics, Directive, Environment, ServerBlock, nearest, parse_all,
};
use catena_dns::Name;
use catena_plugin::{Chain, Registration, ServerConfig, Setup, Stage};

use crate::certificate::Certificate;
use crate::keys::{Claim, Key, Scheme, find_overlaps};
use crate::legacy::modernise;

/// Directives whose presence lets classes other than IN into a listener, as in CoreDNS.
const ANY_CLASS: [&str; 2] = ["chaos", "forward"];

/// How clients may be served so far.
const AVAILABLE: [Scheme; 2] = [Scheme::Dns, Scheme::Tls];

/// The directive that chooses queries for its block; its first argument is a label of metrics.
const VIEW: &str = "view";

/// A server block ready to start.
pub struct Block {
    /// What its directives have set for the server.
    pub config: ServerConfig,
    /// The stages queries meet.
    pub chain: Arc<Chain>,
    /// All parts, stages included, in the order of the list of plugins.
    pub parts: Vec<Stage>,
    /// What encrypted listeners show; without it they speak in plain text, as in CoreDNS.
    pub certificate: Option<Arc<Certificate>>,
    /// Where it listens, and for which zones.
    pub endpoints: Vec<Endpoint>,
    /// The directives that stand in it.
    pub directives: Vec<&'static str>,
}

/// One zone of a block on one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How queries arrive.
    pub scheme: Scheme,
    /// As the listener is named, such as `:53` or `127.0.0.1:53`.
    pub label: String,
    /// Where to listen.
    pub address: SocketAddr,
    /// The zone.
    pub zone: Name,
}

impl Endpoint {
    /// The listener as metrics name it, such as `dns://:53`: one for each scheme and label.
    pub fn listener(&self) -> String {
        format!("{}://{}", self.scheme, self.label)
    }
}

/// All server blocks of a Corefile.
#[derive(Default)]
pub struct Assembly {
    /// The blocks that could be made.
    pub blocks: Vec<Block>,
    /// What is wrong or out of date.
    pub findings: Vec<Diagnostic>,
}

/// Sets up every plugin of every server block, in the order of `plugins`.
pub fn assemble(
    corefile: &Corefile,
    plugins: &'static [&'static Registration],
    dns_port: u16,
) -> Assembly {
    let mut assembly = Assembly::default();
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for block in &corefile.blocks {
        let findings = &mut assembly.findings;
        findings.extend(unknown_words(block, plugins));
        if !block.keys.is_empty() {
            drafts.push(Draft::new(block, dns_port, findings));
        }
    }
    for registration in plugins {
        for draft in &mut drafts {
            draft.set_up(registration, &mut assembly.findings);
        }
    }
    let claims: Vec<Claim<'_>> = drafts.iter().map(Draft::claim).collect();
    assembly
        .findings
        .extend(find_overlaps(&claims, dns_port, &corefile.sources));
    let findings = &mut assembly.findings;
    assembly.blocks = drafts
        .into_iter()
        .map(|draft| draft.finish(dns_port, findings))
        .collect();
    assembly
}

/// What a Corefile asks for.
pub struct Plan {
    /// The server blocks; fit to start if no finding is an error.
    pub blocks: Vec<Block>,
    /// The Corefile as it was understood: imports and variables in their places.
    pub corefile: String,
    /// What is wrong or out of date.
    pub findings: Diagnostics,
}

/// Reads `text`, called `name`, and sets up what it asks for.
pub fn assemble_text(
    (name, text): (&str, &str),
    environment: &dyn Environment,
    plugins: &'static [&'static Registration],
    dns_port: u16,
) -> Plan {
    let (mut corefile, mut findings) = parse_all(name, text, environment);
    let understood = corefile.to_string();
    findings.extend(modernise(&mut corefile.blocks));
    let assembly = assemble(&corefile, plugins, dns_port);
    findings.extend(corefile.warnings);
    findings.extend(assembly.findings);
    Plan {
        blocks: assembly.blocks,
        corefile: understood,
        findings: Diagnostics::new(corefile.sources, findings),
    }
}

/// A block while its plugins are set up.
struct Draft<'a> {
    source: &'a ServerBlock,
    keys: Vec<Key>,
    config: ServerConfig,
    stages: Vec<Stage>,
    parts: Vec<Stage>,
    directives: Vec<&'static str>,
}

impl<'a> Draft<'a> {
    fn new(source: &'a ServerBlock, dns_port: u16, findings: &mut Vec<Diagnostic>) -> Self {
        let mut keys = Vec::new();
        for token in &source.keys {
            match Key::parse(token) {
                Ok(key) => keys.push(key),
                Err(finding) => findings.push(finding),
            }
        }
        let config = ServerConfig {
            zones: keys.iter().flat_map(|key| key.zones.clone()).collect(),
            keys: source.keys.iter().map(|token| token.text.clone()).collect(),
            port: keys
                .first()
                .map_or(dns_port, |key| key.port_or_default(dns_port)),
            view: view_of(source),
            ..ServerConfig::default()
        };
        let (stages, parts, directives) = (Vec::new(), Vec::new(), Vec::new());
        Draft {
            source,
            keys,
            config,
            stages,
            parts,
            directives,
        }
    }

    fn set_up(&mut self, registration: &'static Registration, findings: &mut Vec<Diagnostic>) {
        let lines: Vec<&Directive> = self
            .source
            .directives
            .iter()
            .filter(|d| d.name.text == registration.name)
            .collect();
        if lines.is_empty() {
            return;
        }
        self.directives.push(registration.name);
        self.config.any_class |= ANY_CLASS.contains(&registration.name);
        let mut setup = Setup::new(registration, &lines, &mut self.config);
        let outcome = (registration.setup)(&mut setup);
        let (stages, warnings) = setup.finish();
        findings.extend(warnings);
        if let Err(error) = outcome {
            findings.push(error.into_diagnostic());
        }
        for (stage, sees_queries) in stages {
            if sees_queries {
                self.stages.push(stage.clone());
            }
            self.parts.push(stage);
        }
    }

    fn claim(&self) -> Claim<'_> {
        let hosts = (!self.config.bind.is_empty()).then_some(self.config.bind.as_slice());
        Claim {
            keys: &self.keys,
            hosts,
            filtered: self.directives.contains(&VIEW),
        }
    }

    fn finish(self, dns_port: u16, findings: &mut Vec<Diagnostic>) -> Block {
        let mut endpoints = Vec::new();
        for key in &self.keys {
            if !AVAILABLE.contains(&key.scheme) {
                let message = format!("{}:// listeners are not available yet", key.scheme.name());
                findings.push(Diagnostic::error(key.span, message));
                continue;
            }
            match endpoints_of(key, &self.config.bind, dns_port) {
                Ok(found) => endpoints.extend(found),
                Err(message) => findings.push(Diagnostic::error(key.span, message)),
            }
        }
        let certificate = self.config.tls.clone().and_then(|files| {
            let span = files.span;
            let read = Certificate::read(files);
            let refused = |error| Diagnostic::error(span, format!("plugin/tls: {error}"));
            read.map_err(|error| findings.push(refused(error))).ok()
        });
        Block {
            config: self.config,
            certificate: certificate.map(Arc::new),
            chain: Chain::new(self.stages),
            parts: self.parts,
            endpoints,
            directives: self.directives,
        }
    }
}

/// The name of the block's view, which plugins above the directive want to know.
fn view_of(source: &ServerBlock) -> String {
    let mut directives = source.directives.iter();
    let view = directives.find(|directive| directive.name.text == VIEW);
    let name = view.and_then(|view| view.args.first());
    name.map(|name| name.text.clone()).unwrap_or_default()
}

/// The addresses and zones of `key` on the addresses of `bind`.
fn endpoints_of(key: &Key, bind: &[String], dns_port: u16) -> Result<Vec<Endpoint>, String> {
    let port = key.port_or_default(dns_port);
    let everywhere = [String::new()];
    let hosts = if bind.is_empty() {
        &everywhere[..]
    } else {
        bind
    };
    let mut endpoints = Vec::new();
    for host in hosts {
        let (address, label) = listen_address(host, port)?;
        endpoints.extend(key.zones.iter().map(|zone| Endpoint {
            scheme: key.scheme,
            label: label.clone(),
            address,
            zone: zone.clone(),
        }));
    }
    Ok(endpoints)
}

/// Where to listen for `host`, empty for all addresses, and how the listener is called.
fn listen_address(host: &str, port: u16) -> Result<(SocketAddr, String), String> {
    if host.is_empty() {
        return Ok((
            SocketAddr::new(IpAddr::from([0u16; 8]), port),
            format!(":{port}"),
        ));
    }
    let label = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let address = host.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port));
    // With a zone, such as `fe80::1%eth0`, only a socket address reads it, and only as a number.
    let address = address.or_else(|_| label.parse::<SocketAddr>());
    Ok((
        address.map_err(|_| format!("'{host}' is not an address"))?,
        label,
    ))
}

/// What no plugin of `plugins` reads: directives, and blocks behind properties.
fn unknown_words(
    block: &ServerBlock,
    plugins: &'static [&'static Registration],
) -> impl Iterator<Item = Diagnostic> {
    block.directives.iter().flat_map(move |directive| {
        let is_known = plugins
            .iter()
            .any(|plugin| plugin.name == directive.name.text);
        let unknown = (!is_known).then(|| unknown_directive(directive, plugins));
        let nested = directive.properties().iter().filter(|p| p.block.is_some());
        let nested = nested.map(|property| nested_block(directive, property));
        unknown.into_iter().chain(nested)
    })
}

fn nested_block(directive: &Directive, property: &Directive) -> Diagnostic {
    let plugin = &directive.name.text;
    let message = format!("plugin/{plugin}: Error during parsing: unknown property '{{'");
    let hint = format!("'{}' takes no block", property.name.text);
    Diagnostic::error(property.args_end(), message).with_hint(hint)
}

fn unknown_directive(
    directive: &Directive,
    plugins: &'static [&'static Registration],
) -> Diagnostic {
    let word = &directive.name.text;
    let message = format!("Error during parsing: Unknown directive '{word}'");
    let names = plugins.iter().map(|plugin| plugin.name);
    let custom = "a plugin of another project is added in two lines: docs/PLUGIN-AUTHORS.md";
    let hint = match nearest(word, names) {
        Some(near) => format!("did you mean '{near}'? {custom}"),
        None => custom.to_owned(),
    };
    Diagnostic::error(directive.name.span, message).with_hint(hint)
}
