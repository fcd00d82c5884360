//! SkyDNS's form of names: a key of reversed labels, a value of JSON.

mod message;
mod path;

pub use message::{BadMessage, Host, Message};
pub use path::Prefix;
