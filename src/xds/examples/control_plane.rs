//! A control plane with made-up hosts, for `benches/load/nametable`.
//!
//! `control_plane PORT HOSTS` tells `host-%05d.service.example.com` at 127.255.x.y to whoever
//! opens a stream of differences. A line `I ADDRESS` on standard input gives host I another
//! address and tells all; `pushed` is printed when that is on its way.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a tool")]

use std::net::Ipv4Addr;

use catena_testing::{Call, Istiod};
use catena_xds::proto::{
    Any, DeltaDiscoveryResponse, NAME_TABLE, NameEntry, NameInfo, NameTable, Resource,
};
use prost::Message;
use tokio::io::{AsyncBufReadExt, BufReader};

fn table(addresses: &[String]) -> Vec<u8> {
    let table = addresses.iter().enumerate().map(|(at, address)| NameEntry {
        host: format!("host-{at:05}.service.example.com"),
        info: Some(NameInfo {
            ips: vec![address.clone()],
            registry: "External".to_owned(),
            ..NameInfo::default()
        }),
    });
    let table = NameTable {
        table: table.collect(),
    };
    let resource = Resource {
        resource: Some(Any {
            type_url: NAME_TABLE.to_owned(),
            value: table.encode_to_vec(),
        }),
        name: String::new(),
    };
    let answer = DeltaDiscoveryResponse {
        resources: vec![resource],
        type_url: NAME_TABLE.to_owned(),
        nonce: "n".to_owned(),
        removed_resources: Vec::new(),
    };
    answer.encode_to_vec()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().unwrap().parse().unwrap();
    let hosts: u16 = args.next().unwrap().parse().unwrap();
    let address = |at: u16| {
        let [high, low] = at.to_be_bytes();
        Ipv4Addr::new(127, 255, high, low).to_string()
    };
    let mut addresses: Vec<String> = (0..hosts).map(address).collect();
    let mut istiod = Istiod::start_at((Ipv4Addr::LOCALHOST, port).into(), None).await;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut calls: Vec<Call> = Vec::new();
    let mut told = table(&addresses);
    println!("ready");
    loop {
        tokio::select! {
            call = istiod.opened() => {
                call.answer(&told);
                calls.push(call);
            }
            line = lines.next_line() => {
                let Some(line) = line.unwrap() else {
                    return;
                };
                let (at, address) = line.split_once(' ').unwrap();
                addresses[at.parse::<usize>().unwrap()] = address.to_owned();
                told = table(&addresses);
                calls.iter().for_each(|call| call.answer(&told));
                println!("pushed");
            }
        }
    }
}
