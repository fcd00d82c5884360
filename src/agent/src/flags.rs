//! The command line and the variable `RPC_TYPE`.

use std::path::PathBuf;
use std::time::Duration;

use catena_flags::{Flags, UsageError};
use catena_http::Address;
use catena_plugin::duration;
use catena_rpc::interfaces::{self, is_interface};

use crate::actuator::Framework;
use crate::sources::provider;

/// What `-h` prints.
pub const HELP: &str = "\
Usage: catena agent [FLAGS]
  tells which RPC interfaces the application beside it offers, at /rpc/interfaces

  --listen ADDRESS       where it is told (default :10006)
  --type DUBBO|SOFA      whose actuator is asked; without it what the variable RPC_TYPE says
  --actuator URL         where that is (default http://localhost:8081/actuator/dubbo/services
                         or http://localhost:8080/health)
  --interface TEXT       an interface; may be given more than once.
                         TEXT is INTERFACE [VERSION [GROUP [SERIALIZATION]]]
  --interfacefile FILE   more of them, one a line, # opens a comment; read again when asked
  --ttl DURATION         how long a registration lives that does not say (default 30s)
  --state FILE           registrations are kept here, and outlive a restart of the agent

Applications in the same pod may register interfaces themselves:
  PUT    /v1/interfaces/INTERFACE  {\"version\": .., \"group\": .., \"serialize\": .., \"ttl\": 30}
         again within ttl seconds, so that it stays
  DELETE /v1/interfaces/INTERFACE
  GET    /v1/interfaces";

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) listen: Address,
    pub(crate) framework: Option<Framework>,
    pub(crate) actuator: Option<String>,
    /// Interfaces with what else is known of each.
    pub(crate) listed: Vec<String>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) ttl: Duration,
    /// Where registrations are kept.
    pub(crate) state: Option<PathBuf>,
}

/// Reads the arguments after `agent`; `None` if they ask for help.
///
/// `rpc_type` is the variable of that name: other values than the known ones stand for none.
pub fn parse(args: &[String], rpc_type: Option<&str>) -> Result<Option<Options>, UsageError> {
    let options = Options {
        listen: Address::any(interfaces::PORT),
        framework: rpc_type.and_then(Framework::parse),
        actuator: None,
        listed: Vec::new(),
        file: None,
        ttl: Duration::from_secs(30),
        state: None,
    };
    options.read(args)
}

impl Flags for Options {
    fn flag(&mut self, name: &str, value: &str) -> Result<(), UsageError> {
        let wrong = |wanted| UsageError::value(name, value, wanted);
        match name {
            "listen" => {
                let address = value.parse();
                self.listen = address.map_err(|error| UsageError(format!("--listen: {error}")))?;
            }
            "type" => {
                let framework = Framework::parse(value);
                self.framework = Some(framework.ok_or_else(|| wrong("DUBBO or SOFA"))?);
            }
            "actuator" if value.starts_with("http://") => self.actuator = Some(value.to_owned()),
            "actuator" => return Err(wrong("URL with http://")),
            "interface" => {
                let named = provider(value).filter(|one| is_interface(&one.interface));
                named.ok_or_else(|| wrong("interface"))?;
                self.listed.push(value.to_owned());
            }
            "state" => self.state = Some(PathBuf::from(value)),
            "interfacefile" => self.file = Some(PathBuf::from(value)),
            "ttl" => {
                let ttl = duration::parse(value);
                let ttl = ttl.filter(|ttl| (1..=3600).contains(&ttl.as_secs()));
                self.ttl = ttl.ok_or_else(|| wrong("duration from 1s to 1h"))?;
            }
            unknown => return Err(UsageError::unknown(unknown)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Framework, parse};

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_variable_of_the_original_says_whom_to_ask() {
        let options = parse(&[], Some("DUBBO")).unwrap().unwrap();
        assert_eq!(options.framework, Some(Framework::Dubbo));
        assert_eq!(options.listen.port(), 10006);
        let options = parse(&args("--type sofa"), Some("DUBBO")).unwrap().unwrap();
        assert_eq!(options.framework, Some(Framework::Sofa));
        assert_eq!(parse(&[], Some("OTHER")).unwrap().unwrap().framework, None);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("--type X", "\"X\" is no DUBBO or SOFA"),
            ("--listen x", "--listen"),
            ("--actuator https://x", "no URL with http://"),
            ("--interface *.x", "no interface"),
            ("--ttl 2h", "no duration"),
            ("--nosuch x", "not defined: --nosuch"),
            ("--ttl", "needs an argument"),
        ] {
            let error = parse(&args(line), None).unwrap_err().to_string();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
