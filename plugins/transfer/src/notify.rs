//! Tells secondaries of zones that have changed (RFC 1996).

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Header, Message, Name, Opcode, Rcode, RecordType, flag};
use catena_plugin::{Lent, Stage, StartContext, clock};
use futures_util::StreamExt as _;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep_until, timeout};
use tracing::{debug, warn};

use crate::journey::serial_of;
use crate::metrics::count_notify;
use crate::rules::{self, Rule};

/// How long each try waits for an answer.
const PATIENCE: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];
/// Zones that one secondary is told of at once.
const AT_ONCE: usize = 16;

/// Who tells each secondary, by its address and the one it is told from.
type Tellers = HashMap<(SocketAddr, Option<IpAddr>), Arc<Teller>>;

/// Tells the secondaries of `rules` of every zone now, and of each that changes later.
///
/// The lenders are asked once all of them have begun.
pub(crate) fn start(
    rules: &Arc<[Rule]>,
    lenders: &Arc<[Stage]>,
    (context, begun): (&StartContext<'_>, watch::Receiver<bool>),
) {
    let mut tellers = Tellers::new();
    for rule in rules.iter() {
        for secondary in &rule.secondaries {
            let address = (*secondary, rule.source);
            tellers.entry(address).or_insert_with(|| {
                let teller = Arc::new(Teller::new(*secondary, rule.source));
                context.spawn(Arc::clone(&teller).run());
                teller
            });
        }
    }
    if tellers.is_empty() {
        return;
    }
    let tellers = Arc::new(tellers);
    for place in 0..lenders.len() {
        let watching = Watching {
            rules: Arc::clone(rules),
            lenders: Arc::clone(lenders),
            place,
            tellers: Arc::clone(&tellers),
            told: HashMap::new(),
        };
        context.spawn(watching.run(begun.clone()));
    }
}

/// Looks at the serials of one lender's zones.
struct Watching {
    rules: Arc<[Rule]>,
    lenders: Arc<[Stage]>,
    place: usize,
    tellers: Arc<Tellers>,
    /// The serial that secondaries were told of last; `None` for a zone that could not be lent.
    told: HashMap<Name, Option<u32>>,
}

impl Watching {
    async fn run(mut self, mut begun: watch::Receiver<bool>) {
        if begun.wait_for(|begun| *begun).await.is_err() {
            return;
        }
        let lender = self.lenders.get(self.place);
        let changes = lender.and_then(|stage| stage.plugin.transfers()?.changes());
        let Some(mut changes): Option<watch::Receiver<()>> = changes else {
            return;
        };
        loop {
            changes.mark_unchanged();
            self.look();
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Has secondaries told of each zone whose serial is another than before.
    fn look(&mut self) {
        let lenders = Arc::clone(&self.lenders);
        let lender = lenders.get(self.place);
        let Some(transfers) = lender.and_then(|stage| stage.plugin.transfers()) else {
            return;
        };
        let zones = transfers.zones();
        self.told.retain(|zone, _| zones.contains(zone));
        for zone in zones {
            let serial = match transfers.lend(zone.view()) {
                Lent::Zone(lent) => serial_of(&lent.soa()),
                _ => None,
            };
            let before = self.told.insert(zone.clone(), serial);
            if serial.is_some() && before.flatten() != serial {
                self.tell(&zone);
            }
        }
    }

    fn tell(&self, zone: &Name) {
        let Some(rule) = rules::find(&self.rules, zone.view()) else {
            return;
        };
        for secondary in &rule.secondaries {
            if let Some(teller) = self.tellers.get(&(*secondary, rule.source)) {
                teller.tell(zone.clone());
            }
        }
    }
}

/// Tells one secondary; one that is away holds up nobody else.
struct Teller {
    secondary: SocketAddr,
    source: Option<IpAddr>,
    /// The zones it has yet to be told of, each once.
    zones: Mutex<BTreeSet<Vec<u8>>>,
    more: Notify,
}

impl Teller {
    fn new(secondary: SocketAddr, source: Option<IpAddr>) -> Teller {
        Teller {
            secondary,
            source,
            zones: Mutex::default(),
            more: Notify::new(),
        }
    }

    fn tell(&self, zone: Name) {
        self.zones.lock().insert(zone.wire().to_vec());
        self.more.notify_one();
    }

    async fn run(self: Arc<Self>) {
        loop {
            self.more.notified().await;
            let zones = std::mem::take(&mut *self.zones.lock());
            let told = stream::iter(zones).for_each_concurrent(AT_ONCE, |wire| {
                let zone = catena_dns::NameRef::from_wire(&wire);
                let zone = zone.map_or_else(|_| Name::root(), catena_dns::NameRef::to_name);
                let this = Arc::clone(&self);
                async move { this.tell_of(&zone).await }
            });
            told.await;
        }
    }

    async fn tell_of(&self, zone: &Name) {
        let mut why = String::new();
        for patience in PATIENCE {
            // One that refuses at once is asked again no sooner than one that is silent.
            let next_try = clock::now() + patience;
            match self.ask(zone, patience).await {
                Ok(Rcode::NOERROR) => {
                    let secondary = self.secondary;
                    let zone_text = zone.to_string();
                    debug!(
                        target: "plugin/transfer",
                        "Sent notifies for zone {zone_text:?} to {secondary}"
                    );
                    return count_notify(zone, "accepted");
                }
                Ok(rcode) => why = format!("rcode was {:?}", rcode.to_string()),
                Err(error) => why = format!("{:?}", error.to_string()),
            }
            if self.zones.lock().contains(zone.wire()) {
                // It has changed again: that is told anew.
                return;
            }
            sleep_until(next_try).await;
        }
        let (zone_text, secondary) = (zone.to_string(), self.secondary.to_string());
        warn!(
            target: "plugin/transfer",
            "Failed sending notifies: notify for zone {zone_text:?} was not accepted by \
             {secondary:?}: {why}"
        );
        count_notify(zone, "failed");
    }

    /// Sends NOTIFY and waits for the answer, for `patience` whatever comes.
    async fn ask(&self, zone: &Name, patience: Duration) -> std::io::Result<Rcode> {
        let unbound: IpAddr = match self.secondary {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let source = self.source.unwrap_or(unbound);
        let socket = UdpSocket::bind((source, 0)).await?;
        socket.connect(self.secondary).await?;
        let packet = notification(zone);
        socket.send(&packet).await?;
        let answered = timeout(patience, answer(&socket, &packet)).await;
        answered.unwrap_or_else(|_| Err(std::io::Error::other("i/o timeout")))
    }
}

/// A NOTIFY message for `zone`.
fn notification(zone: &Name) -> Vec<u8> {
    let mut message = Message::query(zone.view(), RecordType::SOA);
    message.id = rand::random();
    message.flags = flag::AA | u16::from(Opcode::NOTIFY.0) << 11;
    message.to_packet()
}

/// The response code of the first datagram that answers `asked`.
async fn answer(socket: &UdpSocket, asked: &[u8]) -> std::io::Result<Rcode> {
    let mut buffer = [0; 1024];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let found = buffer.get(..length).and_then(Header::read);
        let asked = Header::read(asked);
        if let (Some(found), Some(asked)) = (found, asked)
            && found.id == asked.id
            && found.has(flag::QR)
            && found.opcode() == Opcode::NOTIFY
        {
            return Ok(found.rcode());
        }
    }
}
