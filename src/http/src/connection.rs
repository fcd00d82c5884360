//! One connection: requests in, pages out, each step bounded in time and size.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::listener::Site;
use crate::{Answer, Asked, Body, Page, Peer};

/// Time for a TLS handshake, for a request to come in whole, and for a client to take some octets.
pub(crate) const STEP_TIME: Duration = Duration::from_secs(5);
/// Octets of a request's head at most.
const HEAD_MAX: usize = 16 << 10;
/// Header lines of a request at most.
const HEADERS_MAX: usize = 64;

/// Serves a connection until it ends, or after `closing` until its request is answered.
pub(crate) async fn serve<S>(stream: S, site: Arc<Site>, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let closing = site.closing().clone();
    let peer = Arc::new(peer);
    let service = service_fn(move |request| {
        let (site, peer) = (Arc::clone(&site), Arc::clone(&peer));
        async move { Ok::<_, Infallible>(respond(&site, request, &peer).await) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(STEP_TIME)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX);
    let io = TokioIo::new(Patient::new(stream));
    let mut connection = std::pin::pin!(server.serve_connection(io, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("http connection: {error}");
    }
}

async fn respond(site: &Site, request: Request<Incoming>, peer: &Peer) -> Response<Body> {
    let asked = Asked {
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or("").to_owned(),
    };
    if let Some(service) = site.service(&asked) {
        return service.respond(request, peer).await;
    }
    let page = match site.answer(&asked) {
        Some(Answer::Now(page)) => page,
        Some(Answer::Later(page)) => page.await,
        None => Page::not_found(),
    };
    let mut response = Response::new(Full::new(page.body).boxed_unsync());
    *response.status_mut() =
        StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    for (name, value) in page.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A stream that breaks when its peer takes nothing for [`STEP_TIME`].
struct Patient<S> {
    stream: S,
    /// Runs while the peer takes nothing.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S) -> Self {
        let limit = None;
        Patient { stream, limit }
    }

    /// Passes `result` on; starts, stops or enforces the limit.
    fn watch<T>(
        &mut self,
        result: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.limit = None;
            return result;
        }
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(STEP_TIME)));
        ready!(limit.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, octets);
        self.watch(result, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(result, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(result, context)
    }
}
