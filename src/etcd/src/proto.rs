//! The messages of etcd's API that are used here, with the numbers of its fields.
//!
//! They stand here by hand because generating them needs `protoc` on the machine that builds.
//! Fields that nothing reads are left out: protobuf passes over them.

use prost::{Message, Oneof};

/// What every answer begins with.
#[derive(Clone, PartialEq, Message)]
pub struct ResponseHeader {
    /// The revision of the store when it answered.
    #[prost(int64, tag = "3")]
    pub revision: i64,
}

/// A key with its value.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    /// The key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The revision that made the key.
    #[prost(int64, tag = "2")]
    pub create_revision: i64,
    /// The revision that changed it last.
    #[prost(int64, tag = "3")]
    pub mod_revision: i64,
    /// The value.
    #[prost(bytes = "vec", tag = "5")]
    pub value: Vec<u8>,
    /// The lease it goes with; 0 for none.
    #[prost(int64, tag = "6")]
    pub lease: i64,
}

/// Asks for keys.
#[derive(Clone, PartialEq, Message)]
pub struct RangeRequest {
    /// The first key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The key after the last; empty for one key.
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
    /// The most keys wanted; 0 for all.
    #[prost(int64, tag = "3")]
    pub limit: i64,
    /// The revision to look at; 0 for the newest.
    #[prost(int64, tag = "4")]
    pub revision: i64,
    /// 2 for falling order.
    #[prost(int32, tag = "5")]
    pub sort_order: i32,
    /// What they are ordered by: 3 for the revision that changed them.
    #[prost(int32, tag = "6")]
    pub sort_target: i32,
    /// Whether the member may answer without asking the others.
    #[prost(bool, tag = "7")]
    pub serializable: bool,
    /// Whether values are left out.
    #[prost(bool, tag = "8")]
    pub keys_only: bool,
}

/// The keys asked for, in order.
#[derive(Clone, PartialEq, Message)]
pub struct RangeResponse {
    /// The revision.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The keys with their values.
    #[prost(message, repeated, tag = "2")]
    pub kvs: Vec<KeyValue>,
    /// Whether there are more than the limit.
    #[prost(bool, tag = "3")]
    pub more: bool,
}

/// Sets a key.
#[derive(Clone, PartialEq, Message)]
pub struct PutRequest {
    /// The key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The value.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
    /// The lease it goes with; 0 for none.
    #[prost(int64, tag = "3")]
    pub lease: i64,
}

/// Deletes a key.
#[derive(Clone, PartialEq, Message)]
pub struct DeleteRangeRequest {
    /// The key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
}

/// One step of a transaction.
#[derive(Clone, PartialEq, Message)]
pub struct RequestOp {
    /// The step.
    #[prost(oneof = "Op", tags = "2, 3")]
    pub op: Option<Op>,
}

/// What a step of a transaction does.
#[derive(Clone, PartialEq, Oneof)]
pub enum Op {
    /// Sets.
    #[prost(message, tag = "2")]
    Put(PutRequest),
    /// Deletes.
    #[prost(message, tag = "3")]
    Delete(DeleteRangeRequest),
}

/// A condition of a transaction.
#[derive(Clone, PartialEq, Message)]
pub struct Compare {
    /// 0 equal, 1 greater, 2 less, 3 unequal.
    #[prost(int32, tag = "1")]
    pub result: i32,
    /// What is compared: 1 the revision that made the key, 2 the last that changed it.
    #[prost(int32, tag = "2")]
    pub target: i32,
    /// The key, or the first of them.
    #[prost(bytes = "vec", tag = "3")]
    pub key: Vec<u8>,
    /// What it is compared with.
    #[prost(oneof = "Operand", tags = "5, 6")]
    pub operand: Option<Operand>,
    /// The key after the last; empty for one key.
    #[prost(bytes = "vec", tag = "64")]
    pub range_end: Vec<u8>,
}

/// What a key is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Oneof)]
pub enum Operand {
    /// The revision that made it.
    #[prost(int64, tag = "5")]
    Created(i64),
    /// The revision that changed it last.
    #[prost(int64, tag = "6")]
    Changed(i64),
}

/// Steps that are taken together, if all conditions hold.
#[derive(Clone, PartialEq, Message)]
pub struct TxnRequest {
    /// The conditions.
    #[prost(message, repeated, tag = "1")]
    pub compare: Vec<Compare>,
    /// The steps if they hold.
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<RequestOp>,
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Message)]
pub struct TxnResponse {
    /// The revision.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Whether the conditions held.
    #[prost(bool, tag = "2")]
    pub succeeded: bool,
}

/// What is said on the way to a watch.
#[derive(Clone, PartialEq, Message)]
pub struct WatchRequest {
    /// The request.
    #[prost(oneof = "Watching", tags = "1, 3")]
    pub request: Option<Watching>,
}

/// Begins a watch, or asks how far it is.
#[derive(Clone, PartialEq, Oneof)]
pub enum Watching {
    /// Begins.
    #[prost(message, tag = "1")]
    Create(WatchCreateRequest),
    /// Asks for a sign of life.
    #[prost(message, tag = "3")]
    Progress(WatchProgressRequest),
}

/// Begins a watch.
#[derive(Clone, PartialEq, Message)]
pub struct WatchCreateRequest {
    /// The first key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The key after the last.
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
    /// The first revision wanted.
    #[prost(int64, tag = "3")]
    pub start_revision: i64,
}

/// Asks for a sign of life.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct WatchProgressRequest {}

/// What a watch saw.
#[derive(Clone, PartialEq, Message)]
pub struct WatchResponse {
    /// The revision.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Whether the watch has begun.
    #[prost(bool, tag = "3")]
    pub created: bool,
    /// Whether it has ended.
    #[prost(bool, tag = "4")]
    pub canceled: bool,
    /// The oldest revision there is, if one before it was asked for.
    #[prost(int64, tag = "5")]
    pub compact_revision: i64,
    /// Why it has ended.
    #[prost(string, tag = "6")]
    pub cancel_reason: String,
    /// The changes.
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
}

/// One change.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// 0 the key was set, 1 it was deleted.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// The key; with its value if it was set.
    #[prost(message, optional, tag = "2")]
    pub kv: Option<KeyValue>,
}

/// Makes a lease.
#[derive(Clone, PartialEq, Message)]
pub struct LeaseGrantRequest {
    /// Seconds.
    #[prost(int64, tag = "1")]
    pub ttl: i64,
    /// Which; 0 to have etcd choose.
    #[prost(int64, tag = "2")]
    pub id: i64,
}

/// A lease: the answer to making it, and to asking after it.
#[derive(Clone, PartialEq, Message)]
pub struct LeaseResponse {
    /// Which.
    #[prost(int64, tag = "2")]
    pub id: i64,
    /// The seconds it has left; below 1 when it is gone.
    #[prost(int64, tag = "3")]
    pub ttl: i64,
    /// The seconds it was made with; only when it was asked after.
    #[prost(int64, tag = "4")]
    pub granted: i64,
}

/// Names a lease: to renew it, to end it, to ask after it.
#[derive(Clone, PartialEq, Message)]
pub struct LeaseRequest {
    /// Which.
    #[prost(int64, tag = "1")]
    pub id: i64,
}

/// An answer of which only its coming matters.
#[derive(Clone, PartialEq, Message)]
pub struct Done {
    /// The revision.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
}

/// Asks for a token.
#[derive(Clone, PartialEq, Message)]
pub struct AuthenticateRequest {
    /// The user.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The password.
    #[prost(string, tag = "2")]
    pub password: String,
}

/// A token.
#[derive(Clone, PartialEq, Message)]
pub struct AuthenticateResponse {
    /// What further calls are to show.
    #[prost(string, tag = "2")]
    pub token: String,
}
