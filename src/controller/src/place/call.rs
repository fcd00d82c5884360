//! One question to a name server over TCP, signed if there is a key.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::tsig::{Algorithm, Asking, Key};
use catena_dns::{Header, Message, flag};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::PlaceError;

/// A key, and what it signs with.
pub(super) type Signer = (Arc<Key>, Algorithm);

/// A question that was sent; the answer may be of several messages.
pub(super) struct Call {
    stream: TcpStream,
    asking: Option<Asking>,
    id: u16,
}

impl Call {
    /// Sends `message` on a connection of its own.
    pub async fn send(
        server: &str,
        key: Option<&Signer>,
        message: &Message,
    ) -> Result<Call, PlaceError> {
        let mut packet = message.to_packet();
        let asking = key.map(|(key, algorithm)| Asking::sign(&mut packet, key, *algorithm, now()));
        let mut stream = TcpStream::connect(server).await.map_err(failed)?;
        let length = u16::try_from(packet.len());
        let length = length.map_err(|_| failed("too many addresses"))?;
        let framed = [&length.to_be_bytes()[..], &packet].concat();
        stream.write_all(&framed).await.map_err(failed)?;
        let id = message.id;
        Ok(Call { stream, asking, id })
    }

    /// The next message of the answer, which is believed.
    pub async fn next(&mut self) -> Result<(Header, Vec<u8>), PlaceError> {
        let length = self.stream.read_u16().await.map_err(failed)?;
        let mut answer = vec![0; usize::from(length)];
        self.stream.read_exact(&mut answer).await.map_err(failed)?;
        let header = Header::read(&answer).ok_or_else(|| failed("the answer is cut off"))?;
        if header.id != self.id || !header.has(flag::QR) {
            return Err(failed("the answer is to another question"));
        }
        if let Some(asking) = &mut self.asking {
            asking.check(&answer, now()).map_err(failed)?;
        }
        Ok((header, answer))
    }

    /// Whether all of the answer so far is believed.
    pub fn is_settled(&self) -> bool {
        self.asking.as_ref().is_none_or(Asking::is_settled)
    }
}

pub(super) fn failed(why: impl std::fmt::Display) -> PlaceError {
    PlaceError(why.to_string())
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}
