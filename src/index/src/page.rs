//! Goes through the names of a zone page by page, each page at the cost of its own names only.

use std::hash::BuildHasher;

use catena_dns::NameRef;

use crate::part::hash;
use crate::{Node, Zone};

/// Where a name stands: all names of a part stand together, however many parts there are.
///
/// A part holds the names whose hashes end alike; with twice as many parts one more bit counts.
/// Read from their last bit on, hashes keep their order when that happens.
type Place<'n> = (u32, u32, &'n [u8]);

impl Zone {
    /// Up to `limit` names with records, those after `after` in an order of the zone's own.
    ///
    /// The apex comes first. The order is that of all zones made of this one by edits, see
    /// [`Zone::order`]; `after` need not exist any more.
    pub fn page(&self, after: Option<NameRef<'_>>, limit: usize) -> Vec<Node<'_>> {
        let mut page = Vec::new();
        let after = match after {
            None => {
                page.extend(Some(self.apex()).filter(|_| limit > 0));
                None
            }
            Some(name) if name == self.origin() => None,
            Some(name) => Some(name),
        };
        let after = after.as_ref().map(|name| self.place(name.wire()));
        let count = self.parts.len();
        let bits = count.trailing_zeros();
        let first = after.map_or(0, |(place, ..)| leading(place, bits));
        for turn in first..count {
            if page.len() >= limit {
                break;
            }
            let Some(part) = self.parts.get(reversed(turn, bits)) else {
                break;
            };
            let nodes = part.names.nodes().map(|node| Node::new(part, node));
            let nodes = nodes.filter(|node| !node.is_empty() && !node.is(self.apex()));
            let mut placed: Vec<_> = nodes
                .map(|node| (self.place(node.name().wire()), node))
                .collect();
            placed.retain(|(place, _)| after.is_none_or(|after| *place > after));
            placed.sort_unstable_by_key(|(place, _)| *place);
            let room = limit - page.len();
            page.extend(placed.into_iter().take(room).map(|(_, node)| node));
        }
        page
    }

    /// Says which order [`Zone::page`] has; zones that are not made of each other differ.
    pub fn order(&self) -> u64 {
        self.hasher.hash_one("order")
    }

    fn place<'n>(&self, name: &'n [u8]) -> Place<'n> {
        let (high, low) = hash(&self.hasher, name);
        let low = u32::try_from(low).unwrap_or(0);
        (low.reverse_bits(), high, name)
    }
}

/// The first `bits` of `place`, as a number.
fn leading(place: u32, bits: u32) -> usize {
    let bits = u64::from(place) >> (u32::BITS - bits.min(u32::BITS));
    usize::try_from(bits).unwrap_or(usize::MAX)
}

/// The last `bits` of `number` read backwards.
fn reversed(number: usize, bits: u32) -> usize {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    leading(number.reverse_bits(), bits)
}
