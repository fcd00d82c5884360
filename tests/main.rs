//! Tests of the whole: the tree's shape and the built binary, as one test crate.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cert_manager;
mod client;
mod commands;
mod corefiles;
mod disk_full;
mod drain;
mod dynapi;
mod etcd;
mod hostile;
mod hot_path;
mod kube;
mod kubernetes_files;
mod links;
mod mesh;
mod mesh_files;
mod programs;
mod readme;
mod refusals;
mod registry;
mod reliability;
mod reload;
mod rpcservice;
mod rpcservice_files;
mod server;
mod tidy;
mod tls;
mod transfer;
mod upstreams;
mod vip;
