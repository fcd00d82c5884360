//! Istio's rules, each from objects to what a workload is told.
#![expect(clippy::unwrap_used, reason = "tests")]

mod entries;
mod services;
mod visibility;

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_kube::{Encoding, Id, Object};
use catena_mesh::{Exports, Looked, Port, Search, Sidecar, Table, Viewer};

use super::Making;
use super::objects::{Kind, Objects};
use super::state::State;
use crate::client::search_domains;
use crate::metrics::Sizes;
use crate::object::{self, DefaultExports, Endpoint, Pod, Service, ServicePlace, Slice};

/// A mesh that is made of objects.
struct Mesh {
    table: Arc<Table>,
    state: State,
    made: u64,
}

/// Who looks at it.
#[derive(Clone, Copy)]
struct Workload<'w> {
    namespace: &'w str,
    labels: &'w [(&'w str, &'w str)],
}

fn of(namespace: &str) -> Workload<'_> {
    Workload {
        namespace,
        labels: &[],
    }
}

fn id(text: &str) -> Id {
    let (namespace, name) = text.split_once('/').unwrap();
    Id::new(namespace, name).unwrap()
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

impl Mesh {
    fn new() -> Mesh {
        Mesh::with(None)
    }

    fn with(exports: Option<DefaultExports>) -> Mesh {
        let table: Arc<Table> = Arc::default();
        let making = Making {
            domain: "cluster.local.".parse().unwrap(),
            exports,
            root: "istio-system".into(),
            is_hashed: false,
            legacy: None,
        };
        let state = State::new(Arc::clone(&table), making, Sizes::of("test"));
        Mesh {
            table,
            state,
            made: 0,
        }
    }

    /// A custom object, younger than all before.
    fn custom(&mut self, at: &str, spec: &str, status: &str) -> String {
        let Id { namespace, name } = id(at);
        let created = jiff::Timestamp::from_second(i64::try_from(self.made).unwrap()).unwrap();
        self.made += 1;
        format!(
            r#"{{"metadata":{{"namespace":"{namespace}","name":"{name}",
            "creationTimestamp":"{created}"}},"spec":{{{spec}}},"status":{{{status}}}}}"#
        )
    }

    /// A ServiceEntry by the members of its `spec` and its `status`.
    fn entry_of(&mut self, at: &str, spec: &str, status: &str) {
        let text = self.custom(at, spec, status);
        let entry = object::read_entry(&json(&text)).unwrap();
        self.state.apply_entry(entry);
        self.state.publish();
    }

    /// One with an address of its own.
    fn entry(&mut self, at: &str, host: &str, address: &str, more: &str) {
        let spec = format!(r#""hosts":["{host}"],"addresses":["{address}"]{more}"#);
        self.entry_of(at, &spec, "");
    }

    fn sidecar(&mut self, at: &str, spec: &str) {
        let text = self.custom(at, spec, "");
        let sidecar = object::read_sidecar(&json(&text)).unwrap();
        self.state.apply_sidecar(sidecar);
    }

    fn pod(&mut self, at: &str, address: &str, is_ready: bool) {
        self.state.apply_pod(Pod {
            id: id(at),
            labels: [("app".into(), "db".into())].into(),
            addresses: addresses(&[address]).into(),
            is_ready,
            is_on_host: false,
        });
        self.state.publish();
    }

    /// A Service with the ports `http` and `grpc`.
    fn service(&mut self, at: &str, place: ServicePlace, exports: Option<Exports>) {
        let port = |name: &str, number| Port {
            name: name.into(),
            number,
            is_udp: false,
        };
        self.made += 1;
        self.state.apply_service(Service {
            id: id(at),
            created: self.made,
            place,
            ports: [port("http", 80), port("grpc", 81)].into(),
            exports,
        });
        self.state.publish();
    }

    /// Endpoints of a Service behind one of its ports.
    fn slice(&mut self, (at, service): (&str, &str), port: &str, endpoints: Vec<Endpoint>) {
        self.state.apply_slice(Slice {
            id: id(at),
            service: Some(id(service)),
            ports: [port.into()].into(),
            endpoints: endpoints.into(),
        });
        self.state.publish();
    }

    /// What `workload` is told of `name`: addresses, `bare` or `missing`.
    fn find(&self, name: &str, workload: Workload<'_>) -> String {
        let labels = workload.labels.iter();
        let labels: Vec<(Box<str>, Box<str>)> = labels
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        let sidecar = self
            .table
            .sidecar(workload.namespace, &labels, "istio-system");
        self.find_by(name, workload.namespace, sidecar.as_deref())
    }

    fn find_by(&self, name: &str, namespace: &str, sidecar: Option<&Sidecar>) -> String {
        let cluster: Name = "cluster.local.".parse().unwrap();
        let domains = search_domains(namespace, &cluster);
        let search = Search {
            domains: &domains,
            cluster: Some(cluster.view()),
        };
        let viewer = Viewer {
            namespace: Some(namespace),
            sidecar,
            ..Viewer::ANYBODY
        };
        let name: Name = format!("{name}.").parse().unwrap();
        let looked = self.table.find(name.view(), &viewer, &search, |found| {
            let addresses = found.choice.addresses();
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            addresses.join(" ")
        });
        match looked {
            Looked::Found(text) => text,
            Looked::Bare => "bare".to_owned(),
            Looked::Missing => "missing".to_owned(),
        }
    }
}

fn json(text: &str) -> Object<'_> {
    Object {
        encoding: Encoding::Json,
        bytes: text.as_bytes(),
    }
}
