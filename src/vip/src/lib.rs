//! Automatic addresses of ServiceEntries that have none: by hash, or written into their status.
//!
//! [`hash`] gives every host the address that Istio's older allocation gives it; nobody needs to
//! write anything. [`Allocator`] is the newer way: addresses in order, kept in `status.addresses`
//! of each entry, written by one at a time who holds a lease. `catena controller vip` is that
//! writer ([`run`]), and lists at `/vips` who has which address.
//!
//! **Invariant.** An address that an entry has stays as long as the entry wants one and no older
//! entry and no human has it too.

mod allocator;
mod entry;
mod flags;
pub mod hash;
mod lease;
mod metrics;
mod page;
mod range;
mod work;

pub use allocator::{Allocator, Step};
pub use entry::{Entry, Held};
pub use flags::{HELP, Options, parse};
pub use range::{Range, RangeError, V4, V6};
pub use work::{RunError, run};
