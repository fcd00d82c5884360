//! The client in front of a scripted control plane, and the recorded streams of a real one.

#![expect(clippy::unwrap_used, reason = "tests")]

mod replay;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use catena_testing::Istiod;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::proto::{Any, DiscoveryResponse, NAME_TABLE, NameEntry, NameInfo, NameTable};
use crate::{ControlPlane, Error, Guard, Node, Position, Protocol, Row, Sink, endpoint, follow};

const LONG: Duration = Duration::from_secs(20);

/// What a sink was told.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Table(Arc<[Row]>),
    CameEmpty,
    Refused(Error),
    Lost(Error),
}

struct Teller(UnboundedSender<Told>);

impl Teller {
    fn tell(&self, told: Told) {
        let _ended = self.0.send(told);
    }
}

impl Sink for Teller {
    fn told(&mut self, rows: Arc<[Row]>) {
        self.tell(Told::Table(rows));
    }
    fn came_empty(&mut self) {
        self.tell(Told::CameEmpty);
    }
    fn refused(&mut self, error: &Error) {
        self.tell(Told::Refused(error.clone()));
    }
    fn heard(&mut self) {}
    fn lost(&mut self, error: &Error) {
        self.tell(Told::Lost(error.clone()));
    }
}

/// A client at work.
struct Client {
    told: UnboundedReceiver<Told>,
    following: tokio::task::JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Client {
    fn start(plane: ControlPlane, guard: Guard) -> Client {
        let (sender, told) = unbounded_channel();
        let following = Handle::current().spawn(async move {
            let (mut position, mut sink) = (Position::default(), Teller(sender));
            match follow(&plane, guard, &mut position, &mut sink).await {}
        });
        Client { told, following }
    }

    /// What it is told next.
    async fn next(&mut self) -> Told {
        timeout(LONG, self.told.recv()).await.unwrap().unwrap()
    }

    /// The table it is told next; what is lost meanwhile is passed over.
    async fn table(&mut self) -> Arc<[Row]> {
        loop {
            match self.next().await {
                Told::Table(rows) => return rows,
                Told::Lost(_) => {}
                other => assert_eq!(other, Told::Table(Arc::default())),
            }
        }
    }
}

fn node() -> Node {
    Node {
        namespace: "app".into(),
        name: "web-1".into(),
        addresses: vec!["10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        cluster: "Kubernetes".into(),
        domain: "cluster.local".into(),
        service_account: "web".into(),
        network: String::new(),
        labels: vec![("app".into(), "web".into())],
        metadata: Vec::new(),
    }
}

fn plane(address: SocketAddr, protocol: Protocol) -> ControlPlane {
    ControlPlane {
        endpoint: endpoint(&address.to_string(), false).unwrap(),
        tls: None,
        server_name: None,
        token: None,
        node: node(),
        protocol,
    }
}

async fn started(protocol: Protocol) -> (Istiod, Client) {
    let istiod = Istiod::start().await;
    let client = Client::start(plane(istiod.address(), protocol), Guard::Below(5));
    (istiod, client)
}

/// A table of `hosts`, each with an address of its own.
fn any(hosts: &[&str]) -> Any {
    let table = hosts.iter().enumerate().map(|(at, host)| NameEntry {
        host: (*host).to_owned(),
        info: Some(NameInfo {
            ips: vec![format!("192.0.2.{}", at + 1)],
            registry: "External".to_owned(),
            ..NameInfo::default()
        }),
    });
    let table = NameTable {
        table: table.collect(),
    };
    Any {
        type_url: NAME_TABLE.to_owned(),
        value: prost::Message::encode_to_vec(&table),
    }
}

/// A state of the world with one table.
fn state(version: &str, hosts: &[&str]) -> Vec<u8> {
    prost::Message::encode_to_vec(&DiscoveryResponse {
        version_info: version.to_owned(),
        resources: vec![any(hosts)],
        type_url: NAME_TABLE.to_owned(),
        nonce: format!("nonce-{version}"),
    })
}

fn hosts(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| &*row.host).collect()
}
