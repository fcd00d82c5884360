//! What this crate costs by itself: answers every query with one A record and no thought.
//!
//! Compare with `udp_limit.c`, which does the same with system calls alone:
//! `echo PORT [UPSTREAM]`; with an upstream every query is passed on to it.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use catena_transport::upstream::{Endpoint, exchange_udp};
use catena_transport::{
    ConnectionSlots, Disposition, Meta, PacketService, bind_tcp, bind_udp, raise_descriptor_limit,
    serve_tcp, serve_udp,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const RECORD: [u8; 16] = [0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2C, 0, 4, 10, 0, 0, 1];

#[derive(Clone)]
struct Echo {
    upstream: Option<SocketAddr>,
}

impl PacketService for Echo {
    type Later = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

    fn packet(&self, packet: &[u8], _: &Meta, reply: &mut Vec<u8>) -> Disposition<Self::Later> {
        if let Some(upstream) = self.upstream {
            return Disposition::Later(Box::pin(forward(packet.to_vec(), upstream)));
        }
        let Some((header, body)) = packet.split_first_chunk::<12>() else {
            return Disposition::Silent;
        };
        let mut header = *header;
        header[2] |= 0x84;
        header[3] &= 0xF0;
        header[7] = u8::from(header[11] == 0);
        let record = if header[11] == 0 { &RECORD[..] } else { &[] };
        reply.extend_from_slice(&header);
        reply.extend_from_slice(body);
        reply.extend_from_slice(record);
        Disposition::Replied
    }
}

async fn forward(query: Vec<u8>, upstream: SocketAddr) -> Option<Vec<u8>> {
    let deadline = Instant::now() + Duration::from_secs(2);
    let read = |packet: &[u8]| Some(packet.to_vec());
    let answer = exchange_udp(Endpoint::from(upstream), &query, deadline, read)
        .await
        .ok()?;
    let mut reply = answer.reply;
    reply.get_mut(..2)?.copy_from_slice(query.get(..2)?);
    Some(reply)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments
        .next()
        .ok_or("usage: echo PORT [UPSTREAM]")?
        .parse()?;
    let upstream = arguments
        .next()
        .map(|address| address.parse())
        .transpose()?;
    raise_descriptor_limit()?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (echo, stop) = (Echo { upstream }, CancellationToken::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let udp = serve_udp(bind_udp(address)?, echo.clone(), stop.clone());
        let slots = ConnectionSlots::for_this_process();
        let tcp = serve_tcp(bind_tcp(address)?, echo.clone(), slots, stop.clone());
        tokio::try_join!(udp, tcp)?;
        Ok(())
    })
}
