//! Calls of one question and one answer: to the member that answered last, or to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catena_grpc::Manner;
use catena_plugin::clock::{Instant, now};
use catena_transport::upstream::TlsClient;
use http::uri::PathAndQuery;
use parking_lot::Mutex;
use prost::Message;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::login::{Credentials, Login};
use crate::proto::{
    Done, LeaseGrantRequest, LeaseRequest, LeaseResponse, RangeRequest, RangeResponse, TxnRequest,
    TxnResponse,
};
use crate::{Endpoint, Error};

/// The longest message taken; etcd's own values are below 2 MB.
const MESSAGE_MAX: usize = 16 << 20;
/// A connection that does not answer is given up at most this often.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How often a connection that is waited on is tried; etcd refuses less than 5 s.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIME_MAX: Duration = Duration::from_secs(3);

/// How a cluster is reached.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Its members.
    pub endpoints: Vec<Endpoint>,
    /// How members are checked, and how we show who we are.
    pub tls: Option<TlsClient>,
    /// The user.
    pub credentials: Option<Credentials>,
    /// How long a member may take to answer a read.
    pub read_timeout: Duration,
    /// How long a member may take over a write.
    pub write_timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            endpoints: Vec::new(),
            tls: None,
            credentials: None,
            read_timeout: Duration::from_millis(500),
            write_timeout: Duration::from_secs(5),
        }
    }
}

/// A cluster; cheap to clone. Connections come up when they are needed.
#[derive(Clone)]
pub struct Client(Arc<Cluster>);

struct Cluster {
    members: Box<[Member]>,
    /// The member that is asked first.
    preferred: AtomicUsize,
    login: Option<Login>,
    read_timeout: Duration,
    write_timeout: Duration,
    runtime: Handle,
}

pub(crate) struct Member {
    endpoint: Endpoint,
    tls: Option<TlsClient>,
    channel: Mutex<(Channel, Instant)>,
}

/// What kind of call it is, which decides what is done when it fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// May be asked again anywhere.
    Read,
    /// May be asked again only if it was never sent.
    Write,
}

impl Client {
    /// A client whose connections live on `runtime`.
    pub fn new(options: ClientOptions, runtime: Handle) -> Client {
        let _within = runtime.enter();
        let tls = options.tls;
        let members = options.endpoints.into_iter().map(|endpoint| {
            let tls = tls.clone().filter(|_| endpoint.wants_tls(true));
            let channel = endpoint.channel(manner(tls.clone()));
            Member {
                endpoint,
                tls,
                channel: Mutex::new((channel, now())),
            }
        });
        Client(Arc::new(Cluster {
            members: members.collect(),
            preferred: AtomicUsize::new(0),
            login: options.credentials.map(Login::new),
            read_timeout: options.read_timeout,
            write_timeout: options.write_timeout,
            runtime: runtime.clone(),
        }))
    }

    /// Reads keys as they are now; from a single member's memory if there is no leader.
    pub async fn range(&self, mut query: RangeRequest) -> Result<RangeResponse, Error> {
        let first = self.try_range(&query).await;
        match first {
            Err(error) if error.is_passing() && query.revision == 0 => {
                query.serializable = true;
                self.try_range(&query).await
            }
            other => other,
        }
    }

    async fn try_range(&self, query: &RangeRequest) -> Result<RangeResponse, Error> {
        const PATH: &str = "/etcdserverpb.KV/Range";
        self.call(PATH, query, Kind::Read, self.0.read_timeout)
            .await
    }

    /// Reads a page of a list, with more patience and never from one member's memory alone.
    pub(crate) async fn page(&self, query: &RangeRequest) -> Result<RangeResponse, Error> {
        const PATH: &str = "/etcdserverpb.KV/Range";
        self.call(PATH, query, Kind::Read, self.0.write_timeout)
            .await
    }

    /// Takes steps together, if conditions hold.
    pub async fn txn(&self, txn: &TxnRequest) -> Result<TxnResponse, Error> {
        const PATH: &str = "/etcdserverpb.KV/Txn";
        self.call(PATH, txn, Kind::Write, self.0.write_timeout)
            .await
    }

    /// Makes a lease of `ttl` seconds that is called `id`; etcd finds a name for it if that is 0.
    pub async fn grant(&self, id: i64, ttl: i64) -> Result<LeaseResponse, Error> {
        const PATH: &str = "/etcdserverpb.Lease/LeaseGrant";
        let query = LeaseGrantRequest { ttl, id };
        self.call(PATH, &query, Kind::Write, self.0.write_timeout)
            .await
    }

    /// Ends a lease, and with it its keys.
    pub async fn revoke(&self, id: i64) -> Result<(), Error> {
        const PATH: &str = "/etcdserverpb.Lease/LeaseRevoke";
        let query = LeaseRequest { id };
        let done = self.call(PATH, &query, Kind::Write, self.0.write_timeout);
        done.await.map(|Done { .. }| ())
    }

    /// Renews a lease; the seconds it has now, below 1 if it is gone.
    pub async fn renew(&self, id: i64) -> Result<i64, Error> {
        const PATH: &str = "/etcdserverpb.Lease/LeaseKeepAlive";
        // A stream of one: both sides of it close after the answer.
        let query = LeaseRequest { id };
        let lease: LeaseResponse = self
            .call(PATH, &query, Kind::Read, self.0.write_timeout)
            .await?;
        Ok(lease.ttl)
    }

    /// The seconds that a lease has left, below 1 if it is gone.
    pub async fn time_left(&self, id: i64) -> Result<i64, Error> {
        self.lease(id).await.map(|lease| lease.ttl)
    }

    /// What there is to know of a lease.
    pub async fn lease(&self, id: i64) -> Result<LeaseResponse, Error> {
        const PATH: &str = "/etcdserverpb.Lease/LeaseTimeToLive";
        let query = LeaseRequest { id };
        self.call(PATH, &query, Kind::Read, self.0.read_timeout)
            .await
    }

    async fn call<Q, A>(
        &self,
        path: &'static str,
        query: &Q,
        kind: Kind,
        patience: Duration,
    ) -> Result<A, Error>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let cluster = &*self.0;
        let (mut asked, mut had_new_token) = (0, false);
        loop {
            let (at, member) = cluster.preferred()?;
            let answer = match self.headers(member, Request::new(query.clone())).await {
                Ok(query) => member.ask(path, query, patience).await,
                Err(error) => Err(error),
            };
            asked += 1;
            match answer {
                Err(Error::Token(_)) if !had_new_token && cluster.login.is_some() => {
                    cluster.forget_token();
                    had_new_token = true;
                }
                Err(error) if error.is_passing() => {
                    cluster.pass_over(at, &error);
                    let may_repeat = kind == Kind::Read || !error.is_unsure();
                    if !may_repeat || asked >= cluster.members.len() {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Adds the token to a call, after asking for one if need be.
    pub(crate) async fn headers<Q>(
        &self,
        member: &Member,
        mut query: Request<Q>,
    ) -> Result<Request<Q>, Error> {
        if let Some(login) = &self.0.login
            && let Some(token) = login.token(member).await?
        {
            query.metadata_mut().insert("token", token);
        }
        Ok(query)
    }

    /// The member to ask, and its place.
    pub(crate) fn preferred(&self) -> Result<(usize, &Member), Error> {
        self.0.preferred()
    }

    /// Asks another member from now on, because of `error` of the one at `at`.
    pub(crate) fn pass_over(&self, at: usize, error: &Error) {
        self.0.pass_over(at, error);
    }

    /// Forgets the token that etcd refuses.
    pub(crate) fn forget_token(&self) {
        self.0.forget_token();
    }
}

impl Cluster {
    fn preferred(&self) -> Result<(usize, &Member), Error> {
        let at = self.preferred.load(Ordering::Relaxed);
        let member = self.members.get(at).or_else(|| self.members.first());
        let none = || Error::Unconnected("no endpoint is known".to_owned());
        Ok((at, member.ok_or_else(none)?))
    }

    fn pass_over(&self, at: usize, error: &Error) {
        if *error == Error::TimedOut
            && let Some(member) = self.members.get(at)
        {
            member.reconnect(&self.runtime);
        }
        let next = if at + 1 < self.members.len() {
            at + 1
        } else {
            0
        };
        // Another call may have gone on already.
        let _passed =
            self.preferred
                .compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn forget_token(&self) {
        if let Some(login) = &self.login {
            login.forget();
        }
    }
}

impl Member {
    /// A channel to it.
    pub fn channel(&self) -> Grpc<Channel> {
        let channel = self.channel.lock().0.clone();
        Grpc::new(channel).max_decoding_message_size(MESSAGE_MAX)
    }

    /// Asks it, and takes its first answer.
    pub async fn ask<Q, A>(
        &self,
        path: &'static str,
        query: Request<Q>,
        patience: Duration,
    ) -> Result<A, Error>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let answer = async {
            let mut channel = self.channel();
            channel
                .ready()
                .await
                .map_err(|error| Status::from_error(Box::new(error)))?;
            let codec = ProstCodec::default();
            channel
                .unary(query, PathAndQuery::from_static(path), codec)
                .await
        };
        match timeout(patience, answer).await {
            Ok(answer) => Ok(answer?.into_inner()),
            Err(_) => Err(Error::TimedOut),
        }
    }

    /// Gives up a connection that does not answer: the next call makes another.
    fn reconnect(&self, runtime: &Handle) {
        let mut channel = self.channel.lock();
        if channel.1.elapsed() >= RENEW_EVERY {
            let _within = runtime.enter();
            *channel = (self.endpoint.channel(manner(self.tls.clone())), now());
        }
    }
}

fn manner(tls: Option<TlsClient>) -> Manner {
    Manner {
        tls,
        server_name: None,
        ping_every: PING_EVERY,
        ping_time_max: PING_TIME_MAX,
    }
}
