//! Finding a name: RFC 1034 section 4.3.2, with RFC 4592 for wildcards and 6672 for DNAME.

use catena_dns::{NameRef, RecordType};

use crate::arena::{At, NONE, flag};
use crate::{Node, Zone};

/// The longest name.
const NAME_MAX: usize = 255;

/// What a zone has for a name.
#[derive(Clone, Copy)]
pub enum Found<'z> {
    /// The name itself; without records it is an empty non-terminal.
    Name(Node<'z>),
    /// The wildcard that stands for the name.
    Wildcard(Node<'z>),
    /// The delegation at or above the name.
    Cut(Node<'z>),
    /// The DNAME above the name.
    Dname(Node<'z>),
    /// Nothing; this is the nearest name above it that exists.
    Missing(Node<'z>),
}

/// A way through all the names of a zone.
pub struct Walk(Vec<(u32, At)>);

impl Zone {
    /// What there is for `name`, which must be in lower case; `None` if it is outside the zone.
    ///
    /// A DS record at a cut belongs to this zone, all else at and below it does not.
    pub fn find(&self, name: NameRef<'_>, rtype: RecordType) -> Option<Found<'_>> {
        let below = name.wire().len().checked_sub(self.origin.wire().len())?;
        if name.wire().get(below..) != Some(self.origin.wire()) {
            return None;
        }
        if self.cuts == 0
            && let Some(node) = self.node(name)
        {
            return Some(Found::Name(node));
        }
        self.descend(name, below, rtype)
    }

    /// Goes from the apex to `name`, whose first `below` octets are below the apex.
    fn descend(&self, name: NameRef<'_>, below: usize, rtype: RecordType) -> Option<Found<'_>> {
        let mut starts = [0u8; NAME_MAX / 2 + 1];
        let (mut count, mut at) = (0, 0);
        while at < below {
            *starts.get_mut(count)? = u8::try_from(at).ok()?;
            count += 1;
            at += 1 + usize::from(*name.wire().get(at)?);
        }
        // The tail that equals the origin must begin at a label.
        if at != below {
            return None;
        }
        let mut encloser = self.apex();
        for (place, start) in starts.get(..count)?.iter().enumerate().rev() {
            if encloser.flags() & flag::DNAME != 0 {
                return Some(Found::Dname(encloser));
            }
            let suffix = name.wire().get(usize::from(*start)..)?;
            let Some(node) = self.lookup(suffix) else {
                return Some(self.missing(encloser));
            };
            encloser = node;
            // Below a name that has both, which no zone should have, the DNAME record counts.
            let is_passed = match place {
                0 => rtype == RecordType::DS,
                _ => encloser.flags() & flag::DNAME != 0,
            };
            if encloser.flags() & flag::NS != 0 && !is_passed {
                return Some(Found::Cut(encloser));
            }
        }
        Some(Found::Name(encloser))
    }

    /// The wildcard with the same parent as `name`, which is in lower case.
    pub fn wildcard_beside(&self, name: NameRef<'_>) -> Option<Node<'_>> {
        match self.missing(self.node(name.parent()?)?) {
            Found::Wildcard(node) => Some(node),
            _ => None,
        }
    }

    /// Whether there are names other than the zone's own.
    pub fn has_names_below(&self) -> bool {
        // The table of a zone that was built has the apex too, that of an edited one has not.
        let own = usize::from(self.parts.len() == 1);
        let mut names = self.parts.iter().flat_map(|part| part.names.nodes());
        names.nth(own).is_some()
    }

    fn missing<'z>(&'z self, encloser: Node<'z>) -> Found<'z> {
        let mut wildcard = [0u8; NAME_MAX];
        let parent = encloser.name().wire();
        let length = parent.len() + 2;
        let Some([one, star, rest @ ..]) = wildcard.get_mut(..length) else {
            return Found::Missing(encloser);
        };
        (*one, *star) = (1, b'*');
        rest.copy_from_slice(parent);
        let found = wildcard.get(..length).and_then(|name| self.lookup(name));
        match found {
            Some(node) => Found::Wildcard(node),
            None => Found::Missing(encloser),
        }
    }

    /// The node of just this name, in lower case, whatever stands above it.
    #[inline]
    pub fn node(&self, name: NameRef<'_>) -> Option<Node<'_>> {
        let below = name.wire().len().checked_sub(self.origin.wire().len())?;
        if below == 0 && name != self.origin() {
            return None;
        }
        self.lookup(name.wire())
    }

    /// The node with NSEC records that is `name` or stands right before it in canonical order.
    pub fn denial(&self, name: NameRef<'_>) -> Option<Node<'_>> {
        let part = self.first_part()?;
        let is_before = |node: &At| part.arena.name(*node).cmp_canonical(name).is_le();
        let after = self.denials.partition_point(is_before);
        let node = self.denials.get(after.checked_sub(1)?)?;
        Some(Node::new(part, *node))
    }

    /// All names with records in the order they were added, the zone's own first.
    ///
    /// To be walked through in steps, by [`Zone::walked`]; costs a sort of numbers.
    pub fn walk(&self) -> Walk {
        let mut places = Vec::new();
        for (place, part) in (0..).zip(self.parts.iter()) {
            let apex = (place == 0).then_some(NONE);
            let nodes = apex.into_iter().chain(part.names.nodes());
            let has_records = |at: &At| part.arena.first_record(*at) != NONE;
            places.extend(nodes.filter(has_records).map(|at| (place, at)));
        }
        places.sort_unstable();
        places.dedup();
        Walk(places)
    }

    /// The name at `place` of a walk through this zone.
    pub fn walked(&self, walk: &Walk, place: usize) -> Option<Node<'_>> {
        let (part, at) = walk.0.get(place)?;
        let part = usize::try_from(*part).ok()?;
        Some(Node::new(self.parts.get(part)?, *at))
    }

    /// All names with records, in canonical order (RFC 4034 section 6.1).
    pub fn in_order(&self) -> Vec<Node<'_>> {
        let mut nodes: Vec<_> = self.nodes().filter(|node| !node.is_empty()).collect();
        nodes.sort_by(|left, right| left.name().cmp_canonical(right.name()));
        nodes
    }

    /// All names, empty ones too, in no order; the apex comes first.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let apex = self.apex();
        let parts = self.parts.iter();
        let nodes = parts.flat_map(|part| part.names.nodes().map(|node| Node::new(part, node)));
        std::iter::once(apex).chain(nodes.filter(move |node| !node.is(apex)))
    }
}
