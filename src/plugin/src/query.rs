//! A query on its way through the chain: borrowed while nobody waits, kept when somebody does.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use catena_dns::tsig::Signed;
use catena_dns::{Class, Message, NameRef, QueryMessage, Rcode, RecordType};

use crate::clock::Instant;
use crate::hints::Hints;
use crate::{Flow, Outcome, ServerId};

/// How often a query may lead the server to ask itself.
const DEPTH_MAX: u8 = 8;

/// How a query arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream, plain or encrypted.
    Tcp,
}

impl Transport {
    /// `udp` or `tcp`, as logs and metrics say.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

/// The server itself, to ask it again.
pub trait Resolver: Send + Sync {
    /// Answers `query` as if a client had sent it.
    fn resolve(&self, query: &Query<'_>) -> Flow;
}

/// All about a query that is not in its packet.
pub struct Context<'a> {
    /// The client.
    pub client: SocketAddr,
    /// The address it sent to.
    pub local: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// When it came.
    pub arrived: Instant,
    /// The listener it came to.
    pub server: &'a Arc<ServerId>,
    /// The server, to ask it again.
    pub resolver: &'a Arc<dyn Resolver>,
    pub(crate) hints: Hints,
    signed: Option<Arc<Signed>>,
    deadline: OnceLock<Instant>,
    noted_type: OnceLock<RecordType>,
    depth: u8,
}

/// How a query came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The client.
    pub client: SocketAddr,
    /// The address it sent to.
    pub local: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// When it came.
    pub at: Instant,
}

impl<'a> Context<'a> {
    /// The context of a query that has come to `server`.
    pub fn new(
        arrival: Arrival,
        server: &'a Arc<ServerId>,
        resolver: &'a Arc<dyn Resolver>,
    ) -> Self {
        Context {
            client: arrival.client,
            local: arrival.local,
            transport: arrival.transport,
            arrived: arrival.at,
            server,
            resolver,
            hints: Hints::default(),
            signed: None,
            deadline: OnceLock::new(),
            noted_type: OnceLock::new(),
            depth: 0,
        }
    }

    /// The same with what was found about the query's signature.
    #[must_use]
    pub fn with_signature(mut self, signed: Option<Arc<Signed>>) -> Self {
        self.signed = signed;
        self
    }

    fn share(&self) -> Context<'a> {
        Context {
            client: self.client,
            local: self.local,
            transport: self.transport,
            arrived: self.arrived,
            server: self.server,
            resolver: self.resolver,
            hints: self.hints.share(),
            signed: self.signed.clone(),
            deadline: self.deadline.clone(),
            noted_type: self.noted_type.clone(),
            depth: self.depth,
        }
    }
}

/// A query as a stage sees it; [`QueryMessage`] says what is asked.
pub struct Query<'a> {
    message: &'a QueryMessage<'a>,
    pub(crate) context: &'a Context<'a>,
    kept: OnceLock<OwnedQuery>,
}

impl<'a> Query<'a> {
    /// A query of `message`, come as `context` says.
    pub fn new(message: &'a QueryMessage<'a>, context: &'a Context<'a>) -> Self {
        Query {
            message,
            context,
            kept: OnceLock::new(),
        }
    }

    /// All about it that is not in its packet.
    pub fn context(&self) -> &'a Context<'a> {
        self.context
    }

    /// The listener it came to.
    pub fn server(&self) -> &'a ServerId {
        self.context.server
    }

    /// The client.
    pub fn client(&self) -> SocketAddr {
        self.context.client
    }

    /// The address it was sent to; over UDP that of the socket, as CoreDNS has it.
    pub fn local_ip(&self) -> IpAddr {
        let is_unbound = self.server().address.contains("://:");
        match self.context.transport {
            Transport::Udp if is_unbound => Ipv6Addr::UNSPECIFIED.into(),
            _ => self.context.local.ip().to_canonical(),
        }
    }

    /// What was found about the query's signature; `None` if it has none.
    ///
    /// It still stands when the plugin `tsig` has taken the record itself out of the message.
    pub fn tsig(&self) -> Option<&'a Arc<Signed>> {
        self.context.signed.as_ref()
    }

    /// The name of the key that signed the query; `None` if nobody did whom the listener knows.
    pub fn signer(&self) -> Option<NameRef<'a>> {
        self.tsig()?.signer()
    }

    /// Says when the client stops waiting; the first who says so is believed.
    pub fn set_deadline(&self, deadline: Instant) {
        let _set_before = self.context.deadline.set(deadline);
    }

    /// When the client stops waiting, if a plugin has said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.context.deadline.get().copied()
    }

    /// Says that plugins below are asked for `rtype` instead.
    pub fn note_type(&self, rtype: RecordType) {
        let _noted_before = self.context.noted_type.set(rtype);
    }

    /// The type that plugins below are asked for; CoreDNS logs this one.
    pub fn noted_type(&self) -> RecordType {
        let noted = self.context.noted_type.get().copied();
        noted.unwrap_or_else(|| self.message.qtype())
    }

    /// The most octets its answer may have.
    pub fn size_limit(&self) -> usize {
        match self.context.transport {
            Transport::Udp => self.message.udp_limit(),
            Transport::Tcp => catena_dns::MESSAGE_MAX,
        }
    }

    /// A copy that outlives the packet's buffer; later calls share the first one.
    pub fn keep(&self) -> OwnedQuery {
        let keep = || {
            OwnedQuery(Arc::new(Kept {
                packet: self.message.packet().into(),
                client: self.context.client,
                local: self.context.local,
                transport: self.context.transport,
                arrived: self.context.arrived,
                server: Arc::clone(self.context.server),
                resolver: Arc::clone(self.context.resolver),
                hints: self.context.hints.share(),
                signed: self.context.signed.clone(),
                deadline: self.deadline(),
                noted_type: self.context.noted_type.clone(),
                depth: self.context.depth,
            }))
        };
        self.kept.get_or_init(keep).clone()
    }

    /// A copy for work of the server's own: another packet, over `transport`, without hints.
    ///
    /// A packet that would not be admitted is served as a query for the root.
    pub fn keep_as(&self, packet: &[u8], transport: Transport) -> OwnedQuery {
        OwnedQuery(Arc::new(Kept {
            packet: packet.into(),
            client: self.context.client,
            local: self.context.local,
            transport,
            arrived: self.context.arrived,
            server: Arc::clone(self.context.server),
            resolver: Arc::clone(self.context.resolver),
            hints: Hints::default(),
            signed: None,
            deadline: None,
            noted_type: OnceLock::new(),
            depth: self.context.depth,
        }))
    }

    /// The same query with another packet, such as one with a rewritten name.
    ///
    /// `None` if the packet is no query that would be admitted.
    pub fn with_packet<T>(&self, packet: &[u8], ask: impl FnOnce(&Query<'_>) -> T) -> Option<T> {
        let mut scratch = Vec::new();
        let message = QueryMessage::admit_with_updates(packet, &mut scratch).ok()?;
        let context = self.context.share();
        Some(ask(&Query::new(&message, &context)))
    }

    /// Shows the same query without what plugins have left beside it so far.
    pub fn afresh<T>(&self, look: impl FnOnce(&Query<'_>) -> T) -> T {
        let mut context = self.context.share();
        context.hints = Hints::default();
        look(&Query::new(self.message, &context))
    }

    /// Asks the server itself for `name` and `qtype` in the class IN, as this client would.
    ///
    /// SERVFAIL when the server has led itself here too often.
    pub fn resolve(&self, name: NameRef<'_>, qtype: RecordType) -> Flow {
        if self.context.depth >= DEPTH_MAX {
            let error = format!("too many look-ups behind one query, at {name}");
            return Flow::Ready(Outcome::failed(Rcode::SERVFAIL, error));
        }
        let mut message = Message::from_query(self.message);
        message.qname = name.to_name();
        (message.qtype, message.qclass) = (qtype, Class::IN);
        let packet = message.to_packet();
        let mut scratch = Vec::new();
        let Ok(message) = QueryMessage::admit(&packet, &mut scratch) else {
            return Flow::Ready(Outcome::fail(Rcode::SERVFAIL));
        };
        let mut context = self.context.share();
        context.depth += 1;
        context.noted_type = OnceLock::new();
        self.context
            .resolver
            .resolve(&Query::new(&message, &context))
    }
}

impl<'a> Deref for Query<'a> {
    type Target = QueryMessage<'a>;

    fn deref(&self) -> &QueryMessage<'a> {
        self.message
    }
}

/// A query that owns its packet.
#[derive(Clone)]
pub struct OwnedQuery(Arc<Kept>);

struct Kept {
    packet: Box<[u8]>,
    client: SocketAddr,
    local: SocketAddr,
    transport: Transport,
    arrived: Instant,
    server: Arc<ServerId>,
    resolver: Arc<dyn Resolver>,
    hints: Hints,
    signed: Option<Arc<Signed>>,
    deadline: Option<Instant>,
    noted_type: OnceLock<RecordType>,
    depth: u8,
}

impl OwnedQuery {
    /// The whole message.
    pub fn packet(&self) -> &[u8] {
        &self.0.packet
    }

    /// The client.
    pub fn client(&self) -> SocketAddr {
        self.0.client
    }

    /// How it came.
    pub fn transport(&self) -> Transport {
        self.0.transport
    }

    /// When it came.
    pub fn arrived(&self) -> Instant {
        self.0.arrived
    }

    /// Sets the metadata `label`, as [`Query::set_metadata`] does.
    pub fn set_metadata(
        &self,
        label: impl Into<Cow<'static, str>>,
        value: impl FnOnce() -> String,
    ) {
        self.0.hints.set(label, value);
    }

    /// When the client stops waiting, if a plugin has said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// Looks at the query as a stage does; not across a wait.
    pub fn view<T>(&self, look: impl FnOnce(&Query<'_>) -> T) -> T {
        let kept = &*self.0;
        let mut scratch = Vec::new();
        let context = Context {
            client: kept.client,
            local: kept.local,
            transport: kept.transport,
            arrived: kept.arrived,
            server: &kept.server,
            resolver: &kept.resolver,
            hints: kept.hints.share(),
            signed: kept.signed.clone(),
            deadline: kept.deadline.map(OnceLock::from).unwrap_or_default(),
            noted_type: kept.noted_type.clone(),
            depth: kept.depth,
        };
        let message = QueryMessage::readmit(&kept.packet, &mut scratch);
        let query = Query::new(&message, &context);
        let _first = query.kept.set(self.clone());
        look(&query)
    }
}
