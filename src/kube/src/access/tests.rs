//! What is refused before any server is asked.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Access, Tls, uri};

fn endpoint(url: &str, tls: Option<Tls>) -> Access {
    let url = url.to_owned();
    Access::Endpoint { url, tls }
}

#[test]
fn an_endpoint_may_lack_its_scheme() {
    let plain = uri(&endpoint("127.0.0.1:8080", None)).unwrap();
    assert_eq!(plain.to_string(), "http://127.0.0.1:8080/");
    let safe = uri(&endpoint("[::1]:6443", Some(Tls::default()))).unwrap();
    assert_eq!(safe.to_string(), "https://[::1]:6443/");
    assert!(endpoint("http://", None).check().is_err());
}

#[test]
fn files_that_are_missing_are_named() {
    let path = std::path::PathBuf::from("/nonexistent/kubeconfig");
    let access = Access::Kubeconfig {
        path,
        context: None,
    };
    let error = access.check().unwrap_err().to_string();
    assert_eq!(
        error,
        "stat /nonexistent/kubeconfig: no such file or directory"
    );
    let tls = Tls {
        certificate: "/nonexistent/cert".into(),
        ..Tls::default()
    };
    let error = endpoint("https://a", Some(tls)).check().unwrap_err();
    assert!(error.to_string().contains("/nonexistent/cert"), "{error}");
}
