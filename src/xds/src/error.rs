//! Why a control plane tells us nothing.

use catena_grpc::unconnected;
use catena_transport::upstream::TlsClientError;
use tonic::{Code, Status};

/// Why a stream ended, or did not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection.
    #[error("no connection: {0}")]
    Unconnected(String),
    /// A file is not as it must be.
    #[error("{0}")]
    File(String),
    /// The stream broke, or the control plane is not ready.
    #[error("the stream has ended: {0}")]
    Ended(String),
    /// It did not say anything in time.
    #[error("no answer in time")]
    TimedOut,
    /// It does not let us in.
    #[error("access is refused: {0}")]
    Denied(String),
    /// It has no streams of this kind.
    #[error("this kind of stream is not known there: {0}")]
    Unknown(String),
    /// It told something that makes no sense.
    #[error("a table makes no sense: {0}")]
    Malformed(String),
    /// It told more than is taken.
    #[error("a table is too large: {0}")]
    TooLarge(String),
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        if let Some(text) = unconnected(&status) {
            return Error::Unconnected(text);
        }
        let text = status.message().to_owned();
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => Error::Denied(text),
            Code::Unimplemented => Error::Unknown(text),
            Code::OutOfRange => Error::TooLarge(text),
            Code::Internal if text.contains("decode") => Error::Malformed(text),
            code => Error::Ended(format!("{text} ({code:?})")),
        }
    }
}

impl From<TlsClientError> for Error {
    fn from(error: TlsClientError) -> Error {
        Error::File(error.to_string())
    }
}
