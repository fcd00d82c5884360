//! Server blocks, routing, generations: start, reload, drain, stop.

pub mod keys;
pub mod legacy;
