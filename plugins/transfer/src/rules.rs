//! Who may have which zone, and who is told of changes.

use std::net::{IpAddr, SocketAddr};

use catena_dns::{Name, NameRef};

/// One directive: zones and the secondaries they go to.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub zones: Vec<Name>,
    /// Whether any client may have them.
    pub anyone: bool,
    /// Who may, and is told when they change.
    pub secondaries: Vec<SocketAddr>,
    /// The address that they are told from.
    pub source: Option<IpAddr>,
}

impl Rule {
    pub fn allows(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        let mut secondaries = self.secondaries.iter();
        self.anyone || secondaries.any(|secondary| secondary.ip().to_canonical() == client)
    }

    /// The length of its longest zone that `name` is in.
    fn closeness(&self, name: NameRef<'_>) -> Option<usize> {
        let zones = self.zones.iter().map(Name::view);
        let around = zones.filter(|zone| name.is_within(*zone));
        around.map(|zone| zone.wire().len()).max()
    }
}

/// The rule with the longest zone that `name` is in; of equals the first.
///
/// A rule for a zone below must not be undone by one for a zone above (CVE-2026-33489).
pub(crate) fn find<'r>(rules: &'r [Rule], name: NameRef<'_>) -> Option<&'r Rule> {
    let close = rules
        .iter()
        .filter_map(|rule| Some((rule.closeness(name)?, rule)));
    let best = close.rev().max_by_key(|(closeness, _)| *closeness);
    best.map(|(_, rule)| rule)
}
