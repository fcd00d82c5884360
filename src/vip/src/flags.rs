//! The command line of `catena controller vip`.

use std::path::PathBuf;

use catena_flags::{Flags, UsageError};
use catena_kube::Access;

use crate::range::{Range, V4, V6};

/// What `-h` prints.
pub const HELP: &str = "\
Usage: catena controller vip [FLAGS]
  writes automatic addresses into the status of ServiceEntries that have no address

  --kubeconfig FILE     the cluster; without it and --master that of this pod
  --context NAME        a context of that file
  --master URL          the API server
  --v4 RANGE            (default 240.240.0.0/16); - for no IPv4 addresses
  --v6 RANGE            (default 2001:2::/48); - for no IPv6 addresses
  --lease NAMESPACE/NAME
                        who holds it writes (default istio-system/catena-vip)
  --identity NAME       what we call ourselves there (default the name of this host)
  --healthport PORT     /healthz, /readyz, /metrics and /vips; 0 for none (default 12346)";

/// What the command line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub(crate) access: Access,
    pub(crate) ranges: Vec<Range>,
    /// Namespace and name.
    pub(crate) lease: (String, String),
    pub(crate) identity: String,
    pub(crate) health_port: u16,
}

/// The flags, before it is known whether they go together.
struct Given {
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    master: Option<String>,
    v4: Option<Range>,
    v6: Option<Range>,
    lease: (String, String),
    identity: Option<String>,
    health_port: u16,
}

/// Reads the arguments after `vip`; `None` if they ask for help.
pub fn parse(args: &[String]) -> Result<Option<Options>, UsageError> {
    let given = Given {
        kubeconfig: None,
        context: None,
        master: None,
        v4: Some(V4),
        v6: Some(V6),
        lease: ("istio-system".to_owned(), "catena-vip".to_owned()),
        identity: None,
        health_port: 12346,
    };
    given.read(args)?.map(Given::finish).transpose()
}

impl Flags for Given {
    fn flag(&mut self, name: &str, value: &str) -> Result<(), UsageError> {
        let text = || Some(value.to_owned());
        match name {
            "kubeconfig" => self.kubeconfig = Some(PathBuf::from(value)),
            "context" => self.context = text(),
            "master" => self.master = text(),
            "v4" => self.v4 = range(name, value, Range::is_v4)?,
            "v6" => self.v6 = range(name, value, |range| !range.is_v4())?,
            "lease" => {
                let wrong = || UsageError::value("lease", value, "NAMESPACE/NAME");
                let (namespace, name) = value.split_once('/').ok_or_else(wrong)?;
                let is_name = |text: &str| {
                    let mut octets = text.bytes();
                    octets.next().is_some_and(|o| o.is_ascii_alphanumeric())
                        && octets.all(|o| o.is_ascii_alphanumeric() || b"-.".contains(&o))
                };
                if !is_name(namespace) || !is_name(name) {
                    return Err(wrong());
                }
                self.lease = (namespace.to_owned(), name.to_owned());
            }
            "identity" => self.identity = text(),
            "healthport" => {
                let wrong = |_| UsageError::value(name, value, "port");
                self.health_port = value.parse().map_err(wrong)?;
            }
            unknown => return Err(UsageError::unknown(unknown)),
        }
        Ok(())
    }
}

impl Given {
    fn finish(self) -> Result<Options, UsageError> {
        let kubeconfig = self.kubeconfig.map(|path| (path, self.context));
        let ranges: Vec<Range> = self.v4.into_iter().chain(self.v6).collect();
        if ranges.is_empty() {
            return Err(UsageError("--v4 and --v6 cannot both be -".to_owned()));
        }
        let identity = self.identity.or_else(|| std::env::var("HOSTNAME").ok());
        let nameless = || UsageError("--identity is needed: HOSTNAME is not set".to_owned());
        Ok(Options {
            access: Access::first_of(kubeconfig, self.master, None),
            ranges,
            lease: self.lease,
            identity: identity
                .filter(|name| !name.is_empty())
                .ok_or_else(nameless)?,
            health_port: self.health_port,
        })
    }
}

fn range(
    name: &str,
    value: &str,
    fits: impl Fn(&Range) -> bool,
) -> Result<Option<Range>, UsageError> {
    if value == "-" {
        return Ok(None);
    }
    let wrong = |text: &str| UsageError(format!("--{name}: {value:?}: {text}"));
    let range: Range = value
        .parse()
        .map_err(|error: crate::RangeError| wrong(&error.to_string()))?;
    match fits(&range) {
        true => Ok(Some(range)),
        false => Err(wrong("the other family")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use catena_kube::Access;

    use super::{Options, parse};
    use crate::range::{V4, V6};

    fn parsed(line: &str) -> Result<Option<Options>, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_are_read() {
        let options = parsed("--identity me").unwrap().unwrap();
        assert_eq!(options.ranges, [V4, V6]);
        assert_eq!(options.access, Access::InCluster);
        let line = "-identity=me --v4 - --v6 fd00::/64 --lease a/b --healthport 0 --master h:1";
        let options = parsed(line).unwrap().unwrap();
        assert_eq!(options.ranges, ["fd00::/64".parse().unwrap()]);
        assert_eq!(options.lease, ("a".to_owned(), "b".to_owned()));
        assert_eq!(options.health_port, 0);
        assert_eq!(
            parsed("--v4 x -h").unwrap_err(),
            parsed("--v4 x").unwrap_err()
        );
        assert_eq!(parsed("-h"), Ok(None));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("run", "unexpected word"),
            ("--v4", "flag needs an argument: --v4"),
            ("--v4 2001:2::/48", "the other family"),
            ("--v6 2001:2::1/48", "ADDRESS/LENGTH"),
            ("--v4 - --v6 -", "cannot both be -"),
            ("--lease x", "no NAMESPACE/NAME"),
            ("--lease ../x", "no NAMESPACE/NAME"),
            ("--healthport x", "is no port"),
            ("--shard 1", "not defined: --shard"),
        ] {
            let error = parsed(&format!("--identity me {line}")).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
