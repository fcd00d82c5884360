//! Reads the web configuration that `tls` names, as Prometheus's exporters use it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use saphyr::{LoadableYamlNode, Yaml};

const SECTION: &str = "tls_server_config";

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct WebConfig {
    cert_file: String,
    key_file: String,
    client_ca_file: String,
    client_auth_type: String,
}

/// The configuration in `path`; none if the file asks for no TLS.
pub(crate) fn read(path: &Path) -> Result<Option<Arc<ServerConfig>>, String> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("TLS config file does not exist: {}", path.display()),
        _ => format!("{}: {error}", path.display()),
    })?;
    let at = |reason: String| format!("{}: {reason}", path.display());
    let Some(config) = WebConfig::parse(&text).map_err(at)? else {
        return Ok(None);
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    config
        .load(folder)
        .map(|config| Some(Arc::new(config)))
        .map_err(at)
}

impl WebConfig {
    fn parse(text: &str) -> Result<Option<WebConfig>, String> {
        let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
        let Some(sections) = documents.first().filter(|document| !document.is_null()) else {
            return Ok(None);
        };
        let sections = sections.as_mapping().ok_or("not a mapping")?;
        let mut config = None;
        for (name, section) in sections {
            let name = name.as_str().unwrap_or_default();
            if name != SECTION {
                return Err(format!("'{name}' is not supported, only {SECTION} is"));
            }
            config = Some(WebConfig::of(section)?);
        }
        Ok(config)
    }

    fn of(section: &Yaml<'_>) -> Result<WebConfig, String> {
        let mut config = WebConfig::default();
        let fields = section.as_mapping().ok_or("not a mapping")?;
        for (name, value) in fields {
            let name = name.as_str().unwrap_or_default();
            let value = value
                .as_str()
                .ok_or_else(|| format!("{name}: not a text"))?;
            let field = match name {
                "cert_file" => &mut config.cert_file,
                "key_file" => &mut config.key_file,
                "client_ca_file" => &mut config.client_ca_file,
                "client_auth_type" => &mut config.client_auth_type,
                _ => return Err(format!("{SECTION}: '{name}' is not supported")),
            };
            value.clone_into(field);
        }
        Ok(config)
    }

    /// Reads the files that the configuration names; relative names start from `folder`.
    fn load(&self, folder: &Path) -> Result<ServerConfig, String> {
        let place = |name: &str, file: &str| match file {
            "" => Err(format!("missing {name}")),
            file => Ok(folder.join(file)),
        };
        let key_file = place("key_file", &self.key_file)?;
        let key = PrivateKeyDer::from_pem_file(&key_file)
            .map_err(|error| format!("{}: {error}", key_file.display()))?;
        let certificates = certificates(&place("cert_file", &self.cert_file)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = || roots_in(&place("client_ca_file", &self.client_ca_file)?);
        let verifier = |roots| {
            let roots = Arc::new(roots);
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
        };
        let built = |verifier: Result<Arc<dyn ClientCertVerifier>, _>| {
            verifier.map_err(|error: rustls::server::VerifierBuilderError| error.to_string())
        };
        let verifier = match self.client_auth_type.as_str() {
            "" | "NoClientCert" => WebPkiClientVerifier::no_client_auth(),
            "VerifyClientCertIfGiven" => built(verifier(roots()?).allow_unauthenticated().build())?,
            "RequireAndVerifyClientCert" => built(verifier(roots()?).build())?,
            other => return Err(format!("client_auth_type '{other}' is not supported")),
        };
        ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates, key)
            .map_err(|error| error.to_string())
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.map_err(|error| format!("{}: {error}", path.display()))
}

fn roots_in(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::WebConfig;

    #[test]
    fn the_section_for_tls_is_read_and_no_other() {
        let text = "# comment\ntls_server_config:\n  cert_file: \"a.pem\"\n  key_file: b.pem\n";
        let config = WebConfig::parse(text).unwrap().unwrap();
        let files = (config.cert_file.as_str(), config.key_file.as_str());
        assert_eq!(files, ("a.pem", "b.pem"));
        assert_eq!(WebConfig::parse(""), Ok(None));
        let refusal = |text: &str| WebConfig::parse(text).unwrap_err();
        let expected = "'basic_auth_users' is not supported, only tls_server_config is";
        assert_eq!(refusal("basic_auth_users:\n  alice: x\n"), expected);
        let expected = "tls_server_config: 'min_version' is not supported";
        assert_eq!(
            refusal("tls_server_config:\n  min_version: TLS13\n"),
            expected
        );
    }
}
