//! The command line of `catena zone`.

use std::path::PathBuf;

use catena_dns::Name;

/// What `-h` prints.
pub const HELP: &str = "\
Usage: catena zone export ZONE --dynapi URL [FLAGS]
       catena zone import ZONE [FILE] --dynapi URL [FLAGS]
  carries a zone of a running dynapi as a master file

export prints the zone. import makes the zone that of FILE, or of standard input: what is not in
the file is removed, but for the SOA and NS records of the zone itself; all of it or nothing.

  --dynapi URL        where the REST API is, such as http://127.0.0.1:8090
  --tokenfile FILE    a bearer token; without it the one in CATENA_TOKEN, if any
  --cacertfile FILE   who may have signed the server's certificate
  --certfile FILE     our certificate
  --keyfile FILE      its key";

/// A command line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) verb: Verb,
    pub(crate) zone: Name,
    /// Without a slash at its end.
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) tls: TlsFiles,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Export,
    Import(Source),
}

/// Where a master file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Input,
    File(PathBuf),
}

/// Files in PEM form.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsFiles {
    pub authorities: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Reads the arguments after `zone`; `None` if they ask for help.
///
/// `token` is the variable `CATENA_TOKEN`.
pub fn parse(args: &[String], token: Option<String>) -> Result<Option<Options>, UsageError> {
    let (mut words, mut url) = (Vec::new(), String::new());
    let (mut tls, mut token) = (TlsFiles::default(), token);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(flag) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else {
            words.push(arg.as_str());
            continue;
        };
        if matches!(flag, "h" | "help") {
            return Ok(None);
        }
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value),
            None => {
                let missing = || UsageError(format!("flag needs an argument: --{flag}"));
                (flag, rest.next().ok_or_else(missing)?.as_str())
            }
        };
        match name {
            "dynapi" => value.trim_end_matches('/').clone_into(&mut url),
            "tokenfile" => token = Some(read_token(value)?),
            "cacertfile" => tls.authorities = Some(value.into()),
            "certfile" => tls.certificate = Some(value.into()),
            "keyfile" => tls.key = Some(value.into()),
            other => {
                let text = format!("flag provided but not defined: --{other}");
                return Err(UsageError(text));
            }
        }
    }
    let (verb, zone) = read_words(&words)?;
    if !["http://", "https://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(UsageError(
            "--dynapi must be a URL with http:// or https://".to_owned(),
        ));
    }
    if tls.certificate.is_some() != tls.key.is_some() {
        return Err(UsageError(
            "--certfile and --keyfile go together".to_owned(),
        ));
    }
    let token = token.filter(|token| !token.is_empty());
    Ok(Some(Options {
        verb,
        zone,
        url,
        token,
        tls,
    }))
}

fn read_words(words: &[&str]) -> Result<(Verb, Name), UsageError> {
    let (verb, zone) = match *words {
        ["export", zone] => (Verb::Export, zone),
        ["import", zone] => (Verb::Import(Source::Input), zone),
        ["import", zone, file] => (Verb::Import(Source::File(file.into())), zone),
        _ => {
            return Err(UsageError(
                "say export ZONE, or import ZONE [FILE]".to_owned(),
            ));
        }
    };
    let wrong = |_| UsageError(format!("{zone:?} is no name of a zone"));
    Ok((verb, zone.parse().map_err(wrong)?))
}

fn read_token(path: &str) -> Result<String, UsageError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| UsageError(format!("{path}: {error}")))?;
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Source, Verb, parse};

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn words_and_flags_stand_in_any_order() {
        let line = "import --dynapi http://127.0.0.1:8090/ example.org zone.txt";
        let options = parse(&args(line), Some("secret".to_owned()))
            .unwrap()
            .unwrap();
        assert_eq!(options.verb, Verb::Import(Source::File("zone.txt".into())));
        assert_eq!(
            (options.url.as_str(), options.token.as_deref()),
            ("http://127.0.0.1:8090", Some("secret"))
        );
        let options = parse(&args("export example.org -dynapi=https://a"), None);
        assert_eq!(options.unwrap().unwrap().verb, Verb::Export);
        assert!(parse(&args("-h"), None).unwrap().is_none());
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("", "say export ZONE"),
            ("delete example.org --dynapi http://a", "say export ZONE"),
            ("export example.org", "--dynapi must be a URL"),
            ("export example.org --dynapi a:80", "--dynapi must be a URL"),
            ("export a..b --dynapi http://a", "is no name of a zone"),
            ("export example.org --dynapi", "needs an argument"),
            ("export example.org --nosuch x", "not defined: --nosuch"),
            (
                "export example.org --dynapi http://a --keyfile k",
                "go together",
            ),
            (
                "export example.org --tokenfile /nonexistent/t",
                "/nonexistent/t",
            ),
        ] {
            let error = parse(&args(line), None).unwrap_err().to_string();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
