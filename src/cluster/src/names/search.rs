//! What `autopath` asks: the search path of a client's pod.

use catena_dns::Name;
use catena_plugin::{Query, SearchPaths};

use super::{Names, Pods};

impl SearchPaths for Names {
    fn search_path(&self, query: &Query<'_>) -> Option<Vec<Name>> {
        let zone = self.zone(query.name())?;
        if self.rules.pods != Pods::Verified || !self.cluster.feeds.is_listed() {
            return None;
        }
        let address = query.client().ip().to_canonical();
        let mut namespaces: Vec<Box<str>> = Vec::new();
        self.cluster.store.pods_at(address, |pod| {
            if !namespaces.contains(&pod.namespace) {
                namespaces.push(pod.namespace.clone());
            }
        });
        // Several pods with one address, such as the node's: which one asks is a guess.
        let [namespace] = &*namespaces else {
            return None;
        };
        let zone = zone.name.view();
        let services = Name::from_labels([&b"svc"[..]], zone).ok()?;
        let own = Name::from_labels([namespace.as_bytes()], services.view()).ok()?;
        let mut path = vec![own, services, zone.to_name()];
        path.extend(self.rules.search.iter().cloned());
        Some(path)
    }
}
