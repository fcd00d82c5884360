//! Finds the host that a name means to a viewer.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;

use catena_dns::{NAME_MAX, Name, NameRef};

use crate::{Choice, Host, Origin, Table, Viewer};

/// A name of more labels is no short name of a Service or its pod.
const SHORT_LABELS_MAX: usize = 4;

/// How names are completed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Search<'s> {
    /// The search domains of the client, in lower case, the first one first.
    pub domains: &'s [Name],
    /// The domain of the cluster, in lower case; Services have short names if it is known.
    pub cluster: Option<NameRef<'s>>,
}

/// A host that was found.
#[derive(Debug)]
pub struct Found<'f> {
    /// The host.
    pub host: &'f Host,
    /// What the viewer is told of it.
    pub choice: Choice<'f>,
    /// The name that the addresses belong to, if it is not the one that was looked for.
    pub canonical: Option<NameRef<'f>>,
}

/// What becomes of looking for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked<R> {
    /// There is such a host, and it has addresses.
    Found(R),
    /// The viewer sees such a host, but no address of it.
    Bare,
    /// There is no such host.
    Missing,
}

/// A host that a name might mean.
pub(crate) struct Hit<'f> {
    pub host: &'f Host,
    pub canonical: Option<NameRef<'f>>,
    /// Only Services have this kind of name.
    pub is_short: bool,
}

impl Table {
    /// Finds the host that `name`, in lower case, means to `viewer`, and shows it to `take`.
    ///
    /// A host without addresses does not hide others, as Istio leaves it out of its tables.
    pub fn find<R>(
        &self,
        name: NameRef<'_>,
        viewer: &Viewer<'_>,
        search: &Search<'_>,
        mut take: impl FnMut(&Found<'_>) -> R,
    ) -> Looked<R> {
        let mut is_bare = false;
        let looked = self.each_hit(name, viewer, search, &mut |hit| {
            let choice = Choice::of(hit.host, viewer);
            let is_fit = !hit.is_short || choice.rows.iter().all(|row| has_short_names(row));
            if !choice.is_visible() || !is_fit {
                return ControlFlow::Continue(());
            }
            if !choice.has_addresses() {
                is_bare = true;
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(take(&Found {
                host: hit.host,
                choice,
                canonical: hit.canonical,
            }))
        });
        match looked {
            ControlFlow::Break(found) => Looked::Found(found),
            ControlFlow::Continue(()) if is_bare => Looked::Bare,
            ControlFlow::Continue(()) => Looked::Missing,
        }
    }

    /// Shows `visit` the hosts that `name` might mean, the likeliest first, until it breaks off:
    /// exact ones, exact ones behind a search domain, then wildcards by length.
    pub(crate) fn each_hit<R>(
        &self,
        name: NameRef<'_>,
        viewer: &Viewer<'_>,
        search: &Search<'_>,
        visit: &mut impl FnMut(Hit<'_>) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        self.exact_hit(name, None, visit)?;
        self.short_hits(name, viewer, search, visit)?;
        for (place, domain) in search.domains.iter().enumerate() {
            let mut base = Spelling::new();
            let Some(base) = base.without(name, domain.view()) else {
                continue;
            };
            self.exact_hit(base, Some(base), visit)?;
            // Of the other domains nobody completes a short name that the first one did not.
            if place == 0 {
                self.short_hits(base, viewer, search, visit)?;
            }
        }
        if self.depths.load(Relaxed) == 0 {
            return ControlFlow::Continue(());
        }
        self.wildcard_hits(name, search, visit)
    }

    fn exact_hit<R>(
        &self,
        name: NameRef<'_>,
        canonical: Option<NameRef<'_>>,
        visit: &mut impl FnMut(Hit<'_>) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        self.exact(name, |host| long_hit(host, canonical, visit))
    }

    /// Services that `name` is a short name of: `SERVICE.NAMESPACE.svc`, `SERVICE.NAMESPACE`,
    /// and `SERVICE` in the viewer's own namespace.
    fn short_hits<R>(
        &self,
        name: NameRef<'_>,
        viewer: &Viewer<'_>,
        search: &Search<'_>,
        visit: &mut impl FnMut(Hit<'_>) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        let Some(cluster) = search.cluster.filter(|_| self.has_services.load(Relaxed)) else {
            return ControlFlow::Continue(());
        };
        let labels = name.label_count();
        if labels == 0 || labels > SHORT_LABELS_MAX {
            return ControlFlow::Continue(());
        }
        let is_svc = name.labels().last() == Some(b"svc");
        let own = viewer.namespace.map(|own| [own.as_bytes(), b"svc"]);
        let completions: [Option<&[&[u8]]>; 3] = [
            (labels > 2 && is_svc).then_some(&[]),
            (labels > 1).then_some(&[b"svc"]),
            own.as_ref().map(|labels| &labels[..]),
        ];
        for labels in completions.into_iter().flatten() {
            let mut whole = Spelling::new();
            let Some(whole) = whole.with(name, labels, cluster) else {
                continue;
            };
            self.exact(whole, |host| match host {
                Some(host) => visit(Hit {
                    host,
                    canonical: Some(host.name.name()),
                    is_short: true,
                }),
                None => ControlFlow::Continue(()),
            })?;
        }
        ControlFlow::Continue(())
    }

    fn wildcard_hits<R>(
        &self,
        name: NameRef<'_>,
        search: &Search<'_>,
        visit: &mut impl FnMut(Hit<'_>) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        let mut labels = name.label_count();
        for suffix in name.ancestors().skip(1) {
            labels = labels.saturating_sub(1);
            if self.has_depth(labels) {
                self.wildcard_hit(suffix, None, visit)?;
            }
            for domain in search.domains {
                let more = labels.saturating_sub(domain.view().label_count());
                if more == 0 || !self.has_depth(more) {
                    continue;
                }
                let (mut below, mut base) = (Spelling::new(), Spelling::new());
                if let Some(below) = below.without(suffix, domain.view()) {
                    let base = base.without(name, domain.view());
                    self.wildcard_hit(below, base, visit)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn wildcard_hit<R>(
        &self,
        suffix: NameRef<'_>,
        canonical: Option<NameRef<'_>>,
        visit: &mut impl FnMut(Hit<'_>) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        self.below(suffix, |host| long_hit(host, canonical, visit))
    }
}

/// Shows a host that was asked for by its whole name, if there is one.
fn long_hit<'h, R>(
    host: Option<&'h Host>,
    canonical: Option<NameRef<'h>>,
    visit: &mut impl FnMut(Hit<'_>) -> ControlFlow<R>,
) -> ControlFlow<R> {
    let Some(host) = host else {
        return ControlFlow::Continue(());
    };
    visit(Hit {
        host,
        canonical,
        is_short: false,
    })
}

/// Whether a row is that of a Service with short names.
pub(crate) fn has_short_names(row: &crate::Row) -> bool {
    matches!(row.origin, Origin::Service | Origin::Pod)
}

/// Room for a name that is put together.
struct Spelling {
    wire: [u8; NAME_MAX],
    length: usize,
}

impl Spelling {
    fn new() -> Spelling {
        Spelling {
            wire: [0; NAME_MAX],
            length: 0,
        }
    }

    /// `name` without `domain` at its end; `None` if it is not below it.
    fn without(&mut self, name: NameRef<'_>, domain: NameRef<'_>) -> Option<NameRef<'_>> {
        let cut = name.wire().len().checked_sub(domain.wire().len())?;
        // Octets first: most names are in none of the domains.
        if cut == 0 || domain.is_root() || name.wire().get(cut..)? != domain.wire() {
            return None;
        }
        if !name.is_within(domain) {
            return None;
        }
        self.push(name.wire().get(..cut)?)?;
        self.push(&[0])?;
        self.name()
    }

    /// `name` with labels and a domain behind it; `None` if that is too long.
    fn with(
        &mut self,
        name: NameRef<'_>,
        labels: &[&[u8]],
        domain: NameRef<'_>,
    ) -> Option<NameRef<'_>> {
        self.push(name.wire().strip_suffix(&[0])?)?;
        for label in labels {
            self.push(&[u8::try_from(label.len()).ok()?])?;
            self.push(label)?;
        }
        self.push(domain.wire())?;
        self.name()
    }

    fn push(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.length + octets.len();
        self.wire.get_mut(self.length..end)?.copy_from_slice(octets);
        self.length = end;
        Some(())
    }

    fn name(&self) -> Option<NameRef<'_>> {
        NameRef::from_wire(self.wire.get(..self.length)?).ok()
    }
}
