//! Which objects to watch.

/// How a server encodes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Text; the only one for custom resources.
    Json,
    /// The encoding that servers keep their own kinds in.
    Protobuf,
}

impl Encoding {
    /// The media type to ask for.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/json",
            Encoding::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    /// What `content_type` says.
    pub(crate) fn of(content_type: &str) -> Encoding {
        if content_type.starts_with("application/vnd.kubernetes.protobuf") {
            Encoding::Protobuf
        } else {
            Encoding::Json
        }
    }
}

/// The objects of one kind, in all namespaces, narrowed by selectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The path of the collection, such as `/api/v1/services`.
    pub path: &'static str,
    /// A label selector; empty for all.
    pub labels: String,
    /// A field selector; empty for all.
    pub fields: &'static str,
    /// How objects are to come.
    pub encoding: Encoding,
    /// The server need not know the kind: while it does not, there are none.
    pub optional: bool,
    /// The server may refuse to show the objects: while it does, there are none.
    pub dispensable: bool,
    /// Paths of older versions of the kind, for servers that do not know the one of `path`.
    pub older: &'static [&'static str],
}

impl Resource {
    /// All objects at `path`.
    pub fn new(path: &'static str, encoding: Encoding) -> Resource {
        Resource {
            path,
            labels: String::new(),
            fields: "",
            encoding,
            optional: false,
            dispensable: false,
            older: &[],
        }
    }

    /// All objects at `path` of a kind that somebody has to define first.
    pub fn custom(path: &'static str) -> Resource {
        Resource {
            optional: true,
            ..Resource::new(path, Encoding::Json)
        }
    }

    /// The pods that have not ended.
    pub fn living_pods() -> Resource {
        Resource {
            fields: "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown",
            ..Resource::new("/api/v1/pods", Encoding::Protobuf)
        }
    }

    /// The kind's name in the plural, such as `services`.
    pub fn plural(&self) -> &'static str {
        self.path
            .rsplit_once('/')
            .map_or(self.path, |(_, name)| name)
    }

    /// The path with a query: the selectors and `parameters`.
    pub(crate) fn uri(&self, parameters: &[(&str, &str)]) -> String {
        let selectors = [
            ("labelSelector", self.labels.as_str()),
            ("fieldSelector", self.fields),
        ];
        let mut uri = self.path.to_owned();
        let mut mark = '?';
        for (name, value) in selectors.iter().chain(parameters) {
            if !value.is_empty() {
                uri.push(mark);
                uri.push_str(name);
                uri.push('=');
                escape(value, &mut uri);
                mark = '&';
            }
        }
        uri
    }
}

/// Appends `value` with all but unreserved characters escaped, RFC 3986 section 2.1.
fn escape(value: &str, out: &mut String) {
    for octet in value.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(octet));
            }
            _ => {
                out.push('%');
                for digit in [octet >> 4, octet & 15] {
                    let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                    out.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Resource};

    #[test]
    fn selectors_and_parameters_are_escaped() {
        let mut services = Resource::new("/api/v1/services", Encoding::Protobuf);
        assert_eq!(services.plural(), "services");
        assert_eq!(services.uri(&[("watch", "")]), "/api/v1/services");
        services.labels = "a in (b,c)".to_owned();
        assert_eq!(
            services.uri(&[("watch", "1")]),
            "/api/v1/services?labelSelector=a%20in%20%28b%2Cc%29&watch=1"
        );
    }
}
