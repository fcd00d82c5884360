//! Flags in the form Go programs take: one dash or two, `-flag value` or `-flag=value`.

use std::path::PathBuf;

/// What `-h` prints.
pub(crate) const HELP: &str = "\
Usage of catena:
  catena [FLAGS]              serve as the Corefile says
  catena check FILE [--json]  show every mistake of a Corefile, start nothing
  catena fmt FILE             print a Corefile in canonical layout
  catena controller rpcservice [FLAGS]
                              keep names of RPC interfaces written elsewhere
  catena controller vip [FLAGS]
                              give ServiceEntries without an address automatic ones
  catena agent [FLAGS]        tell which RPC interfaces the application here offers
  catena zone export|import   carry a zone of a running dynapi as a master file

  -conf FILE
        Corefile to load; \"stdin\" reads it from standard input (default \"Corefile\";
        without that file every query is answered by whoami, and logged)
  -dns.port PORT, -p PORT
        port of server blocks that name none (default \"53\")
  -pidfile FILE
        write the process's number to FILE
  -plugins
        list the plugins of this build
  -quiet
        print nothing at the start
  -version
        show the version

Signals: SIGUSR1 reads the Corefile again; SIGTERM and SIGINT answer what is owed and end.
Exit status: 0 after a signal, 1 when the start fails, 2 for a wrong flag.";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Show the usage.
    Help,
    /// Show the version.
    Version,
    /// List the plugins.
    Plugins,
    /// Serve.
    Serve(Flags),
    /// Words that are no flags.
    Extra(Vec<String>),
}

/// The flags of a server.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `-conf`, empty if not given.
    pub conf: String,
    /// `-dns.port`, as given.
    pub port: Option<String>,
    /// `-quiet`.
    pub quiet: bool,
    /// `-pidfile`.
    pub pidfile: Option<PathBuf>,
}

/// Reads the arguments; the error is what to print before leaving with status 2.
pub(crate) fn parse(args: &[String]) -> Result<Choice, String> {
    let mut flags = Flags::default();
    let (mut version, mut plugins) = (false, false);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(flag) = flag_name(arg) else {
            let words = std::iter::once(arg).chain(rest.filter(|_| true));
            return Ok(Choice::Extra(words.cloned().collect()));
        };
        if arg == "--" {
            return match rest.as_slice() {
                [] => break_off(flags, version, plugins),
                words => Ok(Choice::Extra(words.to_vec())),
            };
        }
        let (name, inline) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, None),
        };
        match name {
            "h" | "help" => return Ok(Choice::Help),
            "version" => version = truth(name, inline)?,
            "plugins" => plugins = truth(name, inline)?,
            "quiet" => flags.quiet = truth(name, inline)?,
            "conf" => flags.conf = value(name, inline, &mut rest)?,
            "dns.port" | "p" => flags.port = Some(value(name, inline, &mut rest)?),
            "pidfile" => flags.pidfile = Some(value(name, inline, &mut rest)?.into()),
            unknown => {
                return Err(format!("flag provided but not defined: -{unknown}\n{HELP}"));
            }
        }
    }
    break_off(flags, version, plugins)
}

fn break_off(flags: Flags, version: bool, plugins: bool) -> Result<Choice, String> {
    Ok(match (version, plugins) {
        (true, _) => Choice::Version,
        (false, true) => Choice::Plugins,
        (false, false) => Choice::Serve(flags),
    })
}

/// The flag without its dashes; `None` for a word that is no flag.
fn flag_name(arg: &str) -> Option<&str> {
    let name = arg.strip_prefix('-')?;
    if name.is_empty() {
        return None;
    }
    Some(name.strip_prefix('-').unwrap_or(name))
}

fn value<'a>(
    name: &str,
    inline: Option<&str>,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<String, String> {
    if let Some(value) = inline {
        return Ok(value.to_owned());
    }
    rest.next()
        .cloned()
        .ok_or_else(|| format!("flag needs an argument: -{name}\n{HELP}"))
}

fn truth(name: &str, inline: Option<&str>) -> Result<bool, String> {
    match inline {
        None => Ok(true),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(format!(
            "invalid boolean value \"{other}\" for -{name}: parse error\n{HELP}"
        )),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Choice, Flags, parse};

    fn choice(line: &str) -> Result<Choice, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args)
    }

    #[test]
    fn one_dash_or_two_and_the_last_wins() {
        let Choice::Serve(flags) = choice("-conf A --conf=B -p 53 -dns.port 1053 -quiet").unwrap()
        else {
            unreachable!()
        };
        let port = Some("1053".to_owned());
        assert_eq!(
            flags,
            Flags {
                conf: "B".to_owned(),
                port,
                quiet: true,
                pidfile: None
            }
        );
    }

    #[test]
    fn wrong_flags_are_named() {
        assert!(
            choice("-nosuch")
                .unwrap_err()
                .starts_with("flag provided but not defined")
        );
        assert!(
            choice("-conf")
                .unwrap_err()
                .starts_with("flag needs an argument: -conf")
        );
        assert_eq!(
            choice("start").unwrap(),
            Choice::Extra(vec!["start".to_owned()])
        );
        assert_eq!(choice("-version -plugins").unwrap(), Choice::Version);
    }
}
