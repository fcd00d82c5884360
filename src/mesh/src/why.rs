//! Why a name means what it does to a viewer: everything that was considered.

use std::ops::ControlFlow;

use catena_dns::{Name, NameRef};

use crate::choice::is_visible;
use crate::find::{Search, has_short_names};
use crate::{Choice, HostName, Owner, Row, Table, Viewer, Without};

/// A row that was considered for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The host that the name might mean.
    pub host: HostName,
    /// Whose word it is.
    pub owner: Owner,
    /// Its namespace.
    pub namespace: String,
    /// The name that addresses would belong to, if it is not the one that was looked for.
    pub canonical: Option<Name>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the answer, or a part of it.
    Answers,
    /// An answer was found before it.
    Later,
    /// It is not exported to the viewer's namespace.
    NotExported,
    /// The Sidecar resource that applies to the viewer does not import it.
    NotImported,
    /// The same host of another namespace counts.
    OtherNamespace,
    /// A Service of Kubernetes has the host.
    ServiceFirst,
    /// Only Services have short names.
    NoShortName,
    /// It has no address.
    Bare(Without),
    /// It has addresses, but none that the viewer is told.
    OtherFamily,
}

impl Table {
    /// All rows that are considered when `viewer` looks for `name`, in their order.
    pub fn why(
        &self,
        name: NameRef<'_>,
        viewer: &Viewer<'_>,
        search: &Search<'_>,
    ) -> Vec<Considered> {
        let (mut all, mut is_found) = (Vec::new(), false);
        let _end: ControlFlow<()> = self.each_hit(name, viewer, search, &mut |hit| {
            let choice = Choice::of(hit.host, viewer);
            let is_short_only = hit.is_short && !choice.rows.iter().all(|row| has_short_names(row));
            let answers = !is_short_only && !is_found && choice.has_addresses();
            for row in &hit.host.rows {
                let verdict = match verdict(row, hit.host, &choice, viewer) {
                    Verdict::Answers if is_short_only => Verdict::NoShortName,
                    Verdict::Answers if !answers => Verdict::Later,
                    verdict => verdict,
                };
                all.push(Considered {
                    host: hit.host.name.clone(),
                    owner: row.owner.clone(),
                    namespace: row.namespace.to_string(),
                    canonical: hit.canonical.map(NameRef::to_name),
                    verdict,
                });
            }
            is_found |= answers;
            ControlFlow::Continue(())
        });
        all
    }
}

/// What becomes of a row of a host that is looked at.
fn verdict(row: &Row, host: &crate::Host, choice: &Choice<'_>, viewer: &Viewer<'_>) -> Verdict {
    if choice.rows.iter().any(|chosen| std::ptr::eq(*chosen, row)) {
        return match choice.told(row).next() {
            Some(_) => Verdict::Answers,
            None if row.addresses.list.is_empty() => Verdict::Bare(row.addresses.without),
            None => Verdict::OtherFamily,
        };
    }
    if !is_visible(host, row, viewer, None) {
        return Verdict::NotExported;
    }
    let imports = |egress| is_visible(host, row, viewer, Some(egress));
    if viewer
        .sidecar
        .is_some_and(|sidecar| !sidecar.egress.iter().any(imports))
    {
        return Verdict::NotImported;
    }
    match choice.rows.first() {
        Some(first) if first.namespace == row.namespace => Verdict::ServiceFirst,
        _ => Verdict::OtherNamespace,
    }
}
