//! What a plugin may do when its generation starts.

use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{ServerConfig, ServerId, Stage};

/// Why a plugin cannot start; the new generation is dropped and the old one serves on.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StartError {
    /// An error that `message` tells whole.
    pub fn new(message: impl Into<String>) -> Self {
        StartError {
            message: message.into(),
            source: None,
        }
    }

    /// An error with its cause.
    pub fn because(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        StartError {
            message: message.into(),
            source: Some(source.into()),
        }
    }
}

/// What the process can be told to do.
pub trait Control: Send + Sync {
    /// The Corefile that serves, or is about to, in canonical form with imports and variables
    /// resolved; `None` without a file.
    fn running(&self) -> Option<String>;

    /// What the Corefile says now, in the same form; an error if it cannot serve.
    fn on_disk(&self) -> Result<String, String>;

    /// Reads the Corefile again and swaps generations; the error says why the old one serves on.
    fn reload(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

    /// Ends the process with an error, as `loop` does; the message is logged.
    fn fail(&self, message: String);

    /// All parts of all server blocks of this generation, such as `ready` asks.
    fn parts(&self) -> Vec<Stage>;
}

/// What a plugin gets when its generation starts.
pub struct StartContext<'a> {
    /// What the block's directives have set.
    pub server: &'a ServerConfig,
    /// The listeners of the block.
    pub listeners: &'a [Arc<ServerId>],
    /// All parts of the block in the order of the chain, stages and others.
    pub parts: &'a [Stage],
    /// Whether no other server block of the generation has started a part of this plugin.
    pub is_first: bool,
    /// The process.
    pub control: &'a Arc<dyn Control>,
    /// Ends with the generation.
    pub token: &'a CancellationToken,
    /// Where background work runs: not a worker.
    pub background: &'a tokio::runtime::Handle,
}

impl StartContext<'_> {
    /// Runs `task` beside the workers until it ends or the generation does.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.background().spawn(task);
    }

    /// The means to spawn later, such as for what a query gives rise to.
    pub fn background(&self) -> Background {
        Background {
            token: self.token.clone(),
            runtime: self.background.clone(),
        }
    }
}

/// Where tasks of a generation run beside the workers.
#[derive(Clone, Debug)]
pub struct Background {
    token: CancellationToken,
    runtime: tokio::runtime::Handle,
}

impl Background {
    /// Tasks on `runtime` that end with `token`, for work outside of a generation.
    pub fn new(token: CancellationToken, runtime: tokio::runtime::Handle) -> Background {
        Background { token, runtime }
    }

    /// Runs `task` beside the workers until it ends or the generation does.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        self.runtime.spawn(async move {
            let _cancelled = token.run_until_cancelled(task).await;
        });
    }
}
