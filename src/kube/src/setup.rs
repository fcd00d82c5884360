//! Reads from a Corefile which API server is asked, and as whom.

use std::path::PathBuf;

use catena_plugin::{Line, Setup, SetupError};

use crate::{Access, Tls};

/// What the properties `endpoint`, `tls` and `kubeconfig` of a directive say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessReading {
    /// The URL of an API server.
    pub endpoint: Option<String>,
    tls: Option<Tls>,
    kubeconfig: Option<(PathBuf, Option<String>)>,
}

impl AccessReading {
    /// Reads `endpoint URL`.
    pub fn read_endpoint(&mut self, property: &Line<'_>) -> Result<(), SetupError> {
        let arg = property.args().only("the URL of the API server")?;
        self.endpoint = Some(arg.text().to_owned());
        Ok(())
    }

    /// Reads `kubeconfig FILE [CONTEXT]`.
    pub fn read_kubeconfig(&mut self, property: &Line<'_>) -> Result<(), SetupError> {
        let mut args = property.args();
        let path = args.required("the kubeconfig file")?.text();
        let context = args.next().map(|arg| arg.text().to_owned());
        args.finish()?;
        self.kubeconfig = Some((PathBuf::from(path), context));
        Ok(())
    }

    /// Reads `tls CERT KEY CACERT`.
    pub fn read_tls(&mut self, property: &Line<'_>, cx: &Setup<'_>) -> Result<(), SetupError> {
        let mut args = property.args();
        let mut file = |what| -> Result<PathBuf, SetupError> {
            let text = args.required(what)?.text();
            Ok(match text {
                "" => PathBuf::new(),
                text => cx.server.path(text),
            })
        };
        self.tls = Some(Tls {
            certificate: file("our certificate")?,
            key: file("its key")?,
            authorities: file("the authorities' certificate")?,
        });
        args.finish()
    }

    /// The access that `line` asks for, checked unless it is that of a pod.
    ///
    /// Whether this is a pod is known when it starts: a Corefile is checked elsewhere too.
    pub fn finish(self, line: &Line<'_>) -> Result<Access, SetupError> {
        let access = Access::first_of(self.kubeconfig, self.endpoint, self.tls);
        if access != Access::InCluster {
            access.check().map_err(|error| line.error(error))?;
        }
        Ok(access)
    }
}
