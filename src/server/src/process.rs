//! The life of the process: the first start, reloads one at a time, and the end.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use catena_corefile::{Diagnostics, Environment, parse_all};
use catena_plugin::metrics::{publish, server};
use catena_plugin::{Control, Registration, Stage};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::assemble::{Plan, assemble_text};
use crate::generation::Generation;
use crate::listeners::Listeners;

/// What the command line says.
#[derive(Clone)]
pub struct Settings {
    /// The ordered list of plugins.
    pub plugins: &'static [&'static Registration],
    /// The port of plain DNS keys without one.
    pub dns_port: u16,
    /// How many workers serve; 0 for one on each core.
    pub workers: usize,
    /// Variables and files of Corefiles.
    pub environment: Arc<dyn Environment + Send + Sync>,
    /// Where the Corefile comes from.
    pub source: Source,
}

impl Settings {
    /// The Corefile's name and text, and whether it is a file that may change.
    fn read(&self) -> Result<(String, String, bool), Failure> {
        match &self.source {
            Source::Text { name, text } => Ok((name.clone(), text.clone(), false)),
            Source::File(path) => {
                let name = path.display().to_string();
                let text = self.environment.read(path);
                let text = text.map_err(|error| Failure::Unreadable(unreadable(path, &error)))?;
                Ok((name, text, true))
            }
        }
    }
}

/// Where the Corefile comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file, read again at each reload.
    File(PathBuf),
    /// A text that was read once, such as standard input or the built-in default.
    Text {
        /// What messages call it.
        name: String,
        /// The Corefile.
        text: String,
    },
}

/// Why a Corefile was not activated.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file could not be read.
    #[error("{0}")]
    Unreadable(String),
    /// It has mistakes.
    #[error("{0}")]
    Mistakes(Diagnostics),
    /// It cannot be started, such as on a taken address.
    #[error("{0}")]
    Start(String),
}

/// The process: one generation serves, and sometimes a next one is made beside it.
pub struct Process {
    settings: Settings,
    control: Arc<Controls>,
    current: Arc<ArcSwap<Generation>>,
    listeners: Listeners,
    commands: mpsc::Receiver<Command>,
}

/// A Corefile that is set up and not started.
struct Draft {
    name: String,
    /// Whether it comes from a file that may change.
    is_file: bool,
    plan: Plan,
}

/// What other parts ask of the process.
enum Command {
    Reload(tokio::sync::oneshot::Sender<Result<(), String>>),
    Fail(String),
}

/// The process as plugins see it.
struct Controls {
    settings: Settings,
    /// In canonical form; `None` without a file.
    running: Mutex<Option<String>>,
    current: Arc<ArcSwap<Generation>>,
    commands: mpsc::Sender<Command>,
}

impl Control for Controls {
    fn running(&self) -> Option<String> {
        self.running.lock().clone()
    }

    fn on_disk(&self) -> Result<String, String> {
        let (name, text, _) = self.settings.read().map_err(|failure| failure.short())?;
        match parse_all(&name, &text, &*self.settings.environment) {
            (_, errors) if !errors.is_empty() => Err(errors
                .iter()
                .map(|error| error.message.as_str())
                .collect::<Vec<_>>()
                .join("; ")),
            (corefile, _) => Ok(corefile.to_string()),
        }
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        let commands = self.commands.clone();
        Box::pin(async move {
            let (answer, answered) = tokio::sync::oneshot::channel();
            let ended = || "the process is ending".to_owned();
            commands
                .send(Command::Reload(answer))
                .await
                .map_err(|_| ended())?;
            answered.await.unwrap_or_else(|_| Err(ended()))
        })
    }

    fn fail(&self, message: String) {
        // A full queue holds a reason to end already.
        let _full = self.commands.try_send(Command::Fail(message));
    }

    fn parts(&self) -> Vec<Stage> {
        self.current.load().parts().cloned().collect()
    }
}

impl Process {
    /// Makes the first generation and serves it; returns the findings that did not stop it.
    pub async fn start(settings: Settings) -> Result<(Process, Diagnostics), Failure> {
        publish(server::ALL);
        settings
            .plugins
            .iter()
            .for_each(|plugin| publish(plugin.metrics));
        let current = Arc::new(ArcSwap::from_pointee(Generation::empty()));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if settings.workers == 0 {
            cores
        } else {
            settings.workers
        };
        let listeners = Listeners::new(Arc::clone(&current), workers)
            .map_err(|error| Failure::Start(format!("cannot start a worker: {error}")))?;
        let (sender, commands) = mpsc::channel(16);
        let control = Arc::new(Controls {
            settings: settings.clone(),
            running: Mutex::new(None),
            current: Arc::clone(&current),
            commands: sender,
        });
        let mut process = Process {
            settings,
            control,
            current,
            listeners,
            commands,
        };
        let draft = process.draft()?;
        let warnings = process.activate(draft).await?;
        Ok((process, warnings))
    }

    /// The lines of the banner.
    pub fn banner(&self) -> Vec<String> {
        self.current.load().banner()
    }

    /// Reads the Corefile and sets up what it asks for.
    fn draft(&self) -> Result<Draft, Failure> {
        let (name, text, is_file) = self.settings.read()?;
        let plan = assemble_text(
            (&name, &text),
            &*self.settings.environment,
            self.settings.plugins,
            self.settings.dns_port,
        );
        if plan.findings.has_errors() {
            return Err(Failure::Mistakes(plan.findings));
        }
        Ok(Draft {
            name,
            is_file,
            plan,
        })
    }

    /// Swaps `draft` in; on failure the current generation serves on.
    async fn activate(&mut self, draft: Draft) -> Result<Diagnostics, Failure> {
        let Draft { is_file, plan, .. } = draft;
        let wanted = Generation::wanted(&plan.blocks);
        let bound = self.listeners.bind(&wanted).map_err(Failure::Start)?;
        let next = Generation::new(plan.blocks, &self.listeners.places(&bound));
        let running = is_file.then_some(plan.corefile);
        let before = std::mem::replace(&mut *self.control.running.lock(), running);
        let control: Arc<dyn Control> = Arc::clone(&self.control) as Arc<dyn Control>;
        if let Err(error) = next.start(&control, &tokio::runtime::Handle::current()) {
            *self.control.running.lock() = before;
            return Err(Failure::Start(error.to_string()));
        }
        next.started().await;
        let old = self.current.swap(Arc::new(next));
        self.listeners.serve(bound, &wanted).await;
        #[expect(
            clippy::disallowed_methods,
            reason = "outlives its generation by design"
        )]
        tokio::spawn(async move {
            old.drain().await;
            old.stop();
        });
        Ok(plan.findings)
    }

    /// Reloads, and logs as CoreDNS does; the error says why the old generation serves on.
    pub async fn reload(&mut self) -> Result<(), String> {
        tracing::info!("Reloading");
        match self.activate_unless_empty().await {
            Ok(warnings) => {
                warn(&warnings);
                tracing::info!("Reloading complete");
                Ok(())
            }
            Err(failure) => {
                let short = failure.short();
                tracing::error!("Restart failed: {short}");
                if let Failure::Mistakes(findings) = &failure {
                    warn(findings);
                }
                Err(short)
            }
        }
    }

    /// A file caught between being emptied and being written is no configuration.
    async fn activate_unless_empty(&mut self) -> Result<Diagnostics, Failure> {
        let draft = self.draft()?;
        if draft.is_file && draft.plan.blocks.is_empty() {
            let text = format!("{} has no server block", draft.name);
            return Err(Failure::Unreadable(text));
        }
        self.activate(draft).await
    }

    /// Serves until `asked` ends or a plugin gives up; reloads asked by plugins happen here.
    pub async fn run(&mut self, asked: &mut (impl Future<Output = Signal> + Unpin)) -> Event {
        tokio::select! {
            signal = asked => Event::Signal(signal),
            command = self.commands.recv() => match command {
                Some(Command::Reload(answer)) => {
                    let done = self.reload().await;
                    // The plugin that asked may be gone with its generation.
                    let _gone = answer.send(done);
                    Event::Handled
                }
                Some(Command::Fail(message)) => Event::Failed(message),
                None => Event::Handled,
            },
        }
    }

    /// Ends: lameduck, then no new queries, then what is owed is answered.
    pub async fn stop(self) {
        let last = self.current.load_full();
        last.shutting_down().await;
        self.listeners.close().await;
        last.drain().await;
        last.stop();
    }
}

/// A signal the process has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGUSR1.
    Reload,
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
}

/// What has happened.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A signal came.
    Signal(Signal),
    /// Something was done.
    Handled,
    /// A plugin cannot go on; the message says why.
    Failed(String),
}

impl Failure {
    /// One line, as CoreDNS says it.
    pub fn short(&self) -> String {
        match self {
            Failure::Mistakes(findings) => findings.first_short().unwrap_or_default(),
            other => other.to_string(),
        }
    }
}

/// Logs warnings about a Corefile that serves.
pub fn warn(findings: &Diagnostics) {
    for line in findings.to_string().lines() {
        tracing::warn!("{line}");
    }
}

/// The words of Go's errors, which scripts know.
fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let name = path.display();
    if path.is_dir() {
        return format!("read {name}: is a directory");
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    format!("open {name}: {}", text.to_lowercase())
}
