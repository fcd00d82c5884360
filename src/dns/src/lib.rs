//! DNS messages, names, records and master files: wire first, no I/O.

pub mod name;
pub mod rdata;
mod registry;

pub use name::{Name, NameBuf, NameError, NameRef, NameTextError};
pub use registry::{Class, Opcode, Rcode, RecordType, UnknownName};
