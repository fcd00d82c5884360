//! Which names exist only because of names below them, while names come and go.

use catena_dns::{Name, NameRef};
use catena_index::Zone;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

/// How many names of a zone stand right below each name but the apex.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    children: HashMap<Name, u32, RandomState>,
}

impl Tree {
    /// That of `zone`.
    pub fn of(zone: &Zone) -> Self {
        let mut tree = Tree::default();
        for node in zone.nodes().skip(1) {
            if let Some(parent) = parent(zone, node.name()) {
                *tree.children.entry(parent).or_default() += 1;
            }
        }
        tree
    }

    /// Whether there are names below `name`.
    pub fn has_below(&self, name: &Name) -> bool {
        self.children.contains_key(name)
    }

    /// Takes note of names that get their first records or lose their last.
    ///
    /// Gives the names without records above them that come or go with them.
    pub fn change(&mut self, zone: &Zone, names: &[(&Name, bool)]) -> HashSet<Name> {
        let mut known: HashMap<&Name, bool> = HashMap::new();
        let mut above = HashSet::new();
        for (name, has_records) in names {
            let had = zone.node(name.view()).is_some_and(|node| !node.is_empty());
            known.insert(name, *has_records);
            if had == *has_records || self.has_below(name) {
                continue;
            }
            let mut next = parent(zone, name.view());
            while let Some(name) = next {
                let others = self.children.get(&name).copied().unwrap_or(0);
                let others = match has_records {
                    true => others,
                    false => others.saturating_sub(1),
                };
                match others + u32::from(*has_records) {
                    0 => drop(self.children.remove(&name)),
                    count => drop(self.children.insert(name.clone(), count)),
                }
                let is_own = known
                    .get(&name)
                    .copied()
                    .unwrap_or_else(|| zone.node(name.view()).is_some_and(|node| !node.is_empty()));
                if others > 0 || is_own {
                    break;
                }
                next = parent(zone, name.view());
                above.insert(name);
            }
        }
        for (name, _) in names {
            above.remove(*name);
        }
        above
    }
}

/// The name above `name`, unless it is the apex.
fn parent(zone: &Zone, name: NameRef<'_>) -> Option<Name> {
    let parent = name.parent()?;
    (parent.wire().len() > zone.origin().wire().len()).then(|| parent.to_lower())
}
