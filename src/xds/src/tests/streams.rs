//! What goes wrong with streams, and what is said in them.

use catena_testing::Istiod;
use prost::Message;

use super::{Client, Told, any, hosts, plane, started, state};
use crate::proto::{
    Any, DELTA, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Kind, NAME_TABLE,
    Resource, STREAM,
};
use crate::{Error, Guard, Protocol};

const MANY: [&str; 6] = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"];

fn difference(parts: &[(&str, Any)], removed: &[&str]) -> Vec<u8> {
    let resources = parts.iter().map(|(name, part)| Resource {
        name: (*name).to_owned(),
        resource: Some(part.clone()),
    });
    let answer = DeltaDiscoveryResponse {
        resources: resources.collect(),
        type_url: NAME_TABLE.to_owned(),
        nonce: "n".to_owned(),
        removed_resources: removed.iter().map(ToString::to_string).collect(),
    };
    answer.encode_to_vec()
}

#[tokio::test]
async fn first_message_says_who_we_are() {
    let (mut istiod, _client) = started(Protocol::StateOfTheWorld).await;
    let mut call = istiod.call().await;
    assert_eq!(call.path, STREAM);
    assert_eq!(call.header("authorization"), None);
    let first = DiscoveryRequest::decode(call.query().await.unwrap()).unwrap();
    assert_eq!(first.type_url, NAME_TABLE);
    assert!(first.resource_names.is_empty());
    let node = first.node.unwrap();
    assert_eq!(node.id, "sidecar~10.0.0.1~web-1.app~app.svc.cluster.local");
    let metadata = node.metadata.unwrap().fields;
    let said: Vec<_> = metadata
        .iter()
        .map(|(name, value)| match &value.kind {
            Some(Kind::Text(text)) => format!("{name}={text}"),
            Some(Kind::Struct(more)) => {
                format!("{name}: {:?}", more.fields.keys().collect::<Vec<_>>())
            }
            other => format!("{name}? {other:?}"),
        })
        .collect();
    assert_eq!(
        said,
        [
            "CLUSTER_ID=Kubernetes",
            "DNS_AUTO_ALLOCATE=true",
            "DNS_CAPTURE=true",
            "INSTANCE_IPS=10.0.0.1,2001:db8::1",
            "ISTIO_VERSION=1.32.0",
            "LABELS: [\"app\"]",
            "NAME=web-1",
            "NAMESPACE=app",
            "SERVICE_ACCOUNT=web",
        ]
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_the_last_table_stays() {
    let (mut istiod, mut client) = started(Protocol::StateOfTheWorld).await;
    let mut call = istiod.call().await;
    call.query().await.unwrap();
    call.answer(&state("1", &["a.test"]));
    assert_eq!(hosts(&client.table().await), ["a.test"]);
    let taken = DiscoveryRequest::decode(call.query().await.unwrap()).unwrap();
    assert_eq!(
        (taken.version_info.as_str(), taken.error_detail),
        ("1", None)
    );
    assert_eq!(taken.node, None);
    let broken = DiscoveryResponse {
        version_info: "2".to_owned(),
        resources: vec![Any {
            type_url: NAME_TABLE.to_owned(),
            value: vec![0x0a, 0xff],
        }],
        type_url: NAME_TABLE.to_owned(),
        nonce: "nonce-2".to_owned(),
    };
    call.answer(&broken.encode_to_vec());
    let told = client.next().await;
    assert!(
        matches!(told, Told::Refused(Error::Malformed(_))),
        "{told:?}"
    );
    let refused = DiscoveryRequest::decode(call.query().await.unwrap()).unwrap();
    assert_eq!(refused.version_info, "1");
    assert_eq!(refused.response_nonce, "nonce-2");
    assert_eq!(refused.error_detail.unwrap().code, 3);
    call.answer(&state("3", &["b.test"]));
    assert_eq!(hosts(&client.table().await), ["b.test"]);
}

#[tokio::test]
async fn table_that_comes_empty_is_kept_unless_it_was_small() {
    let (mut istiod, mut client) = started(Protocol::StateOfTheWorld).await;
    let call = istiod.call().await;
    call.answer(&state("1", &MANY));
    assert_eq!(client.table().await.len(), 6);
    call.answer(&state("2", &[]));
    assert_eq!(client.next().await, Told::CameEmpty);
    call.answer(&state("3", &["a.test"]));
    assert_eq!(hosts(&client.table().await), ["a.test"]);
    call.answer(&state("4", &[]));
    assert!(client.table().await.is_empty());
}

#[tokio::test]
async fn control_plane_that_begins_with_an_empty_table_is_not_believed() {
    let (mut istiod, mut client) = started(Protocol::StateOfTheWorld).await;
    let call = istiod.call().await;
    call.answer(&state("1", &["a.test"]));
    assert_eq!(hosts(&client.table().await), ["a.test"]);
    istiod.cut();
    assert!(matches!(client.next().await, Told::Lost(_)));
    let call = istiod.call().await;
    for version in ["2", "3"] {
        call.answer(&state(version, &[]));
        assert_eq!(client.next().await, Told::CameEmpty);
    }
    let none = DiscoveryResponse {
        type_url: NAME_TABLE.to_owned(),
        ..DiscoveryResponse::default()
    };
    call.answer(&none.encode_to_vec());
    assert_eq!(client.next().await, Told::CameEmpty);
}

#[tokio::test]
async fn named_parts_of_a_table_come_and_go() {
    let (mut istiod, mut client) = started(Protocol::Delta).await;
    let call = istiod.call().await;
    assert_eq!(call.path, DELTA);
    let (one, two) = (any(&["b.test"]), any(&["a.test", "b.test"]));
    call.answer(&difference(&[("1", one), ("2", two)], &[]));
    let rows = client.table().await;
    assert_eq!(hosts(&rows), ["a.test", "b.test"]);
    let address = rows.last().unwrap().addresses.first().unwrap();
    assert_eq!(address.to_string(), "192.0.2.1");
    call.answer(&difference(&[("3", any(&["c.test"]))], &["2"]));
    assert_eq!(hosts(&client.table().await), ["b.test", "c.test"]);
    call.answer(&difference(&[], &["1", "3"]));
    assert!(client.table().await.is_empty());
}

#[tokio::test]
async fn control_plane_without_differences_is_asked_for_states() {
    let (mut istiod, mut client) = started(Protocol::Delta).await;
    let call = istiod.call().await;
    assert_eq!(call.path, DELTA);
    call.end(12, "unknown method");
    let call = istiod.call().await;
    assert_eq!(call.path, STREAM);
    call.answer(&state("1", &["a.test"]));
    assert_eq!(hosts(&client.table().await), ["a.test"]);
}

#[tokio::test]
async fn control_plane_that_comes_later_is_found() {
    let gone = Istiod::start().await;
    let address = gone.address();
    drop(gone);
    let mut client = Client::start(plane(address, Protocol::Delta), Guard::Off);
    let lost = client.next().await;
    assert!(
        matches!(lost, Told::Lost(Error::Unconnected(_))),
        "{lost:?}"
    );
    let mut istiod = Istiod::start_at(address, None).await;
    let call = istiod.call().await;
    call.answer(&difference(&[("", any(&["a.test"]))], &[]));
    assert_eq!(hosts(&client.table().await), ["a.test"]);
}

#[tokio::test]
async fn refusal_to_let_us_in_is_told() {
    let (mut istiod, mut client) = started(Protocol::Delta).await;
    istiod.call().await.end(16, "no token");
    assert_eq!(
        client.next().await,
        Told::Lost(Error::Denied("no token".to_owned()))
    );
}

mod secured {
    use std::net::SocketAddr;
    use std::path::Path;
    use std::sync::Arc;

    use catena_transport::upstream::TlsClientFiles;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::RootCertStore;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    use rustls::server::WebPkiClientVerifier;

    use super::*;
    use crate::ControlPlane;

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::write(folder.join(name), text).unwrap();
    }

    /// Writes an authority and certificates of it for a server and a client.
    fn make_certificates(folder: &Path) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        write(folder, "ca.pem", &issuer.pem());
        for name in ["istiod.istio-system.svc", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            write(folder, &format!("{name}.pem"), &certificate.pem());
            write(folder, &format!("{name}.key"), &key.serialize_pem());
        }
    }

    fn server(folder: &Path, wants_certificate: bool) -> rustls::ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let read = |name: &str| CertificateDer::from_pem_file(folder.join(name)).unwrap();
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match wants_certificate {
            false => builder.with_no_client_auth(),
            true => {
                let mut roots = RootCertStore::empty();
                roots.add(read("ca.pem")).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from_pem_file(folder.join("istiod.istio-system.svc.key"));
        builder
            .with_single_cert(vec![read("istiod.istio-system.svc.pem")], key.unwrap())
            .unwrap()
    }

    fn sure_plane(address: SocketAddr, folder: &Path) -> ControlPlane {
        ControlPlane {
            tls: Some(TlsClientFiles::listed([folder.join("ca.pem")])),
            server_name: Some("istiod.istio-system.svc".to_owned()),
            ..plane(address, Protocol::Delta)
        }
    }

    #[tokio::test]
    async fn token_is_read_anew_for_each_connection() {
        let folder = tempfile::tempdir().unwrap();
        make_certificates(folder.path());
        let token = folder.path().join("token");
        std::fs::write(&token, "first\n").unwrap();
        let mut istiod = Istiod::start_tls(server(folder.path(), false)).await;
        let mut plane = sure_plane(istiod.address(), folder.path());
        plane.token = Some(token.clone());
        let mut client = Client::start(plane, Guard::Off);
        let call = istiod.call().await;
        assert_eq!(call.header("authorization"), Some("Bearer first"));
        assert_eq!(call.header("clusterid"), Some("Kubernetes"));
        std::fs::write(&token, "second").unwrap();
        istiod.cut();
        let call = istiod.call().await;
        assert_eq!(call.header("authorization"), Some("Bearer second"));
        call.answer(&difference(&[("", any(&["a.test"]))], &[]));
        assert_eq!(hosts(&client.table().await), ["a.test"]);
    }

    #[tokio::test]
    async fn certificate_lets_us_in() {
        let folder = tempfile::tempdir().unwrap();
        make_certificates(folder.path());
        let mut istiod = Istiod::start_tls(server(folder.path(), true)).await;
        let mut plane = sure_plane(istiod.address(), folder.path());
        let mut stranger = Client::start(plane.clone(), Guard::Off);
        assert!(matches!(stranger.next().await, Told::Lost(_)));
        drop(stranger);
        let files = ["client.pem", "client.key", "ca.pem"].map(|name| folder.path().join(name));
        plane.tls = Some(TlsClientFiles::listed(files));
        let mut client = Client::start(plane, Guard::Off);
        let call = istiod.call().await;
        call.answer(&difference(&[("", any(&["a.test"]))], &[]));
        assert_eq!(hosts(&client.table().await), ["a.test"]);
    }

    #[tokio::test]
    async fn control_plane_of_another_name_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        make_certificates(folder.path());
        let istiod = Istiod::start_tls(server(folder.path(), false)).await;
        let mut plane = sure_plane(istiod.address(), folder.path());
        plane.server_name = Some("istiod.test".to_owned());
        let mut client = Client::start(plane, Guard::Off);
        let lost = client.next().await;
        assert!(
            matches!(lost, Told::Lost(Error::Unconnected(_))),
            "{lost:?}"
        );
    }
}
