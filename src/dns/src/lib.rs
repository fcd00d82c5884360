//! DNS messages, names, records and master files: wire first, no I/O.

pub mod edns;
pub mod header;
mod message;
pub mod name;
mod query;
pub mod rdata;
mod records;
mod registry;
mod reply;
mod reverse;
pub mod tsig;
pub mod zonefile;

pub use edns::{Edns, ReplyEdns};
pub use header::{HEADER_LEN, Header, flag};
pub use message::{Message, decodes};
pub use name::{NAME_MAX, Name, NameBuf, NameError, NameRef, NameText, NameTextError};
pub use query::{QueryMessage, Reject, rejection};
pub use rdata::AddressRdata;
pub use records::{MessageError, Record, RecordView, Records, Section, expand_rdata, question_end};
pub use registry::{Class, Opcode, Rcode, RecordType, UnknownName};
pub use reply::{MESSAGE_MAX, RecordRef, Reply};
pub use reverse::reverse_address;
