//! A control plane of Istio as tests write it: streams come in, and a test answers them.
//!
//! It knows the frames of gRPC and no message: what a test sends is what was recorded.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// The head of a frame: whether it is compressed, and its length.
const HEAD: usize = 5;

/// What a test waits for at most.
const LONG: Duration = Duration::from_secs(20);

/// A control plane.
pub struct Istiod {
    address: SocketAddr,
    calls: UnboundedReceiver<Call>,
    /// The listener and its connections; they end with it.
    tasks: Arc<Mutex<JoinSet<()>>>,
    listening: tokio::task::JoinHandle<()>,
}

/// A stream that a client has opened. Dropped, it breaks off.
pub struct Call {
    /// The method.
    pub path: String,
    headers: HeaderMap,
    queries: Incoming,
    buffer: BytesMut,
    answers: UnboundedSender<Frame<Bytes>>,
}

impl Istiod {
    /// Starts one on a free port.
    pub async fn start() -> Istiod {
        Istiod::start_at((Ipv4Addr::LOCALHOST, 0).into(), None).await
    }

    /// Starts one that speaks TLS.
    pub async fn start_tls(config: ServerConfig) -> Istiod {
        Istiod::start_at((Ipv4Addr::LOCALHOST, 0).into(), Some(config)).await
    }

    /// Starts one at `address`, such as that of one that was dropped.
    pub async fn start_at(address: SocketAddr, tls: Option<ServerConfig>) -> Istiod {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, calls) = unbounded_channel();
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
        let connections = Arc::clone(&tasks);
        let acceptor = tls.map(|mut config| {
            config.alpn_protocols = vec![b"h2".to_vec()];
            TlsAcceptor::from(Arc::new(config))
        });
        let listening = tokio::runtime::Handle::current().spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (sender, acceptor) = (sender.clone(), acceptor.clone());
                connections.lock().spawn(async move {
                    match acceptor {
                        None => serve(stream, sender).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, sender).await;
                            }
                        }
                    }
                });
            }
        });
        Istiod {
            address,
            calls,
            tasks,
            listening,
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next stream that is opened, however long that takes.
    pub async fn opened(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// The next stream that is opened.
    pub async fn call(&mut self) -> Call {
        timeout(LONG, self.opened()).await.unwrap()
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.tasks.lock().abort_all();
    }
}

impl Drop for Istiod {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    calls: UnboundedSender<Call>,
) {
    let service = service_fn(move |query: Request<Incoming>| {
        let (sender, mut answers) = unbounded_channel::<Frame<Bytes>>();
        let (head, queries) = query.into_parts();
        let call = Call {
            path: head.uri.path().to_owned(),
            headers: head.headers,
            queries,
            buffer: BytesMut::new(),
            answers: sender,
        };
        let _stopped = calls.send(call);
        let frames = futures_util::stream::poll_fn(move |cx| answers.poll_recv(cx));
        let body = StreamBody::new(frames.map(Ok::<_, Infallible>));
        let answer = Response::builder()
            .header("content-type", "application/grpc")
            .body(body)
            .unwrap();
        async move { Ok::<_, Infallible>(answer) }
    });
    let _cut = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Call {
    /// A header that the client sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The next message of the client; `None` when it sends no more.
    pub async fn query(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.whole() {
                return Some(message);
            }
            let frame = timeout(LONG, self.queries.frame()).await.unwrap()?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.buffer.put(data);
            }
        }
    }

    fn whole(&mut self) -> Option<Bytes> {
        let mut head = self.buffer.get(1..HEAD)?;
        let length = usize::try_from(head.get_u32()).unwrap();
        if self.buffer.len() < HEAD + length {
            return None;
        }
        self.buffer.advance(HEAD);
        Some(self.buffer.split_to(length).freeze())
    }

    /// Sends a message, encoded already.
    pub fn answer(&self, message: &[u8]) {
        let mut frame = BytesMut::with_capacity(HEAD + message.len());
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).unwrap());
        frame.put_slice(message);
        let _gone = self.answers.send(Frame::data(frame.freeze()));
    }

    /// Ends the stream with a status of gRPC, such as 12 for a method that is not known.
    pub fn end(self, code: u8, message: &str) {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.to_string().parse().unwrap());
        trailers.insert("grpc-message", message.parse().unwrap());
        let _gone = self.answers.send(Frame::trailers(trailers));
    }
}
