//! One upstream: how it is asked, and what is read from it.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use catena_dns::header::write_u16;
use catena_dns::{HEADER_LEN, Header, Reply, Section, flag, question_end};
use catena_plugin::clock::{self, Instant};
use catena_transport::upstream::{
    Answer, Endpoint, Https, StreamOptions, Streams, TlsClient, exchange_udp,
};
use rustls_pki_types::ServerName;

use crate::config::{Config, Transport};
use crate::health::Health;
use crate::metrics::{self, PerUpstream, ProtocolLabel};
use crate::target::{Protocol, Target};

/// An upstream of one directive.
pub(crate) struct Upstream {
    /// Its address and port.
    pub label: Arc<str>,
    /// Whether it is up.
    pub health: Health,
    /// Its counters.
    pub metrics: PerUpstream,
    endpoint: Endpoint,
    link: Link,
}

enum Link {
    /// UDP, or TCP on the kept connections.
    Plain(Arc<Streams>),
    /// TLS on the kept connections.
    Tls(Arc<Streams>),
    /// HTTPS.
    Https(Https),
}

/// Which way a query goes to an upstream that takes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Datagrams.
    Udp,
    /// Datagrams, and a stream if the reply is truncated.
    UdpThenTcp,
    /// A stream.
    Tcp,
}

impl Way {
    /// The way for a query that came over TCP or not.
    pub fn new(transport: Transport, came_over_tcp: bool) -> Way {
        match transport {
            Transport {
                force_tcp: true, ..
            } => Way::Tcp,
            Transport {
                prefer_udp: true, ..
            } => Way::UdpThenTcp,
            _ if came_over_tcp => Way::Tcp,
            _ => Way::Udp,
        }
    }
}

/// What is asked, which way, and until when an answer is of use.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// The query.
    pub packet: &'a [u8],
    /// Which way it goes.
    pub way: Way,
    /// A reply over UDP that is longer is one that the upstream should have cut.
    pub udp_limit: usize,
    /// When the wait ends.
    pub deadline: Instant,
}

impl Upstream {
    /// The upstream at `target`; `tls` checks it if it is encrypted.
    pub fn new(target: &Target, config: &Config, tls: Option<&TlsClient>) -> Result<Self, String> {
        let endpoint = Endpoint {
            server: target.server,
            source: config.source_address,
        };
        let options = StreamOptions {
            expire: config.expire,
            max_idle: config.max_idle,
            max_age: config.max_age,
        };
        let name = config
            .tls_servername
            .as_ref()
            .or(target.server_name.as_ref());
        let name = name.map(|name| server_name(name)).transpose()?;
        let link = match (target.protocol, tls) {
            (Protocol::Tls, Some(client)) => {
                Link::Tls(Streams::tls(endpoint, client.clone(), name, options))
            }
            (Protocol::Https, Some(client)) => {
                let method = config.doh_method;
                Link::Https(Https::new(endpoint, client, name, method, options))
            }
            _ => Link::Plain(Streams::tcp(endpoint, options)),
        };
        Ok(Upstream {
            label: target.label.as_str().into(),
            health: Health::new(config.checks.max_fails),
            metrics: PerUpstream::new(&target.label),
            endpoint,
            link,
        })
    }

    /// Whether nothing speaks against it; being suspect does only if `strict`.
    pub fn is_fine(&self, strict: bool) -> bool {
        !(self.health.is_down() || strict && self.health.is_suspect())
    }

    /// Whether it is not known to be down.
    pub fn is_up(&self, _strict: bool) -> bool {
        !self.health.is_down()
    }

    /// Asks, and waits for the reply; its id and question are those on the wire.
    pub async fn ask(&self, question: Question<'_>) -> Result<Reply, AskError> {
        let sent = clock::now();
        let reply = self.exchange(question).await?;
        let now = clock::now();
        self.health.heard(sent, now);
        self.metrics
            .replied(reply.rcode(), (now - sent).as_secs_f64());
        Ok(reply)
    }

    /// Checks whether it answers at all; anything that answers the question will do.
    pub async fn check(&self, question: Question<'_>) -> bool {
        let Question {
            packet,
            deadline,
            way,
            ..
        } = question;
        let sent = clock::now();
        let answered = match &self.link {
            Link::Plain(_) if way != Way::Tcp => {
                exchange_udp(self.endpoint, packet, deadline, |_| Some(()))
                    .await
                    .is_ok()
            }
            Link::Https(https) => https.exchange(packet, deadline, |_| Some(())).await.is_ok(),
            Link::Plain(streams) | Link::Tls(streams) => streams
                .exchange(packet, deadline, |_| Some(()))
                .await
                .is_ok(),
        };
        if answered {
            self.health.heard(sent, clock::now());
        }
        answered
    }

    async fn exchange(&self, question: Question<'_>) -> Result<Reply, AskError> {
        let streams = match &self.link {
            Link::Https(https) => {
                let Question {
                    packet, deadline, ..
                } = question;
                let answer = https.exchange(packet, deadline, whole).await;
                return self.taken(answer, metrics::HTTPS);
            }
            Link::Tls(streams) => return self.stream(streams, metrics::TLS, question).await,
            Link::Plain(streams) => streams,
        };
        if question.way == Way::Tcp {
            return self.stream(streams, metrics::TCP, question).await;
        }
        let reply = self.datagram(question).await?;
        if question.way == Way::UdpThenTcp && reply.header().has(flag::TC) {
            return self.stream(streams, metrics::TCP, question).await;
        }
        Ok(reply)
    }

    async fn datagram(&self, question: Question<'_>) -> Result<Reply, AskError> {
        let Question {
            packet,
            deadline,
            udp_limit,
            ..
        } = question;
        let read = |reply: &[u8]| {
            if reply.len() > udp_limit {
                cut(reply)
            } else {
                whole(reply)
            }
        };
        let answer = exchange_udp(self.endpoint, packet, deadline, read).await;
        self.taken(answer, metrics::UDP)
    }

    async fn stream(
        &self,
        streams: &Arc<Streams>,
        label: ProtocolLabel,
        question: Question<'_>,
    ) -> Result<Reply, AskError> {
        let answer = streams
            .exchange(question.packet, question.deadline, whole)
            .await;
        self.taken(answer, label)
    }

    fn taken(
        &self,
        answer: io::Result<Answer<Reply>>,
        label: ProtocolLabel,
    ) -> Result<Reply, AskError> {
        match answer {
            Ok(answer) => {
                self.metrics.connected(label, answer.reused);
                Ok(answer.reply)
            }
            Err(error) => {
                let udp = label == metrics::UDP;
                Err(AskError {
                    to: Arc::clone(&self.label),
                    udp,
                    error,
                })
            }
        }
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name.to_owned()).map_err(|_| format!("invalid tls_servername '{name}'"))
}

/// Takes a reply that holds all it promises; `None` if it is broken.
fn whole(packet: &[u8]) -> Option<Reply> {
    let promised = Header::read(packet)?;
    let Ok(reply) = Reply::from_packet(packet) else {
        // Some servers set TC and leave half a record behind.
        return promised.has(flag::TC).then(|| cut(packet)).flatten();
    };
    let held = |section: Section| {
        let opt = section == Section::Additional && reply.edns().is_some();
        reply.count(section) + u16::from(opt) >= promised.counts[section.index()]
    };
    let kept = promised.has(flag::TC) || Section::ALL.into_iter().all(held);
    kept.then_some(reply)
}

/// The reply without its records, and with TC: the client is to come back over TCP.
fn cut(packet: &[u8]) -> Option<Reply> {
    let end = question_end(packet).ok()?;
    let mut reply = Reply::copy_of(packet.get(..end)?);
    for section in Section::ALL {
        write_u16(reply.packet_mut(), 4 + 2 * section.index(), 0);
    }
    reply.set_flag(flag::TC, true);
    Some(reply)
}

/// Gives `reply` the octets of `query` in `range`.
fn copy_octets(reply: &mut Reply, query: &[u8], range: Range<usize>) {
    let to = reply.packet_mut().get_mut(range.clone());
    if let (Some(to), Some(from)) = (to, query.get(range)) {
        to.copy_from_slice(from);
    }
}

/// Gives `reply` the id of `query`.
pub(crate) fn give_id(reply: &mut Reply, query: &[u8]) {
    copy_octets(reply, query, 0..2);
}

/// Gives `reply`, which answered an equal query, the question of `query`: its letter case.
pub(crate) fn give_question(reply: &mut Reply, query: &[u8]) {
    let end = reply.records_at();
    copy_octets(reply, query, HEADER_LEN..end);
}

/// Why an upstream gave no answer, in the words that Go's network library has for it.
#[derive(Debug)]
pub(crate) struct AskError {
    to: Arc<str>,
    udp: bool,
    error: io::Error,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = &self.to;
        let network = if self.udp { "udp" } else { "tcp" };
        let step = if self.udp { "read" } else { "connect" };
        match self.error.kind() {
            io::ErrorKind::TimedOut => write!(f, "read {network} {to}: i/o timeout"),
            io::ErrorKind::ConnectionRefused if self.udp => {
                write!(f, "read udp {to}: {step}: connection refused")
            }
            io::ErrorKind::ConnectionRefused => {
                write!(f, "dial tcp {to}: {step}: connection refused")
            }
            io::ErrorKind::NetworkUnreachable => {
                write!(f, "dial {network} {to}: connect: network is unreachable")
            }
            io::ErrorKind::UnexpectedEof => write!(f, "read {network} {to}: EOF"),
            io::ErrorKind::InvalidData if self.error.get_ref().is_none() => {
                write!(f, "read {network} {to}: malformed reply")
            }
            _ => write!(f, "{network} {to}: {}", self.error),
        }
    }
}

impl std::error::Error for AskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
