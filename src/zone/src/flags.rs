//! The command line of `catena zone`.

use std::path::{Path, PathBuf};

use catena_dns::Name;
use catena_flags::{Flags, UsageError, secret};
use catena_transport::upstream::TlsClientFiles;

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

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) verb: Verb,
    pub(crate) zone: Name,
    /// Without a slash at its end.
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) tls: TlsClientFiles,
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

/// Reads the arguments after `zone`; `None` if they ask for help.
///
/// `token` is the variable `CATENA_TOKEN`.
pub fn parse(args: &[String], token: Option<String>) -> Result<Option<Options>, UsageError> {
    let given = Given {
        token,
        ..Given::default()
    };
    given.read(args)?.map(Given::finish).transpose()
}

/// The command line, before it is known whether it goes together.
#[derive(Default)]
struct Given {
    words: Vec<String>,
    url: String,
    token: Option<String>,
    authorities: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Flags for Given {
    fn flag(&mut self, name: &str, value: &str) -> Result<(), UsageError> {
        match name {
            "dynapi" => value.trim_end_matches('/').clone_into(&mut self.url),
            "tokenfile" => self.token = Some(secret(Path::new(value))?),
            "cacertfile" => self.authorities = Some(value.into()),
            "certfile" => self.certificate = Some(value.into()),
            "keyfile" => self.key = Some(value.into()),
            unknown => return Err(UsageError::unknown(unknown)),
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), UsageError> {
        self.words.push(word.to_owned());
        Ok(())
    }
}

impl Given {
    fn finish(self) -> Result<Options, UsageError> {
        let wrong = |text: &str| UsageError(text.to_owned());
        let (verb, zone) = read_words(&self.words)?;
        if !["http://", "https://"]
            .iter()
            .any(|scheme| self.url.starts_with(scheme))
        {
            return Err(wrong("--dynapi must be a URL with http:// or https://"));
        }
        let tls = TlsClientFiles::named(self.authorities, self.certificate, self.key);
        Ok(Options {
            verb,
            zone,
            url: self.url,
            token: self.token.filter(|token| !token.is_empty()),
            tls: tls.ok_or_else(|| wrong("--certfile and --keyfile go together"))?,
        })
    }
}

fn read_words(words: &[String]) -> Result<(Verb, Name), UsageError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
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
