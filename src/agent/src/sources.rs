//! All that the agent knows, put together.

use std::path::Path;
use std::time::Duration;

use catena_plugin::clock::{self, Instant};
use catena_rpc::interfaces::{Data, Offer, Provider, Told};
use parking_lot::Mutex;
use tokio::io::AsyncReadExt;

use crate::Options;
use crate::kept::Kept;
use crate::leases::Leases;

/// What the actuator and the file said is believed so long.
const FRESH: Duration = Duration::from_secs(1);
/// The longest list in a file.
const FILE_MAX: u64 = 1 << 20;

/// All that the agent knows.
pub(crate) struct Sources {
    options: Options,
    pub leases: Mutex<Leases>,
    kept: Option<tokio::sync::Mutex<Kept>>,
    /// What actuator and file said last, and when.
    read: tokio::sync::Mutex<Option<(Instant, Read)>>,
}

/// Interfaces, or why they are not known.
type Read = Result<Vec<Provider>, String>;

impl Sources {
    /// Nothing known but the registrations that were kept.
    pub fn new(options: Options) -> std::io::Result<Sources> {
        let (mut leases, mut kept) = (Leases::default(), None);
        if let Some(path) = &options.state {
            let (file, registered) = Kept::open(path)?;
            kept = Some(tokio::sync::Mutex::new(file));
            registered.into_iter().for_each(|all| leases.restore(all));
        }
        Ok(Sources {
            options,
            leases: Mutex::new(leases),
            kept,
            read: tokio::sync::Mutex::default(),
        })
    }

    /// Keeps the registrations as they are now.
    pub async fn keep(&self) {
        let Some(kept) = &self.kept else {
            return;
        };
        let mut kept = kept.lock().await;
        let registered = self.leases.lock().kept();
        if let Some(registered) = registered
            && let Err(error) = kept.keep(&registered).await
        {
            tracing::error!("The registrations cannot be kept: {error}");
        }
    }

    /// How long a registration lives that does not say.
    pub fn usual_ttl(&self) -> Duration {
        self.options.ttl
    }

    /// The answer to who asks for the interfaces.
    pub async fn told(&self) -> Told {
        let failed = || Told {
            success: false,
            data: Data::default(),
        };
        let Ok(mut providers) = self.read().await else {
            return failed();
        };
        self.keep().await;
        let registered = self.leases.lock().told();
        let has_other = self.options.framework.is_some()
            || self.options.file.is_some()
            || !self.options.listed.is_empty();
        if registered.is_none() && !has_other {
            // As the original when it is not told what to read.
            return Told {
                success: true,
                data: Data::default(),
            };
        }
        let registered = registered.unwrap_or_default();
        providers.extend(registered.into_iter().map(|one| one.provider));
        providers.sort_unstable();
        providers.dedup();
        let protocol = self
            .options
            .framework
            .map_or("", |framework| framework.protocol());
        Told {
            success: true,
            data: Data::Offer(Offer {
                protocol: protocol.to_owned(),
                providers,
            }),
        }
    }

    /// What actuator, file and command line say; asks once for all who ask at the same time.
    async fn read(&self) -> Read {
        let mut read = self.read.lock().await;
        if let Some((at, known)) = &*read
            && clock::now().duration_since(*at) < FRESH
        {
            return known.clone();
        }
        let found = self.read_now().await;
        let before = read.as_ref().and_then(|(_, known)| known.as_ref().err());
        match (&found, before) {
            (Err(wrong), before) if before != Some(wrong) => {
                tracing::warn!("The interfaces are not known: {wrong}");
            }
            (Ok(_), Some(_)) => tracing::info!("The interfaces are known again"),
            _ => {}
        }
        *read = Some((clock::now(), found.clone()));
        found
    }

    async fn read_now(&self) -> Read {
        let mut providers: Vec<Provider> = self
            .options
            .listed
            .iter()
            .filter_map(|line| provider(line))
            .collect();
        if let Some(path) = &self.options.file {
            let text = read_file(path).await;
            let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
            providers.extend(text.lines().filter_map(provider));
        }
        if let Some(framework) = self.options.framework {
            let url = self
                .options
                .actuator
                .as_deref()
                .unwrap_or(framework.actuator());
            let told = framework.ask(url).await;
            providers.extend(told.map_err(|error| format!("{url}: {error}"))?);
        }
        Ok(providers)
    }
}

async fn read_file(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(FILE_MAX).read_to_string(&mut text).await?;
    Ok(text)
}

/// Reads `INTERFACE [VERSION [GROUP [SERIALIZATION]]]`; `#` opens a comment.
pub(crate) fn provider(line: &str) -> Option<Provider> {
    let line = line.split('#').next().unwrap_or(line);
    let mut words = line.split_whitespace();
    Some(Provider {
        interface: words.next()?.to_owned(),
        version: words.next().unwrap_or("").to_owned(),
        group: words.next().unwrap_or("").to_owned(),
        serialize: words.next().unwrap_or("").to_owned(),
    })
}
