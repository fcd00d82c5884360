//! Opens listening sockets the way Go's net package does, with room for bursts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::syscall;

/// Bursts up to this much wait in the kernel; its own default holds three datagrams of 60 kB.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Replies to a burst are sent in a burst.
const SEND_BUFFER: usize = 1 << 20;
/// The accept queue; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Opens a UDP socket that several workers, and several processes, may share.
///
/// An unspecified address (`0.0.0.0`, `::`) means all addresses of both families, as in Go.
pub fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = either_family(address, Type::DGRAM, Protocol::UDP, |socket, address| {
        enlarge_buffers(socket);
        if address.ip().is_unspecified() {
            syscall::ask_for_destination(socket, address.is_ipv6())?;
        }
        socket.bind(&address.into())
    })?;
    Ok(socket.into())
}

/// Opens a listening TCP socket that several workers, and several processes, may share.
///
/// An unspecified address (`0.0.0.0`, `::`) means all addresses of both families, as in Go.
pub fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = either_family(address, Type::STREAM, Protocol::TCP, |socket, address| {
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)
    })?;
    Ok(socket.into())
}

fn either_family(
    address: SocketAddr,
    kind: Type,
    protocol: Protocol,
    open: impl Fn(&Socket, SocketAddr) -> io::Result<()>,
) -> io::Result<Socket> {
    if !address.ip().is_unspecified() {
        return prepared(address, kind, protocol, open);
    }
    let both = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), address.port());
    match prepared(both, kind, protocol, &open) {
        Err(error) if is_without_ipv6(&error) => {
            let one = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
            prepared(one, kind, protocol, open)
        }
        outcome => outcome,
    }
}

fn prepared(
    address: SocketAddr,
    kind: Type,
    protocol: Protocol,
    open: impl Fn(&Socket, SocketAddr) -> io::Result<()>,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if kind == Type::STREAM {
        // Connections of an earlier process that linger must not be in the way. With
        // datagrams the option would let two unrelated programs share a port unnoticed.
        socket.set_reuse_address(true)?;
    }
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    open(&socket, address)?;
    Ok(socket)
}

/// A machine without IPv6 has no such sockets, or no such address.
fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::EADDRNOTAVAIL)
    )
}

/// Takes what the kernel gives: beyond its limit only a privileged process may go.
fn enlarge_buffers(socket: &Socket) {
    if syscall::force_receive_buffer(socket, RECEIVE_BUFFER).is_err() {
        // The kernel cuts the size to `net.core.rmem_max` and says nothing.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
}
