//! Where the API server is, and who we are there.

use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// Connecting takes this long at most.
const CONNECT_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// How to reach an API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// As a pod of the cluster, with its service account.
    #[default]
    InCluster,
    /// As a kubeconfig file says.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context; the file's current one by default.
        context: Option<String>,
    },
    /// At a URL.
    Endpoint {
        /// The URL; a scheme may be left out.
        url: String,
        /// Files to prove who we are and to check who answers; empty paths for none.
        tls: Option<Tls>,
    },
}

/// Files in PEM form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Our certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities that may have signed the server's certificate.
    pub authorities: PathBuf,
}

/// Why an [`Access`] cannot work, whatever the server says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AccessError(String);

impl Access {
    /// As a kubeconfig file says, of which a context may be named, if there is one; else at
    /// `url`; else as a pod.
    pub fn first_of(
        kubeconfig: Option<(PathBuf, Option<String>)>,
        url: Option<String>,
        tls: Option<Tls>,
    ) -> Access {
        match (kubeconfig, url) {
            (Some((path, context)), _) => Access::Kubeconfig { path, context },
            (None, Some(url)) => Access::Endpoint { url, tls },
            (None, None) => Access::InCluster,
        }
    }

    /// Looks whether all files and variables are there and make sense; asks no server.
    pub fn check(&self) -> Result<(), AccessError> {
        match self {
            Access::InCluster => in_cluster().map(drop),
            Access::Kubeconfig { path, context } => {
                let file = read_kubeconfig(path)?;
                let wanted = context.as_ref().or(file.current_context.as_ref());
                match wanted.filter(|wanted| !wanted.is_empty()) {
                    Some(wanted) if !file.contexts.iter().any(|known| known.name == *wanted) => {
                        Err(AccessError(format!("context {wanted:?} does not exist")))
                    }
                    Some(_) => Ok(()),
                    None => Err(AccessError(
                        "invalid configuration: no configuration has been provided".to_owned(),
                    )),
                }
            }
            Access::Endpoint { tls: None, .. } => uri(self).map(drop),
            Access::Endpoint { tls: Some(tls), .. } => {
                uri(self)?;
                tls.check()
            }
        }
    }

    /// A short name for metrics.
    pub fn label(&self) -> String {
        match self {
            Access::InCluster => "in-cluster".to_owned(),
            Access::Endpoint { url, .. } => url.clone(),
            Access::Kubeconfig { path, context } => match context {
                Some(context) => format!("{}#{context}", path.display()),
                None => path.display().to_string(),
            },
        }
    }

    /// What `kube` connects with; reads files again.
    pub(crate) async fn config(&self) -> Result<kube::Config, AccessError> {
        let mut config = match self {
            Access::InCluster => in_cluster()?,
            Access::Kubeconfig { path, context } => {
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                kube::Config::from_custom_kubeconfig(read_kubeconfig(path)?, &options)
                    .await
                    .map_err(|error| AccessError(with_causes(&error)))?
            }
            Access::Endpoint { tls, .. } => {
                let mut config = kube::Config::new(uri(self)?);
                if let Some(tls) = tls {
                    config.root_cert_file = given(&tls.authorities).map(Path::to_path_buf);
                    config.auth_info = AuthInfo {
                        client_certificate: text(&tls.certificate),
                        client_key: text(&tls.key),
                        ..AuthInfo::default()
                    };
                }
                config
            }
        };
        config.connect_timeout = Some(CONNECT_MAX);
        // Tries again are ours: they are counted, logged and spaced out.
        config.default_retry = false;
        Ok(config)
    }
}

impl Tls {
    fn check(&self) -> Result<(), AccessError> {
        let unusable = |path: &Path, error: String| {
            AccessError(format!("unable to use {}: {error}", path.display()))
        };
        for path in [&self.certificate, &self.authorities] {
            let Some(path) = given(path) else { continue };
            let found = CertificateDer::pem_file_iter(path)
                .and_then(|mut found| found.next().transpose())
                .map_err(|error| unusable(path, error.to_string()))?;
            if found.is_none() {
                return Err(unusable(path, "no certificate in it".to_owned()));
            }
        }
        let Some(key) = given(&self.key) else {
            return Ok(());
        };
        PrivateKeyDer::from_pem_file(key)
            .map(drop)
            .map_err(|error| unusable(key, error.to_string()))
    }
}

fn given(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

fn text(path: &Path) -> Option<String> {
    given(path).map(|path| path.display().to_string())
}

fn in_cluster() -> Result<kube::Config, AccessError> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !is_set("KUBERNETES_SERVICE_HOST") || !is_set("KUBERNETES_SERVICE_PORT") {
        let message = "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and \
                       KUBERNETES_SERVICE_PORT must be defined";
        return Err(AccessError(message.to_owned()));
    }
    kube::Config::incluster().map_err(|error| AccessError(with_causes(&error)))
}

fn read_kubeconfig(path: &Path) -> Result<Kubeconfig, AccessError> {
    if let Err(error) = path.metadata() {
        let error = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        return Err(AccessError(format!("stat {}: {error}", path.display())));
    }
    Kubeconfig::read_from(path).map_err(|error| AccessError(with_causes(&error)))
}

/// The endpoint as a URI; TLS files imply HTTPS.
fn uri(access: &Access) -> Result<http::Uri, AccessError> {
    let Access::Endpoint { url, tls } = access else {
        return Err(AccessError("no endpoint".to_owned()));
    };
    let scheme = match tls {
        _ if url.contains("://") => "",
        Some(_) => "https://",
        None => "http://",
    };
    let invalid = || AccessError(format!("host must be a URL or a host:port pair: {url:?}"));
    let uri: http::Uri = format!("{scheme}{url}").parse().map_err(|_| invalid())?;
    uri.host().ok_or_else(invalid)?;
    Ok(uri)
}

/// An error's text with those of its causes that say something new.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// The text of what is behind an error and all its causes.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
