//! Names that exist because there are hosts below them.

use catena_dns::{Name, NameRef};
use catena_index::shards::{Edit, Shards};

/// A name above hosts.
#[derive(Clone, Debug)]
pub(crate) struct Above {
    name: Name,
    hosts: u32,
}

/// Whether there are hosts below `name`, which is in lower case.
pub(crate) fn has_below(shards: &Shards<Above>, name: NameRef<'_>) -> bool {
    let wire = name.wire();
    let is = |above: &Above| above.name.wire() == wire;
    shards.read(shards.hash(wire), is, |found| found.is_some())
}

/// Counts a host that came, or takes away one that went, at each of `names`.
pub(crate) fn count<'n>(
    (shards, edit): (&Shards<Above>, &mut Edit<Above>),
    names: impl Iterator<Item = NameRef<'n>>,
    has_come: bool,
) {
    for name in names.filter(|name| !name.is_root()) {
        let wire = name.wire();
        let is = |above: &Above| above.name.wire() == wire;
        edit.change(shards, shards.hash(wire), is, |above| {
            let before = above.as_ref().map_or(0, |above| above.hosts);
            let hosts = match has_come {
                true => before.saturating_add(1),
                false => before.saturating_sub(1),
            };
            *above = (hosts > 0).then(|| Above {
                name: name.to_name(),
                hosts,
            });
        });
    }
}
