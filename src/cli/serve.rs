//! Serving: from the flags to the end of the process.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use catena_corefile::SystemEnvironment;
use catena_plugin::Registration;
use catena_server::{Event, Failure, Process, Settings, Signal, Source, warn};

use super::flags::Flags;
use super::runtime::block_on_with_log;
use super::{banner, say_error};
use crate::signals::Signals;

/// The Corefile that is read without `-conf`.
const DEFAULT_FILE: &str = "Corefile";
/// The most octets of a Corefile on standard input.
const STDIN_MAX: u64 = 16 << 20;

/// Serves until a signal ends it; the exit status says how it went.
pub(super) fn serve(flags: &Flags, plugins: &'static [&'static Registration]) -> ExitCode {
    let settings = match settings(flags, plugins) {
        Ok(settings) => settings,
        Err(message) => {
            say_error(&message);
            return ExitCode::FAILURE;
        }
    };
    block_on_with_log(live(flags, settings))
}

fn settings(flags: &Flags, plugins: &'static [&'static Registration]) -> Result<Settings, String> {
    Ok(Settings {
        plugins,
        dns_port: port(flags.port.as_deref().unwrap_or("53"))?,
        workers: 0,
        environment: Arc::new(SystemEnvironment),
        source: source(&flags.conf, flags.port.as_deref().unwrap_or("53"))?,
    })
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse::<i64>() {
        Ok(number) => u16::try_from(number).map_err(|_| format!("address {text}: invalid port")),
        Err(_) => Err(format!("lookup tcp/{text}: unknown port")),
    }
}

fn source(conf: &str, port: &str) -> Result<Source, String> {
    match conf {
        "stdin" => {
            let mut text = String::new();
            let read = std::io::stdin().take(STDIN_MAX).read_to_string(&mut text);
            read.map_err(|error| format!("loading Corefile from standard input: {error}"))?;
            Ok(Source::Text {
                name: "/dev/stdin".to_owned(),
                text,
            })
        }
        "" if Path::new(DEFAULT_FILE).exists() => Ok(Source::File(PathBuf::from(DEFAULT_FILE))),
        "" => {
            let text = format!(".:{port} {{\nwhoami\nlog\n}}\n");
            Ok(Source::Text {
                name: DEFAULT_FILE.to_owned(),
                text,
            })
        }
        path => Ok(Source::File(PathBuf::from(path))),
    }
}

async fn live(flags: &Flags, settings: Settings) -> ExitCode {
    say_workers();
    let signals = Signals::take();
    let started = Process::start(settings).await;
    let (mut process, warnings) = match started {
        Ok(started) => started,
        Err(failure) => {
            say_error(&explain(&failure));
            return ExitCode::FAILURE;
        }
    };
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => {
            say_error(&format!("cannot take signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    warn(&warnings);
    if !flags.quiet {
        let lines = process.banner().into_iter().chain([banner()]);
        lines.for_each(|line| catena_logging::print(&(line + "\n")));
    }
    if let Some(path) = &flags.pidfile
        && let Err(error) = std::fs::write(path, format!("{}\n", std::process::id()))
    {
        say_error(&format!("cannot write {}: {error}", path.display()));
        return ExitCode::FAILURE;
    }
    let status = serve_signals(&mut process, &mut signals).await;
    if let Some(path) = &flags.pidfile {
        // Gone already is as good.
        let _gone = std::fs::remove_file(path);
    }
    let Some(status) = status else {
        return ExitCode::SUCCESS;
    };
    tokio::select! {
        () = process.stop() => {}
        () = second_interrupt(&mut signals) => return ExitCode::from(2),
    }
    status
}

/// Says how many workers serve, also with `-quiet`: CoreDNS has such a line in the same words.
fn say_workers() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    catena_logging::print(&format!("maxprocs: one worker for each of {cores} CPUs\n"));
}

/// Handles signals until one ends the process; `None` when it is to end without drain.
async fn serve_signals(process: &mut Process, signals: &mut Signals) -> Option<ExitCode> {
    loop {
        let mut signal = Box::pin(signals.next());
        match process.run(&mut signal).await {
            Event::Handled => {}
            Event::Failed(message) => {
                tracing::error!("{message}");
                return Some(ExitCode::FAILURE);
            }
            Event::Signal(Signal::Reload) => {
                tracing::info!("SIGUSR1: Reloading");
                if let Err(error) = process.reload().await {
                    tracing::error!("SIGUSR1: starting with listener file descriptors: {error}");
                }
            }
            Event::Signal(Signal::Terminate) => {
                tracing::info!("SIGTERM: Shutting down servers then terminating");
                return Some(ExitCode::SUCCESS);
            }
            Event::Signal(Signal::Interrupt) => {
                tracing::info!("SIGINT: Shutting down");
                return Some(ExitCode::SUCCESS);
            }
            Event::Signal(Signal::Quit) => {
                tracing::info!("SIGQUIT: Quitting process immediately");
                return None;
            }
        }
    }
}

async fn second_interrupt(signals: &mut Signals) {
    while signals.next().await != Signal::Interrupt {}
    tracing::info!("SIGINT: Force quit");
}

/// Why the start failed: everything for people, CoreDNS's one line for programs.
///
/// Programs compare what they read from a pipe with CoreDNS's words. People read a terminal, or
/// the log of a pod; `CATENA_DIAGNOSTICS=full` asks for their form anywhere.
fn explain(failure: &Failure) -> String {
    match failure {
        Failure::Mistakes(findings) if is_for_people() => findings.to_string(),
        Failure::Unreadable(message) => format!("loading Caddyfile via flag: {message}"),
        other => other.short(),
    }
}

fn is_for_people() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match std::env::var("CATENA_DIAGNOSTICS").as_deref() {
        Ok("full") => true,
        Ok("short") => false,
        _ => std::io::stderr().is_terminal() || set("KUBERNETES_SERVICE_HOST"),
    }
}
