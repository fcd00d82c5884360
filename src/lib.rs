//! Catena: a DNS server that chains plugins.
