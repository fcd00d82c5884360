//! Connections to gRPC servers: etcd's members, Istio's control planes.
//!
//! TLS is ours and not tonic's, so that certificates and keys are read and checked in one way
//! everywhere. A connection comes up when it is first used.

mod endpoint;

pub use endpoint::{Endpoint, EndpointError, Manner, unconnected};
