//! The weight file: which address of a name comes first how often.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Name, NameRef};
use catena_plugin::{StartContext, StartError, duration};
use parking_lot::Mutex;
use smallvec::SmallVec;

/// The weight of an address that the file does not name.
const DEFAULT: u32 = 1;
/// No weight file is larger.
const FILE_MAX: u64 = 64 << 20;

/// The weights of the addresses of each name.
pub(crate) type Table = HashMap<Name, Vec<(IpAddr, u8)>>;

/// Weights that follow their file.
#[derive(Debug)]
pub(crate) struct Weights(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: PathBuf,
    reload: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    text: Option<String>,
    table: Arc<Table>,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("weight file open error: {0}")]
    Open(io::Error),
    #[error("{0}")]
    Content(String),
}

impl Weights {
    pub fn new(file: PathBuf, reload: Duration) -> Self {
        let state = Mutex::default();
        Weights(Arc::new(Shared {
            file,
            reload,
            state,
        }))
    }

    /// Reads the file, and reads it again whenever it has changed.
    pub fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let Shared { file, reload, .. } = &*self.0;
        match self.0.read() {
            Ok(()) => {}
            Err(problem @ Problem::Open(_)) if !reload.is_zero() => {
                let (file, again) = (file.display(), duration::format(*reload));
                tracing::warn!(
                    target: "plugin/loadbalance",
                    "Failed to open weight file:{file}: {problem}. Will try again in {again}",
                );
            }
            Err(problem) => {
                return Err(StartError::new(format!("plugin/loadbalance: {problem}")));
            }
        }
        if !reload.is_zero() {
            let shared = Arc::clone(&self.0);
            context.spawn(async move { shared.follow().await });
        }
        Ok(())
    }

    /// The place of the address to come first, drawn by weight.
    pub fn draw(
        &self,
        owner: NameRef<'_>,
        addresses: impl Iterator<Item = Option<IpAddr>>,
    ) -> usize {
        let table = Arc::clone(&self.0.state.lock().table);
        let known = table.get(&owner.to_name()).map_or(&[][..], Vec::as_slice);
        let weight = |address: Option<IpAddr>| {
            let mut known = known.iter();
            let found = known.find(|(one, _)| Some(*one) == address);
            found.map_or(DEFAULT, |(_, weight)| u32::from(*weight))
        };
        let weights: SmallVec<[u32; 16]> = addresses.map(weight).collect();
        let total: u32 = weights.iter().sum();
        let mut drawn = rand::random_range(0..total.max(1));
        for (place, weight) in weights.iter().enumerate() {
            match drawn.checked_sub(*weight) {
                Some(left) => drawn = left,
                None => return place,
            }
        }
        0
    }
}

impl Shared {
    async fn follow(self: Arc<Self>) {
        let start = catena_plugin::clock::now() + self.reload;
        let mut ticks = tokio::time::interval_at(start, self.reload);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let shared = Arc::clone(&self);
            let read = tokio::task::spawn_blocking(move || shared.read()).await;
            if let Ok(Err(problem)) = read {
                tracing::error!(target: "plugin/loadbalance", "{problem}");
            }
        }
    }

    /// Reads the file; a text that was read before changes nothing.
    fn read(&self) -> Result<(), Problem> {
        let text = self.text().map_err(Problem::Open)?;
        if self.state.lock().text.as_ref() == Some(&text) {
            return Ok(());
        }
        let table = parse(&text, &self.file.display().to_string());
        let mut state = self.state.lock();
        // A text with a mistake is not reported twice.
        state.text = Some(text);
        state.table = Arc::new(table.map_err(Problem::Content)?);
        drop(state);
        let file = self.file.display();
        tracing::info!(target: "plugin/loadbalance", "Successfully reloaded weight file {file}");
        Ok(())
    }

    fn text(&self) -> io::Result<String> {
        if self.file.metadata()?.len() > FILE_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        std::fs::read_to_string(&self.file)
    }
}

/// Reads a weight file: names, each followed by lines of an address and its weight.
pub(crate) fn parse(text: &str, file: &str) -> Result<Table, String> {
    let mut table = Table::new();
    let mut current: Option<Name> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name] => {
                let parsed = name.parse::<Name>().ok();
                let parsed = parsed.filter(|_| name.parse::<IpAddr>().is_err());
                let name = parsed.ok_or_else(|| {
                    let maybe = "(Maybe a missing weight value?)";
                    format!("wrong domain name:\"{name}\" in weight file {file}. {maybe}")
                })?;
                table.entry(name.clone()).or_default();
                current = Some(name);
            }
            [address, weight] => {
                let ip: IpAddr = address
                    .parse()
                    .map_err(|_| format!("wrong IP address:\"{address}\" in weight file {file}"))?;
                let number = weight.parse::<u8>().ok().filter(|weight| *weight > 0);
                let number = number.ok_or_else(|| {
                    format!("wrong weight value:\"{weight}\" in weight file {file}")
                })?;
                let name = current.clone();
                let name =
                    name.ok_or_else(|| format!("missing domain name in weight file {file}"))?;
                table
                    .entry(name)
                    .or_default()
                    .push((ip.to_canonical(), number));
            }
            _ => {
                return Err(format!(
                    "could not parse weight line:\"{line}\" in weight file {file}"
                ));
            }
        }
    }
    Ok(table)
}
