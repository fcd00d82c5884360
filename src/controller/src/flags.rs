//! The command line: the original's flags, and ours.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::tsig::{Algorithm, Key};
use catena_dns::{Name, NameRef};
use catena_etcd::Credentials;
use catena_flags::{Flags, UsageError, secret};
use catena_kube::Access;
use catena_plugin::duration;
use catena_rpc::Watched;
use catena_transport::upstream::TlsClientFiles;

use crate::options::{EtcdTarget, Options, Target, UpdateTarget};
use crate::place::Mark;

/// What `-h` prints.
pub const HELP: &str = "\
Usage: catena controller rpcservice [FLAGS]
  keeps the names of RPC interfaces in a Kubernetes cluster written elsewhere

Where they are written, one of:
  --etcdendpoints URL,..  etcd, in SkyDNS's form
  --dynapi URL            the REST interface of dynapi, at URL/v1
  --coredns URL           its older interface, at URL/dynapi: one address a name
  --update HOST[:PORT]    a name server that takes RFC 2136 updates

How it is reached:
  --etcdprefix PATH       the prefix of keys (default /skydns)
  --etcduser USER         a user of etcd; the password is read from --etcdpasswordfile
  --etcdpasswordfile FILE
  --tokenfile FILE        a bearer token; without it the one in CATENA_TOKEN, if any
  --tsigkey NAME          signs updates with the secret in --tsigfile, in base 64
  --tsigfile FILE
  --tsigalgorithm NAME    (default hmac-sha256)
  --cacertfile FILE       who may have signed the server's certificate (also --etcdcacertfile)
  --certfile FILE         our certificate (also --etcdcertfile)
  --keyfile FILE          its key (also --etcdkeyfile)

What is read:
  --kubeconfig FILE       the cluster; without it and --master that of this pod
  --context NAME          a context of that file
  --master URL            the API server
  --labels SELECTOR       Services with these labels only
  --poll DURATION         how often register agents are asked (default 10s)
  --agentport PORT        the port of register agents (default 10006)

What is written:
  --zones ZONE,..         names in these zones only; without it all names
  --ttl SECONDS           (default 3600)
  --owner NAME            marks what is ours, so that what is no name any more is removed after
                          a restart and from elsewhere too: a field in etcd, a TXT record
                          beside the addresses otherwise (default rpc-controller)
  --exclusive             all addresses in --zones are ours, marked or not: with --dynapi or
                          --update
  --state FILE            what was written is noted here, for places that cannot be read:
                          --coredns, and --update without zone transfers
  --resync DURATION       how often what is written is looked over (default 60s)
  --grace DURATION        how long names of an earlier run are kept while not all agents have
                          answered (default 10m)
  --healthport PORT       /healthz, /readyz and /metrics; 0 for none (default 12345)";

/// Reads the arguments after `rpcservice`; `None` if they ask for help.
pub fn parse(args: &[String]) -> Result<Option<Options>, UsageError> {
    // The original wants the word `run` first.
    let args = match args {
        [word, rest @ ..] if word == "run" => rest,
        _ => args,
    };
    let given = Given::default().read(args)?;
    given.map(Given::finish).transpose()
}

/// The flags, before it is known whether they go together.
struct Given {
    coredns: String,
    dynapi: String,
    update: String,
    tsig_key: String,
    tsig_file: Option<PathBuf>,
    tsig_algorithm: String,
    is_exclusive: bool,
    state: Option<PathBuf>,
    endpoints: Vec<String>,
    prefix: String,
    owner: String,
    user: String,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    authorities: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    master: String,
    watched: Watched,
    zones: Vec<Name>,
    ttl: u32,
    resync: Duration,
    grace: Duration,
    health_port: u16,
}

impl Default for Given {
    fn default() -> Given {
        Given {
            coredns: String::new(),
            dynapi: String::new(),
            update: String::new(),
            tsig_key: String::new(),
            tsig_file: None,
            tsig_algorithm: "hmac-sha256".to_owned(),
            is_exclusive: false,
            state: None,
            endpoints: Vec::new(),
            prefix: "/skydns".to_owned(),
            owner: "rpc-controller".to_owned(),
            user: String::new(),
            password_file: None,
            token_file: None,
            authorities: None,
            certificate: None,
            key: None,
            kubeconfig: None,
            context: None,
            master: String::new(),
            watched: Watched::default(),
            zones: Vec::new(),
            ttl: 3600,
            resync: Duration::from_secs(60),
            grace: Duration::from_secs(600),
            health_port: 12345,
        }
    }
}

impl Flags for Given {
    fn flag(&mut self, name: &str, value: &str) -> Result<(), UsageError> {
        let text = || value.to_owned();
        let path = || Some(PathBuf::from(value));
        match name {
            "coredns" => self.coredns = text(),
            "dynapi" => self.dynapi = text(),
            "update" => self.update = text(),
            "tsigkey" => self.tsig_key = text(),
            "tsigfile" => self.tsig_file = path(),
            "tsigalgorithm" => self.tsig_algorithm = text(),
            "etcdendpoints" => self.endpoints = listed(value),
            "etcdprefix" => self.prefix = text(),
            "etcduser" => self.user = text(),
            "etcdpasswordfile" => self.password_file = path(),
            "tokenfile" => self.token_file = path(),
            "cacertfile" | "etcdcacertfile" => self.authorities = path(),
            "certfile" | "etcdcertfile" => self.certificate = path(),
            "keyfile" | "etcdkeyfile" => self.key = path(),
            "kubeconfig" => self.kubeconfig = path(),
            "context" => self.context = Some(text()),
            "master" => self.master = text(),
            "labels" => self.watched.labels = text(),
            "poll" => self.watched.poll = time(name, value)?,
            "agentport" => self.watched.agent_port = number(name, value)?,
            "zones" => self.zones = zones(value)?,
            "ttl" => self.ttl = number(name, value)?,
            "state" => self.state = path(),
            "owner" => self.owner = text(),
            "resync" => self.resync = time(name, value)?,
            "grace" => self.grace = time(name, value)?,
            "healthport" => self.health_port = number(name, value)?,
            unknown => return Err(UsageError::unknown(unknown)),
        }
        Ok(())
    }

    fn switch(&mut self, name: &str) -> bool {
        let is_known = name == "exclusive";
        self.is_exclusive |= is_known;
        is_known
    }
}

impl Given {
    fn finish(mut self) -> Result<Options, UsageError> {
        let wrong = |text: &str| UsageError(text.to_owned());
        let mark = Mark::of(&self.owner);
        let mark = mark.ok_or_else(|| wrong("--owner: 1 to 200 letters, digits and signs"))?;
        let tls = TlsClientFiles::named(
            self.authorities.take(),
            self.certificate.take(),
            self.key.take(),
        );
        let tls = tls.ok_or_else(|| wrong("--certfile and --keyfile go together"))?;
        let is_readable = !self.dynapi.is_empty() || !self.update.is_empty();
        if self.is_exclusive && (self.zones.is_empty() || !is_readable) {
            return Err(wrong(
                "--exclusive goes with --zones, and --dynapi or --update",
            ));
        }
        let mut urls = self.endpoints.iter().chain([&self.coredns, &self.dynapi]);
        let wants_tls =
            tls != TlsClientFiles::default() || urls.any(|url| url.starts_with("https:"));
        let target = self.target()?;
        let token = match &self.token_file {
            Some(path) => Some(secret(path)?),
            None => std::env::var("CATENA_TOKEN").ok(),
        };
        let kubeconfig = self.kubeconfig.map(|path| (path, self.context));
        let master = Some(self.master).filter(|url| !url.is_empty());
        self.watched.access = Access::first_of(kubeconfig, master, None);
        Ok(Options {
            target,
            tls: wants_tls.then_some(tls),
            token: token.filter(|token| !token.is_empty()),
            watched: self.watched,
            zones: self.zones,
            mark,
            is_exclusive: self.is_exclusive,
            state: self.state,
            ttl: self.ttl,
            resync: self.resync,
            grace: self.grace,
            health_port: self.health_port,
        })
    }

    fn target(&self) -> Result<Target, UsageError> {
        let mut targets = Vec::new();
        if !self.endpoints.is_empty() {
            targets.push(Target::Etcd(EtcdTarget {
                endpoints: self.endpoints.clone(),
                prefix: self.prefix.clone(),
                owner: self.owner.clone(),
                credentials: self.credentials()?,
            }));
        }
        if !self.dynapi.is_empty() {
            targets.push(Target::Dynapi(self.dynapi.clone()));
        }
        if !self.coredns.is_empty() {
            targets.push(Target::Legacy(self.coredns.clone()));
        }
        if !self.update.is_empty() {
            targets.push(Target::Update(UpdateTarget {
                server: self.update.clone(),
                key: self.key()?,
            }));
        }
        let first = targets.pop();
        first.filter(|_| targets.is_empty()).ok_or_else(|| {
            let one = "one of --etcdendpoints, --dynapi, --coredns and --update must be given";
            UsageError(one.to_owned())
        })
    }

    fn key(&self) -> Result<Option<(Arc<Key>, Algorithm)>, UsageError> {
        let file = match (self.tsig_key.as_str(), &self.tsig_file) {
            ("", None) => return Ok(None),
            (name, Some(file)) if !name.is_empty() => file,
            _ => {
                return Err(UsageError(
                    "--tsigkey and --tsigfile go together".to_owned(),
                ));
            }
        };
        let name = Name::parse(&self.tsig_key, NameRef::ROOT);
        let name = name.map_err(|error| UsageError(format!("--tsigkey: {error}")))?;
        let key = Key::parse(name.view(), &secret(file)?);
        let key = key.map_err(|error| UsageError(format!("{}: {error}", file.display())))?;
        let algorithm = Algorithm::parse(&self.tsig_algorithm);
        let unknown = || UsageError(format!("--tsigalgorithm: {} is none", self.tsig_algorithm));
        Ok(Some((Arc::new(key), algorithm.ok_or_else(unknown)?)))
    }

    fn credentials(&self) -> Result<Option<Credentials>, UsageError> {
        if self.user.is_empty() {
            return Ok(None);
        }
        let password = self.password_file.as_deref().map(secret).transpose()?;
        Ok(Some(Credentials {
            user: self.user.clone(),
            password: password.unwrap_or_default(),
        }))
    }
}

fn listed(text: &str) -> Vec<String> {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn zones(text: &str) -> Result<Vec<Name>, UsageError> {
    let parse = |zone: &String| {
        let name = Name::parse(zone.trim_start_matches('.'), NameRef::ROOT);
        name.map_err(|error| UsageError(format!("zone {zone:?}: {error}")))
    };
    listed(text).iter().map(parse).collect()
}

fn time(name: &str, value: &str) -> Result<Duration, UsageError> {
    let time = duration::parse(value).filter(|time| *time >= Duration::from_millis(100));
    time.ok_or_else(|| UsageError::value(name, value, "duration of 100ms or more"))
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, UsageError> {
    let wrong = |_| UsageError::value(name, value, "such number");
    value.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use catena_kube::Access;

    use super::{Options, Target, parse};

    fn options(line: &str) -> Result<Option<Options>, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn the_flags_of_the_original_are_understood() {
        let line = "run --etcdendpoints http://a:2379,http://b:2379 --master http://c:8080 \
                    --healthport=0";
        let found = options(line).unwrap().unwrap();
        let Target::Etcd(etcd) = &found.target else {
            unreachable!()
        };
        assert_eq!(etcd.endpoints, ["http://a:2379", "http://b:2379"]);
        assert_eq!(
            (etcd.prefix.as_str(), found.ttl, found.health_port),
            ("/skydns", 3600, 0)
        );
        let url = "http://c:8080".to_owned();
        assert_eq!(found.watched.access, Access::Endpoint { url, tls: None });
        let found = options("--coredns http://dns:8090").unwrap().unwrap();
        assert!(matches!(found.target, Target::Legacy(_)));
        assert!(options("-h").unwrap().is_none());
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            (
                "",
                "one of --etcdendpoints, --dynapi, --coredns and --update must",
            ),
            ("--coredns a --etcdendpoints b", "one of --etcdendpoints"),
            ("--coredns a --exclusive", "--exclusive goes with"),
            ("--coredns a --owner a,b", "--owner"),
            ("--update a --tsigkey b", "go together"),
            ("--nosuch x", "not defined: --nosuch"),
            ("--ttl", "flag needs an argument: --ttl"),
            ("--ttl x --coredns a", "--ttl: \"x\" is no such number"),
            ("--poll 1ms", "--poll"),
            ("--certfile x --coredns a", "go together"),
            ("--tokenfile /nonexistent --coredns a", "/nonexistent"),
            ("word", "unexpected word \"word\""),
        ] {
            let error = options(line).unwrap_err();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
