//! Why etcd did not do what it was asked.

use catena_grpc::unconnected;
use tonic::{Code, Status};

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection: nothing was asked.
    #[error("no connection to etcd: {0}")]
    Unconnected(String),
    /// The connection broke, or the member has no leader; a write may have been done or not.
    #[error("etcd is not available: {0}")]
    Unavailable(String),
    /// No answer in time; a write may have been done or not.
    #[error("etcd did not answer in time")]
    TimedOut,
    /// The revision asked for is gone, or not there yet.
    #[error("etcd has no such revision: {0}")]
    NoSuchRevision(String),
    /// etcd takes no writes: its space is used up.
    #[error("etcd takes no writes: {0}")]
    Full(String),
    /// The credentials are wrong, missing or not enough.
    #[error("etcd refuses access: {0}")]
    Denied(String),
    /// The token is no good any more.
    #[error("etcd refuses the token: {0}")]
    Token(String),
    /// An answer is larger than any that is taken.
    #[error("etcd's answer is too large: {0}")]
    TooLarge(String),
    /// Anything else.
    #[error("etcd refuses: {0}")]
    Refused(String),
}

impl Error {
    /// Whether another member, or the same one later, may do better.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Error::Unconnected(_) | Error::Unavailable(_) | Error::TimedOut
        )
    }

    /// Whether what was asked may have been done all the same.
    pub fn is_unsure(&self) -> bool {
        matches!(self, Error::Unavailable(_) | Error::TimedOut)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        if let Some(text) = unconnected(&status) {
            return Error::Unconnected(text);
        }
        let message = status.message();
        let text = message.trim_start_matches("etcdserver: ").to_owned();
        match status.code() {
            Code::OutOfRange if text.contains("revision") => Error::NoSuchRevision(text),
            Code::OutOfRange => Error::TooLarge(text),
            Code::ResourceExhausted if text.contains("space") => Error::Full(text),
            Code::DeadlineExceeded => Error::TimedOut,
            Code::Unauthenticated => Error::Token(text),
            // A member that had no user when it was asked, or other users.
            Code::InvalidArgument if text.contains("user name is empty") => Error::Token(text),
            Code::InvalidArgument if text.contains("auth store is old") => Error::Token(text),
            Code::InvalidArgument if text.contains("authentication failed") => Error::Denied(text),
            Code::PermissionDenied => Error::Denied(text),
            Code::Unavailable | Code::Cancelled | Code::Unknown | Code::ResourceExhausted => {
                Error::Unavailable(text)
            }
            _ => Error::Refused(text),
        }
    }
}
