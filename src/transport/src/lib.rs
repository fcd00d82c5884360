//! Packet pipes: batched UDP, TCP frames, TLS; listening and calling.
