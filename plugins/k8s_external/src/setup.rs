//! Reads the directive.

use std::sync::{Arc, OnceLock};

use catena_dns::Name;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Headless, Line, Setup, SetupError};

use crate::{External, K8sExternal};

const TTL: u32 = 5;
const TTL_MAX: i64 = 3600;

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
                let arg = property.args().required("a label")?;
                let name: Result<Name, _> = arg.text().parse();
                let name = name.map_err(|error| arg.error(error))?;
                let lower = name.view().to_lower();
                let labels = lower.wire().split_last();
                self.apex = labels.map_or_else(Vec::new, |(_, labels)| labels.to_vec());
            }
            "ttl" => self.ttl = ttl(property)?,
            "headless" => self.headless = Headless::Known,
            "fallthrough" => self.fallthrough = property.fallthrough(),
            _ => return Err(property.unknown()),
        }
        Ok(())
    }
}

fn ttl(property: &Line<'_>) -> Result<u32, SetupError> {
    let arg = property.args().required("a number of seconds")?;
    let text = arg.text();
    let number: i64 = text.parse().map_err(|_| {
        let error = arg.error(format_args!(
            "strconv.Atoi: parsing {text:?}: invalid syntax"
        ));
        error.with_hint("a number without a unit, such as 30")
    })?;
    let in_range = u32::try_from(number).ok().filter(|_| number <= TTL_MAX);
    in_range.ok_or_else(|| {
        property.parse_error(format_args!("ttl must be in range [0, 3600]: {number}"))
    })
}
