//! Reads the directive.

use std::sync::{Arc, OnceLock};

use catena_dns::Name;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Headless, Line, Setup, SetupError};

use crate::{External, K8sExternal};

const TTL: u32 = 5;

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut external = External {
        zones: Vec::new(),
        apex: b"\x03dns".to_vec(),
        ttl: TTL,
        headless: Headless::LeftOut,
        fallthrough: Fallthrough::Never,
        cluster: OnceLock::new(),
    };
    // As in CoreDNS, the last directive of a block says the zones.
    for line in cx.occurrences() {
        external.zones = cx.zones_or_server(&mut line.args());
        for property in line.properties() {
            external.read(&property)?;
        }
    }
    cx.add_stage(K8sExternal(Arc::new(external)));
    Ok(())
}

impl External {
    fn read(&mut self, property: &Line<'_>) -> Result<(), SetupError> {
        match property.name() {
            "apex" => {
                let name: Name = property.args().required("a label")?.read()?;
                let lower = name.view().to_lower();
                let labels = lower.wire().split_last();
                self.apex = labels.map_or_else(Vec::new, |(_, labels)| labels.to_vec());
            }
            "ttl" => self.ttl = property.ttl()?,
            "headless" => self.headless = Headless::Known,
            "fallthrough" => self.fallthrough = property.fallthrough(),
            _ => return Err(property.unknown()),
        }
        Ok(())
    }
}
