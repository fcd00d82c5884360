//! All that a plugin author sees: chain, setup, metrics, metadata.
//!
//! A plugin is one [`Registration`] row. Its `setup` reads the Corefile and adds a stage, a value
//! that implements [`Plugin`]; each query then meets the stages from the outside to the inside.

mod chain;
pub mod clock;
pub mod duration;
mod flow;
mod hints;
pub mod metrics;
pub mod networks;
mod offers;
mod outcome;
mod query;
mod registration;
mod server;
pub mod setup;
mod start;
mod stream;
mod tls;
mod transfers;
pub mod zones;

pub use chain::{Chain, Next, OwnedNext, Stage};
pub use flow::{AsyncPlugin, Flow, Waiting};
pub use offers::{
    External, ExternalHost, ExternalNames, ExternalService, ExternalTarget, Headless, SearchPaths,
};
pub use outcome::{Answer, Outcome, ServeError};
pub use query::{Arrival, Context, OwnedQuery, Query, Resolver, Transport};
pub use registration::{Plugin, Readiness, Registration};
pub use server::{Filter, ServerConfig, ServerId, hostname};
pub use setup::{Arg, Args, Line, Setup, SetupError};
pub use start::{Background, Control, StartContext, StartError};
pub use stream::ReplyStream;
pub use tls::{ClientCertificates, TlsFiles};
pub use transfers::{Lent, LentZone, Listed, RecordSource, Transfers};
