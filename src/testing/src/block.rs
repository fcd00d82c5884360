//! A server block without a server: set up from text, started, asked, stopped.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_corefile::{Diagnostic, Diagnostics, Directive, MemoryEnvironment, ServerBlock};
use catena_dns::QueryMessage;
use catena_dns::tsig::Signed;
use catena_plugin::{
    Answer, Arrival, Chain, Context, Control, Flow, Outcome, Query, Readiness, Registration,
    Resolver, ServerConfig, ServerId, Setup, Stage, StartContext, StartError, clock, zones,
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::stage::{self, SCRIPT, ScriptStage};
use crate::{Question, Script, transcript};

/// One server block of a Corefile with its chain, in process and without sockets.
pub struct Block {
    chain: Arc<Chain>,
    parts: Vec<Stage>,
    config: ServerConfig,
    script: Option<Script>,
    warnings: Diagnostics,
    server: Arc<ServerId>,
    resolver: Arc<dyn Resolver>,
    process: Arc<Process>,
    token: CancellationToken,
}

impl Block {
    /// Sets up the first server block of `corefile`.
    ///
    /// `plugins` are what the Corefile may name, from the outside to the inside; `script` is
    /// always known and is the last. All mistakes are reported together.
    pub fn build(plugins: &[&'static Registration], corefile: &str) -> Result<Block, Diagnostics> {
        let environment = MemoryEnvironment::default();
        let parsed = catena_corefile::parse("Corefile", corefile, &environment)?;
        let mut built = Built::default();
        let empty = Vec::new();
        let block = parsed.blocks.first();
        let directives = block.map_or(&empty, |block| &block.directives);
        built.config = block.map(server_config).unwrap_or_default();
        built.refuse_unknown(plugins, directives);
        for plugin in plugins {
            built.add(plugin, directives);
        }
        built.add_script(directives);
        let findings = Diagnostics::new(parsed.sources, built.findings);
        if findings.has_errors() {
            return Err(findings);
        }
        let chain = Chain::new(built.stages);
        Ok(Block {
            resolver: Arc::new(Itself(Arc::clone(&chain))),
            process: Arc::new(Process {
                parts: built.parts.clone(),
                failures: Mutex::default(),
            }),
            chain,
            parts: built.parts,
            config: built.config,
            script: built.script,
            warnings: findings,
            server: Arc::new(ServerId {
                index: 0,
                address: "dns://:53".into(),
            }),
            token: CancellationToken::new(),
        })
    }

    /// Starts every part, in order, and waits until all have started; needs a tokio runtime.
    pub async fn start(&self) -> Result<(), StartError> {
        let control: Arc<dyn Control> = Arc::clone(&self.process) as _;
        let background = tokio::runtime::Handle::current();
        let context = StartContext {
            server: &self.config,
            listeners: std::slice::from_ref(&self.server),
            parts: &self.parts,
            is_first: true,
            control: &control,
            token: &self.token,
            background: &background,
        };
        for part in &self.parts {
            part.plugin.start(&context)?;
        }
        for started in self.parts.iter().filter_map(|part| part.plugin.started()) {
            started.await;
        }
        Ok(())
    }

    /// Ends the generation: its tasks are cancelled, then every part is stopped.
    pub fn stop(&self) {
        self.token.cancel();
        for part in &self.parts {
            part.plugin.stop();
        }
    }

    /// Does what the server does before the process ends.
    pub async fn shut_down(&self) {
        for ending in self.parts.iter().filter_map(|p| p.plugin.shutting_down()) {
            ending.await;
        }
        self.stop();
    }

    /// Asks, see [`Question::parse`], and prints what comes back.
    ///
    /// A line `script saw ..` comes first for each query that reached the script.
    pub async fn ask(&self, question: &str) -> String {
        let question = Question::parse(question);
        let outcome = self.outcome(&question).await;
        let seen = self.script.as_ref().map(Script::take_seen);
        let seen = seen.unwrap_or_default();
        let seen: String = seen
            .iter()
            .map(|query| format!("  script saw {query}\n"))
            .collect();
        let Answer::Stream(mut stream) = outcome.answer else {
            return seen + &transcript::print_outcome(&question, outcome);
        };
        let print = |query: &Query<'_>| transcript::print_stream(&mut stream, query);
        seen + &self.view(&question, print)
    }

    /// Asks, and gives the outcome as the chain made it.
    pub async fn outcome(&self, question: &Question) -> Outcome {
        self.view(question, |query| self.chain.first().serve(query))
            .outcome()
            .await
    }

    /// Shows `question` as a stage sees it.
    pub fn view<T>(&self, question: &Question, look: impl FnOnce(&Query<'_>) -> T) -> T {
        let mut scratch = Vec::new();
        let message = QueryMessage::admit_with_updates(&question.packet, &mut scratch).unwrap();
        let signed = message.tsig_at().map(|at| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let keys = &self.config.tsig_keys;
            let signed = Signed::check(&question.packet, at, keys, now.as_secs());
            Arc::new(signed.unwrap())
        });
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);
        let arrival = Arrival {
            client: question.client,
            local,
            transport: question.transport,
            at: clock::now(),
        };
        let context = Context::new(arrival, &self.server, &self.resolver).with_signature(signed);
        look(&Query::new(&message, &context))
    }

    /// Whether every part that has something to wait for is ready.
    pub fn is_ready(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.all(|part| part.plugin.ready() != Readiness::NotReady)
    }

    /// All parts, in the order of the chain.
    pub fn parts(&self) -> &[Stage] {
        &self.parts
    }

    /// What the directives have set for the server.
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// What works but should be changed.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// The script, if the Corefile has one.
    pub fn script(&self) -> Option<&Script> {
        self.script.as_ref()
    }

    /// Why plugins wanted the process to end.
    pub fn failures(&self) -> Vec<String> {
        self.process.failures.lock().clone()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

#[derive(Default)]
struct Built {
    config: ServerConfig,
    stages: Vec<Stage>,
    parts: Vec<Stage>,
    script: Option<Script>,
    findings: Vec<Diagnostic>,
}

impl Built {
    fn refuse_unknown(&mut self, plugins: &[&Registration], directives: &[Directive]) {
        for directive in directives {
            let name = &directive.name.text;
            if name != SCRIPT.name && !plugins.iter().any(|plugin| plugin.name == name) {
                let message = format!("Unknown directive '{name}'");
                let finding = Diagnostic::error(directive.name.span, message);
                self.findings.push(finding);
            }
        }
    }

    fn add(&mut self, plugin: &'static Registration, directives: &[Directive]) {
        let own: Vec<&Directive> = named(plugin.name, directives);
        if own.is_empty() {
            return;
        }
        let mut cx = Setup::new(plugin, &own, &mut self.config);
        if let Err(error) = (plugin.setup)(&mut cx) {
            self.findings.push(error.into_diagnostic());
        }
        let (stages, warnings) = cx.finish();
        self.findings.extend(warnings);
        for (stage, sees_queries) in stages {
            self.parts.push(stage.clone());
            if sees_queries {
                self.stages.push(stage);
            }
        }
    }

    fn add_script(&mut self, directives: &[Directive]) {
        let own = named(SCRIPT.name, directives);
        if own.is_empty() {
            return;
        }
        match stage::read(&mut Setup::new(&SCRIPT, &own, &mut self.config)) {
            Ok(script) => {
                let stage = Stage {
                    name: SCRIPT.name,
                    plugin: Arc::new(ScriptStage(script.clone())),
                };
                self.parts.push(stage.clone());
                self.stages.push(stage);
                self.script = Some(script);
            }
            Err(error) => self.findings.push(error.into_diagnostic()),
        }
    }
}

fn named<'d>(name: &str, directives: &'d [Directive]) -> Vec<&'d Directive> {
    let mut own: Vec<&Directive> = directives.iter().collect();
    own.retain(|directive| directive.name.text == name);
    own
}

fn server_config(block: &ServerBlock) -> ServerConfig {
    let keys = block.keys.iter();
    ServerConfig {
        zones: keys
            .clone()
            .flat_map(|key| zones::parse(&key.text))
            .flatten()
            .collect(),
        keys: keys.map(|key| key.text.clone()).collect(),
        port: 53,
        ..ServerConfig::default()
    }
}

/// A server that has only this one block.
struct Itself(Arc<Chain>);

impl Resolver for Itself {
    fn resolve(&self, query: &Query<'_>) -> Flow {
        self.0.first().serve(query)
    }
}

/// A process that cannot be told much.
struct Process {
    parts: Vec<Stage>,
    failures: Mutex<Vec<String>>,
}

impl Control for Process {
    fn running(&self) -> Option<String> {
        None
    }

    fn on_disk(&self) -> Result<String, String> {
        Err("no file".to_owned())
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        Box::pin(std::future::ready(Err("no file".to_owned())))
    }

    fn fail(&self, message: String) {
        self.failures.lock().push(message);
    }

    fn parts(&self) -> Vec<Stage> {
        self.parts.clone()
    }
}
