//! A question as text: `www.example.org. A do edns=1232 tcp from=192.0.2.1`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::tsig::{Algorithm, Asking, Key};
use catena_dns::{Class, Message, Record, ReplyEdns, edns, flag};
use catena_plugin::Transport;

/// The id of every query that is made here.
const ID: u16 = 0x1234;

/// What a client asks, and how.
#[derive(Clone, Debug)]
pub struct Question {
    /// The query in wire form.
    pub packet: Vec<u8>,
    /// The client's address.
    pub client: SocketAddr,
    /// How the query comes.
    pub transport: Transport,
}

impl Question {
    /// Reads `NAME TYPE [WORD..]`.
    ///
    /// Words: a class such as `CH`; `do`, `cd`, `ad`, `no-rd` for bits; `edns=SIZE` (implied by
    /// `do`); `tcp`; `from=ADDRESS` or `from=ADDRESS:PORT`; `option=CODE:HEX`; `serial=NUMBER`
    /// for the SOA record of an IXFR query; `key=NAME:SECRET` for a signature.
    ///
    /// Panics on anything else.
    pub fn parse(text: &str) -> Question {
        let mut words = text.split_whitespace();
        let (name, qtype) = (words.next(), words.next());
        let name: catena_dns::Name = name.unwrap_or("").parse().unwrap();
        let qtype = qtype.unwrap_or("").parse().unwrap();
        let mut message = Message::query(name.view(), qtype);
        message.id = ID;
        let mut question = Question {
            packet: Vec::new(),
            client: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 240, 0, 1)), 40212),
            transport: Transport::Udp,
        };
        let mut key = None;
        for word in words {
            match word.strip_prefix("key=") {
                Some(pair) => key = pair.split_once(':'),
                None => question.apply(word, &mut message),
            }
        }
        question.packet = message.to_packet();
        if let Some((name, secret)) = key {
            question.sign(name, secret);
        }
        question
    }

    fn sign(&mut self, name: &str, secret: &str) {
        let name: catena_dns::Name = name.parse().unwrap();
        let key = Arc::new(Key::parse(name.view(), secret).unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let _asking = Asking::sign(&mut self.packet, &key, Algorithm::Sha256, now.as_secs());
    }

    fn apply(&mut self, word: &str, message: &mut Message) {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "do" => opt(message).flags |= edns::DO,
            "cd" => message.flags |= flag::CD,
            "ad" => message.flags |= flag::AD,
            "no-rd" => message.flags &= !flag::RD,
            "edns" => opt(message).udp_size = value.parse().unwrap(),
            "serial" => message
                .authorities
                .push(soa(message, value.parse().unwrap())),
            "option" => {
                let (code, hex) = value.split_once(':').unwrap_or((value, ""));
                let data: Vec<u8> = (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                    .collect();
                opt(message).push(code.parse().unwrap(), &data);
            }
            "tcp" => self.transport = Transport::Tcp,
            "from" => match value.parse::<IpAddr>() {
                Ok(address) => self.client.set_ip(address),
                Err(_) => self.client = value.parse().unwrap(),
            },
            class => message.qclass = class.parse::<Class>().unwrap(),
        }
    }
}

/// The OPT record, made with the size most clients use.
/// A SOA record of no more than a serial.
fn soa(message: &Message, serial: u32) -> Record {
    let mut rdata = vec![0; 22];
    rdata[2..6].copy_from_slice(&serial.to_be_bytes());
    Record {
        name: message.qname.clone(),
        rtype: catena_dns::RecordType::SOA,
        class: Class::IN,
        ttl: 0,
        rdata: rdata.into(),
    }
}

fn opt(message: &mut Message) -> &mut ReplyEdns {
    message.edns.get_or_insert_with(|| ReplyEdns {
        udp_size: 1232,
        ..ReplyEdns::default()
    })
}
