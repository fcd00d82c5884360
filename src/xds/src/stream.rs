//! One stream to a control plane: who it is, what is sent, what comes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use catena_grpc::{Endpoint, EndpointError, Manner};
use catena_transport::upstream::{TlsClient, TlsClientFiles};
use futures_util::stream;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::{Error, Node};

/// The port of istiod where nothing is encrypted, and the one where all is.
const PLAIN_PORT: u16 = 15010;
const TLS_PORT: u16 = 15012;
/// The longest table taken: 10,000 hosts are 0.6 MB.
const MESSAGE_MAX: usize = 64 << 20;
/// How long a stream may take to begin, tokens checked included.
const BEGIN_TIME_MAX: Duration = Duration::from_secs(10);
/// As Istio's agent does; istiod refuses less than 15 s.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest token read.
const TOKEN_MAX: usize = 64 << 10;

/// Where a control plane is, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// Where it is.
    pub endpoint: Endpoint,
    /// How it is checked, if it is; read again for each connection.
    pub tls: Option<TlsClientFiles>,
    /// The name that its certificate must be for, if that is not its host.
    pub server_name: Option<String>,
    /// The file of a token that says who we are; read again for each connection.
    pub token: Option<PathBuf>,
    /// Who we are.
    pub node: Node,
    /// The kind of stream.
    pub protocol: Protocol,
}

/// The kind of stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Differences; where they are not known, the state of the world.
    #[default]
    Delta,
    /// The state of the world with each response.
    StateOfTheWorld,
}

/// Reads where a control plane is; `has_tls` decides the port where none is named.
pub fn endpoint(text: &str, has_tls: bool) -> Result<Endpoint, EndpointError> {
    let wants_tls = Endpoint::parse(text, PLAIN_PORT)?.wants_tls(has_tls);
    Endpoint::parse(text, if wants_tls { TLS_PORT } else { PLAIN_PORT })
}

/// A stream in both directions.
pub(crate) struct Stream<Q, A> {
    sender: UnboundedSender<Q>,
    answers: Streaming<A>,
}

impl ControlPlane {
    /// Opens a stream whose first message is `first`.
    pub(crate) async fn open<Q, A>(
        &self,
        path: &'static str,
        first: Q,
    ) -> Result<Stream<Q, A>, Error>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let (sender, queries) = unbounded_channel();
        let _open = sender.send(first);
        let mut query = Request::new(stream::unfold(queries, next));
        self.headers(&mut query)?;
        let channel = self.endpoint.channel(self.manner()?);
        let mut channel = Grpc::new(channel).max_decoding_message_size(MESSAGE_MAX);
        let opened = async {
            let ready = channel.ready().await;
            ready.map_err(|error| Status::from_error(Box::new(error)))?;
            let path = PathAndQuery::from_static(path);
            channel.streaming(query, path, ProstCodec::default()).await
        };
        let answers = timeout(BEGIN_TIME_MAX, opened).await;
        let answers = answers.map_err(|_| Error::TimedOut)??.into_inner();
        Ok(Stream { sender, answers })
    }

    fn manner(&self) -> Result<Manner, Error> {
        let mut manner = Manner {
            tls: None,
            server_name: None,
            ping_every: PING_EVERY,
            ping_time_max: PING_TIME_MAX,
        };
        if !self.endpoint.wants_tls(self.tls.is_some()) {
            return Ok(manner);
        }
        let files = self.tls.clone().unwrap_or_default();
        manner.tls = Some(TlsClient::new(&files)?);
        manner.server_name.clone_from(&self.server_name);
        Ok(manner)
    }

    fn headers<Q>(&self, query: &mut Request<Q>) -> Result<(), Error> {
        let Some(path) = &self.token else {
            return Ok(());
        };
        let metadata = query.metadata_mut();
        metadata.insert("authorization", bearer(path)?);
        // The cluster whose API server is asked about the token.
        if let Ok(cluster) = MetadataValue::try_from(&self.node.cluster) {
            metadata.insert("clusterid", cluster);
        }
        Ok(())
    }
}

fn bearer(path: &Path) -> Result<MetadataValue<tonic::metadata::Ascii>, Error> {
    let no_token = |text: &str| Error::File(format!("{}: {text}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| no_token(&error.to_string()))?;
    let token = text.trim();
    if token.is_empty() || token.len() > TOKEN_MAX {
        return Err(no_token("there is no token in it"));
    }
    let value = MetadataValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| no_token("there is no token in it"))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn next<Q>(mut queries: UnboundedReceiver<Q>) -> Option<(Q, UnboundedReceiver<Q>)> {
    let query = queries.recv().await?;
    Some((query, queries))
}

impl<Q, A> Stream<Q, A> {
    /// Sends `query`; a stream that has ended says so when it is read.
    pub fn send(&self, query: Q) {
        let _ended = self.sender.send(query);
    }

    /// What comes next.
    pub async fn next(&mut self) -> Result<A, Error> {
        let ended = || Error::Ended("the control plane closed it".to_owned());
        self.answers.message().await?.ok_or_else(ended)
    }
}
