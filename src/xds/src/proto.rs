//! The messages of xDS and of Istio's name table that are used here, with their fields' numbers.
//!
//! They stand here by hand because generating them needs `protoc` on the machine that builds.
//! Fields that nothing reads are left out: protobuf passes over them.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

/// The type of a name table.
pub const NAME_TABLE: &str = "type.googleapis.com/istio.networking.nds.v1.NameTable";
/// The method of a stream whose every response is the state of the world.
pub const STREAM: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/// The method of a stream whose responses are differences.
pub const DELTA: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// Hosts and where they are.
#[derive(Clone, PartialEq, Message)]
pub struct NameTable {
    /// In no order. On the wire, a map is such a list.
    #[prost(message, repeated, tag = "1")]
    pub table: Vec<NameEntry>,
}

/// A host with what is known of it.
#[derive(Clone, PartialEq, Message)]
pub struct NameEntry {
    /// Without the last dot; may begin with `*.`.
    #[prost(string, tag = "1")]
    pub host: String,
    /// What is known.
    #[prost(message, optional, tag = "2")]
    pub info: Option<NameInfo>,
}

/// Where a host is, and where that is known from.
#[derive(Clone, PartialEq, Message)]
pub struct NameInfo {
    /// Addresses.
    #[prost(string, repeated, tag = "1")]
    pub ips: Vec<String>,
    /// `Kubernetes`, `External` or another.
    #[prost(string, tag = "2")]
    pub registry: String,
    /// The Service's name; of Services only.
    #[prost(string, tag = "3")]
    pub shortname: String,
    /// The Service's namespace; of Services only.
    #[prost(string, tag = "4")]
    pub namespace: String,
    /// More names of it.
    #[prost(string, repeated, tag = "5")]
    pub alt_hosts: Vec<String>,
}

/// A message of the type that it names.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// The type.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// A value as JSON has them.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// The value.
    #[prost(oneof = "Kind", tags = "3, 4, 5")]
    pub kind: Option<Kind>,
}

/// The kinds of values that are used.
#[derive(Clone, PartialEq, Oneof)]
pub enum Kind {
    /// A text.
    #[prost(string, tag = "3")]
    Text(String),
    /// True or false.
    #[prost(bool, tag = "4")]
    Bool(bool),
    /// More values by name.
    #[prost(message, tag = "5")]
    Struct(Struct),
}

/// Values by name.
#[derive(Clone, PartialEq, Message)]
pub struct Struct {
    /// The values.
    #[prost(btree_map = "string, message", tag = "1")]
    pub fields: BTreeMap<String, Value>,
}

/// Who asks.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// Kind, address, name and domain, divided by `~`.
    #[prost(string, tag = "1")]
    pub id: String,
    /// What else is said.
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<Struct>,
}

/// Why something is refused.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// A code of gRPC.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// In words.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// Asks for the state of the world, or says what became of it.
#[derive(Clone, PartialEq, Message)]
pub struct DiscoveryRequest {
    /// The version that is in use.
    #[prost(string, tag = "1")]
    pub version_info: String,
    /// Who asks; in the first message of a stream.
    #[prost(message, optional, tag = "2")]
    pub node: Option<Node>,
    /// What is wanted; empty for all.
    #[prost(string, repeated, tag = "3")]
    pub resource_names: Vec<String>,
    /// The type of what is wanted.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// Which response this is about.
    #[prost(string, tag = "5")]
    pub response_nonce: String,
    /// Why it is refused, if it is.
    #[prost(message, optional, tag = "6")]
    pub error_detail: Option<Status>,
}

/// The state of the world.
#[derive(Clone, PartialEq, Message)]
pub struct DiscoveryResponse {
    /// Its version.
    #[prost(string, tag = "1")]
    pub version_info: String,
    /// All there is.
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<Any>,
    /// The type of it.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// Names this response.
    #[prost(string, tag = "5")]
    pub nonce: String,
}

/// Asks for differences, or says what became of them.
#[derive(Clone, PartialEq, Message)]
pub struct DeltaDiscoveryRequest {
    /// Who asks; in the first message of a stream.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// The type of what is wanted.
    #[prost(string, tag = "2")]
    pub type_url: String,
    /// Which response this is about.
    #[prost(string, tag = "6")]
    pub response_nonce: String,
    /// Why it is refused, if it is.
    #[prost(message, optional, tag = "7")]
    pub error_detail: Option<Status>,
}

/// Differences.
#[derive(Clone, PartialEq, Message)]
pub struct DeltaDiscoveryResponse {
    /// What is new or changed.
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<Resource>,
    /// The type of it.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// Names this response.
    #[prost(string, tag = "5")]
    pub nonce: String,
    /// The names of what is gone.
    #[prost(string, repeated, tag = "6")]
    pub removed_resources: Vec<String>,
}

/// One thing that may change by itself.
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    /// What it is.
    #[prost(message, optional, tag = "2")]
    pub resource: Option<Any>,
    /// Its name.
    #[prost(string, tag = "3")]
    pub name: String,
}
