//! The one place with unsafe code: batched datagrams and socket options that std lacks.
#![expect(
    unsafe_code,
    reason = "recvmmsg, sendmmsg and their control data have no safe wrapper"
)]

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;

use libc::{c_int, c_uint, c_void, socklen_t};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How many datagrams one call takes or gives.
pub(crate) const BATCH: usize = 64;

/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_535;
/// Distance of two buffers. The 128 octets more keep the first lines of all buffers from
/// sharing one set of the processor's cache.
const STRIDE: usize = 65_536 + 128;

/// Room for one `in6_pktinfo` with its header, and some to spare.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

const NO_CONTROL: Control = Control([0; 64]);

/// A socket address of either family as the kernel writes it.
#[derive(Clone, Copy)]
#[repr(C)]
union RawAddress {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

const RAW_ADDRESS_LEN: socklen_t = mem::size_of::<RawAddress>() as socklen_t;
const V4_LEN: socklen_t = mem::size_of::<libc::sockaddr_in>() as socklen_t;
const V6_LEN: socklen_t = mem::size_of::<libc::sockaddr_in6>() as socklen_t;

impl RawAddress {
    const NONE: Self = {
        // SAFETY: both variants are plain integers, for which zero is a value.
        unsafe { mem::zeroed() }
    };

    fn to_socket_addr(self, length: socklen_t) -> Option<SocketAddr> {
        // SAFETY: all octets of the union are initialised (`NONE`), and every bit pattern is
        // a value of each variant; the family and the length say which one the kernel wrote.
        unsafe {
            match c_int::from(self.family) {
                libc::AF_INET if length >= V4_LEN => {
                    let ip = Ipv4Addr::from_bits(u32::from_be(self.v4.sin_addr.s_addr));
                    let port = u16::from_be(self.v4.sin_port);
                    Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
                }
                libc::AF_INET6 if length >= V6_LEN => {
                    let ip = Ipv6Addr::from(self.v6.sin6_addr.s6_addr);
                    let port = u16::from_be(self.v6.sin6_port);
                    if let Some(ip) = ip.to_ipv4_mapped() {
                        return Some(SocketAddr::V4(SocketAddrV4::new(ip, port)));
                    }
                    let (flow, scope) = (self.v6.sin6_flowinfo, self.v6.sin6_scope_id);
                    Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
                }
                _ => None,
            }
        }
    }

    /// The form a socket of `family` takes: an IPv6 socket takes IPv4 addresses mapped.
    fn from_socket_addr(address: SocketAddr, family: Family) -> (Self, socklen_t) {
        let mut raw = Self::NONE;
        let v6 = match (address, family) {
            (SocketAddr::V4(v4), Family::V4) => {
                raw.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: in_addr(*v4.ip()),
                    sin_zero: [0; 8],
                };
                return (raw, V4_LEN);
            }
            (SocketAddr::V4(v4), Family::V6) => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0)
            }
            (SocketAddr::V6(v6), _) => v6,
        };
        raw.v6 = libc::sockaddr_in6 {
            sin6_family: libc::AF_INET6 as libc::sa_family_t,
            sin6_port: v6.port().to_be(),
            sin6_flowinfo: v6.flowinfo(),
            sin6_addr: in6_addr(*v6.ip()),
            sin6_scope_id: v6.scope_id(),
        };
        (raw, V6_LEN)
    }
}

fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr {
        s_addr: ip.to_bits().to_be(),
    }
}

fn in6_addr(ip: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr {
        s6_addr: ip.octets(),
    }
}

/// The address family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// A datagram that came in; it lives until the next `receive`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram<'a> {
    pub(crate) packet: &'a [u8],
    pub(crate) peer: SocketAddr,
    /// The address it was sent to, if the socket asked for it.
    pub(crate) local: Option<IpAddr>,
}

/// Buffers for one batch of datagrams of any size.
///
/// The buffers are 4 MiB of address space. Only the pages that datagrams touched are memory:
/// one or two for each slot, unless somebody sends datagrams as large as they get.
pub(crate) struct ReceiveBatch {
    buffer: Vec<u8>,
    headers: Box<[libc::mmsghdr]>,
    parts: Box<[libc::iovec]>,
    addresses: Box<[RawAddress]>,
    controls: Box<[Control]>,
    /// So many headers, from the first, the kernel has written to since they were made ready.
    used: usize,
}

impl ReceiveBatch {
    pub(crate) fn new() -> Self {
        // SAFETY: these C structs hold integers and pointers, for which zero is a value.
        let (header, part) = unsafe { (mem::zeroed(), mem::zeroed()) };
        Self {
            buffer: vec![0; BATCH * STRIDE],
            headers: vec![header; BATCH].into(),
            parts: vec![part; BATCH].into(),
            addresses: vec![RawAddress::NONE; BATCH].into(),
            controls: vec![NO_CONTROL; BATCH].into(),
            used: BATCH,
        }
    }

    /// Takes the datagrams that wait, as many as there are buffers, and says how many.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.make_ready();
        // SAFETY: all `BATCH` headers point to live buffers of the lengths they state: boxed
        // slices and a vector that are made once, never grow and belong to `self`, which is
        // borrowed mutably here. The kernel keeps none of the pointers.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let received = usize::try_from(count).map_err(|_| io::Error::last_os_error());
        self.used = match &received {
            Ok(count) => *count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => BATCH,
        };
        received
    }

    /// Makes the headers ready that the kernel wrote to.
    ///
    /// Most batches are small, and all headers are 64 lines of memory.
    fn make_ready(&mut self) {
        let buffers = self.buffer.chunks_exact_mut(STRIDE);
        let slots = self.headers.iter_mut().zip(&mut self.parts).zip(buffers);
        let sides = self.addresses.iter_mut().zip(&mut self.controls);
        for (((header, part), buffer), (address, control)) in slots.zip(sides).take(self.used) {
            part.iov_base = buffer.as_mut_ptr().cast();
            part.iov_len = DATAGRAM_MAX;
            let header = &mut header.msg_hdr;
            header.msg_name = ptr::from_mut(address).cast();
            header.msg_namelen = RAW_ADDRESS_LEN;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            header.msg_control = ptr::from_mut(control).cast();
            header.msg_controllen = mem::size_of::<Control>() as _;
            header.msg_flags = 0;
        }
    }

    /// The datagram at `index` of the last batch; `None` beyond it or if its sender is unknown.
    pub(crate) fn datagram(&self, index: usize) -> Option<Datagram<'_>> {
        let header = self.headers.get(index)?;
        let start = index * STRIDE;
        let length = (header.msg_len as usize).min(DATAGRAM_MAX);
        Some(Datagram {
            packet: self.buffer.get(start..start + length)?,
            peer: self
                .addresses
                .get(index)?
                .to_socket_addr(header.msg_hdr.msg_namelen)?,
            local: destination(&header.msg_hdr),
        })
    }
}

/// The address a datagram was sent to.
fn destination(header: &libc::msghdr) -> Option<IpAddr> {
    if header.msg_controllen == 0 {
        return None;
    }
    // SAFETY: the kernel filled the control data of this header and set its length; the
    // CMSG macros stay within that length, and the data is read unaligned.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while let Some(part) = control.as_ref() {
            match (part.cmsg_level, part.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = ptr::read_unaligned(libc::CMSG_DATA(part).cast());
                    return Some(Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr)).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = ptr::read_unaligned(libc::CMSG_DATA(part).cast());
                    return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical());
                }
                _ => control = libc::CMSG_NXTHDR(header, part),
            }
        }
    }
    None
}

/// A datagram to send: a range of the sender's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) peer: SocketAddr,
    /// The address to send from, on a socket that listens on all addresses.
    pub(crate) source: Option<IpAddr>,
}

/// What the kernel needs beside the packets to send a batch.
pub(crate) struct SendBatch {
    headers: Box<[libc::mmsghdr]>,
    parts: Box<[libc::iovec]>,
    addresses: Box<[RawAddress]>,
    controls: Box<[Control]>,
}

impl SendBatch {
    pub(crate) fn new() -> Self {
        // SAFETY: these C structs hold integers and pointers, for which zero is a value.
        let (header, part) = unsafe { (mem::zeroed(), mem::zeroed()) };
        Self {
            headers: vec![header; BATCH].into(),
            parts: vec![part; BATCH].into(),
            addresses: vec![RawAddress::NONE; BATCH].into(),
            controls: vec![NO_CONTROL; BATCH].into(),
        }
    }

    /// Sends the first of `datagrams` that one call takes, and says how many went out.
    ///
    /// An error is about the first datagram alone.
    pub(crate) fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        family: Family,
        buffer: &[u8],
        datagrams: &[Outgoing],
    ) -> io::Result<usize> {
        let slots = self.headers.iter_mut().zip(&mut self.parts);
        let sides = self.addresses.iter_mut().zip(&mut self.controls);
        let mut count: c_uint = 0;
        for (((header, part), (address, control)), datagram) in slots.zip(sides).zip(datagrams) {
            let packet = buffer.get(datagram.start..datagram.end).unwrap_or(&[]);
            part.iov_base = packet.as_ptr().cast_mut().cast();
            part.iov_len = packet.len();
            let header = &mut header.msg_hdr;
            let (raw, length) = RawAddress::from_socket_addr(datagram.peer, family);
            *address = raw;
            header.msg_name = ptr::from_mut(address).cast();
            header.msg_namelen = length;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            header.msg_control = ptr::null_mut();
            header.msg_controllen = 0;
            if let Some(source) = datagram.source {
                set_source(header, control, source, family);
            }
            count += 1;
        }
        // SAFETY: the first `count` headers point to live buffers of the lengths they state;
        // the kernel only reads the packets, and keeps none of the pointers.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

/// Lets a datagram leave from `source`; the interface is left to the routes.
fn set_source(header: &mut libc::msghdr, control: &mut Control, source: IpAddr, family: Family) {
    match (source, family) {
        (IpAddr::V4(ip), Family::V4) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr(ip),
                ipi_addr: in_addr(Ipv4Addr::UNSPECIFIED),
            };
            set_control(header, control, (libc::IPPROTO_IP, libc::IP_PKTINFO), info);
        }
        (IpAddr::V4(ip), Family::V6) => {
            set_source(header, control, IpAddr::V6(ip.to_ipv6_mapped()), family);
        }
        (IpAddr::V6(ip), _) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: in6_addr(ip),
                ipi6_ifindex: 0,
            };
            set_control(
                header,
                control,
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO),
                info,
            );
        }
    }
}

fn set_control<T>(
    header: &mut libc::msghdr,
    control: &mut Control,
    (level, kind): (c_int, c_int),
    info: T,
) {
    let length = mem::size_of::<T>() as c_uint;
    const { assert!(mem::size_of::<T>() <= 32) };
    // SAFETY: `Control` is aligned for `cmsghdr` and has room for it and 32 octets more,
    // which the assertion above keeps `T` within.
    unsafe {
        header.msg_control = ptr::from_mut(control).cast::<c_void>();
        header.msg_controllen = libc::CMSG_SPACE(length) as _;
        let part = libc::CMSG_FIRSTHDR(header);
        (*part).cmsg_level = level;
        (*part).cmsg_type = kind;
        (*part).cmsg_len = libc::CMSG_LEN(length) as _;
        ptr::write_unaligned(libc::CMSG_DATA(part).cast(), info);
    }
}

/// Asks the kernel to say with each datagram which address it was sent to.
pub(crate) fn ask_for_destination(socket: &impl AsFd, v6: bool) -> io::Result<()> {
    let (level, option) = if v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
    } else {
        (libc::IPPROTO_IP, libc::IP_PKTINFO)
    };
    set_option(socket, level, option, 1)
}

/// Sets the receive buffer beyond the system's limit; only a privileged process may.
pub(crate) fn force_receive_buffer(socket: &impl AsFd, size: usize) -> io::Result<()> {
    let size = c_int::try_from(size).unwrap_or(c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, size)
}

fn set_option(socket: &impl AsFd, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let length = mem::size_of::<c_int>() as socklen_t;
    // SAFETY: the pointer and the length describe the integer `value`, which outlives the call.
    let status = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            ptr::from_ref(&value).cast(),
            length,
        )
    };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Has the runtime watch a set of sockets, itself a descriptor that becomes readable.
pub(crate) fn watch(set: mio::Poll) -> io::Result<AsyncFd<mio::Poll>> {
    // SAFETY: the set owns its descriptor, which stays the same and open until the set is
    // dropped, and nothing takes the set out of the `AsyncFd` before that.
    let watched = unsafe { AsyncFd::register_with_interest(set, Interest::READABLE) };
    Ok(watched?)
}

/// Has the runtime watch a socket for nothing but `interest`.
pub(crate) fn watch_socket(
    socket: UdpSocket,
    interest: Interest,
) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: the socket owns its descriptor, which stays the same and open until the socket is
    // dropped, and nothing takes the socket out of the `AsyncFd` before that.
    let watched = unsafe { AsyncFd::register_with_interest(socket, interest) };
    Ok(watched?)
}

/// The soft limit of open files.
pub(crate) fn descriptor_limit() -> io::Result<u64> {
    Ok(descriptor_limits()?.rlim_cur)
}

/// Raises the soft limit of open files to the hard one and returns it.
pub(crate) fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limits = descriptor_limits()?;
    if limits.rlim_cur < limits.rlim_max {
        limits.rlim_cur = limits.rlim_max;
        set_descriptor_limits(&limits)?;
    }
    Ok(limits.rlim_cur)
}

fn descriptor_limits() -> io::Result<libc::rlimit> {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call writes one `rlimit` through a pointer to one.
    let status = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limits) };
    if status == 0 {
        Ok(limits)
    } else {
        Err(io::Error::last_os_error())
    }
}

fn set_descriptor_limits(limits: &libc::rlimit) -> io::Result<()> {
    // SAFETY: the call reads one `rlimit` through a pointer to one.
    let status = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limits) };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
