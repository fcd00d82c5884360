//! Tests of the template language.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::rc::Rc;

use super::{Object, Template, Value};

/// A struct with a few fields.
struct Dot;

impl<'d> Object<'d> for Dot {
    fn type_name(&self) -> &'static str {
        "*dot"
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        Some(match name {
            "Name" => Value::text("a.b."),
            "Seven" => Value::Int(7),
            "Yes" => Value::Bool(true),
            "List" => Value::List(Rc::new([Value::text("x"), Value::text("y")])),
            "Map" => Value::Object(Rc::new(Map)),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value<'d>]) -> Option<Result<Value<'d>, String>> {
        (name == "Twice").then(|| match args {
            [Value::Text(text)] => Ok(Value::text(format!("{text}{text}"))),
            _ => Err("want a string".to_owned()),
        })
    }

    fn entries(&self) -> Vec<(String, Value<'d>)> {
        Vec::new()
    }
}

struct Map;

impl<'d> Object<'d> for Map {
    fn type_name(&self) -> &'static str {
        "map[string]string"
    }

    fn is_map(&self) -> bool {
        true
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        (name == "k").then(|| Value::text("v"))
    }

    fn missing(&self) -> Value<'d> {
        Value::text("")
    }

    fn entries(&self) -> Vec<(String, Value<'d>)> {
        vec![("k".to_owned(), Value::text("v"))]
    }
}

fn run(text: &str) -> Result<String, String> {
    let template = Template::parse("answer", text)?;
    let mut out = String::new();
    template.run(Value::Object(Rc::new(Dot)), &mut out)?;
    Ok(out)
}

#[test]
fn what_go_prints_is_printed() {
    // Each pair was seen with Go's own text/template.
    for (text, out) in [
        ("x {{ .Name }} y", "x a.b. y"),
        ("{{.Map.k}}{{.Map.none}}", "v<no value>"),
        ("{{.Map.none.x}}", "<no value>"),
        (
            "{{ index .List 1 }}{{ index .Map \"k\" }}{{ index .Map \"no\" }}",
            "yv",
        ),
        ("{{ len .List }}{{ len .Name }}{{ len .Map }}", "241"),
        ("{{ if eq .Name \"x\" \"a.b.\" }}1{{ else }}2{{ end }}", "1"),
        (
            "{{ if .Map.none }}1{{ else if .Yes }}2{{ else }}3{{ end }}",
            "2",
        ),
        ("{{ with .Map.k }}{{ . }}{{ $.Name }}{{ end }}", "va.b."),
        ("{{ with .Map.none }}1{{ else }}0{{ end }}", "0"),
        ("{{ range .List }}{{ . }},{{ end }}", "x,y,"),
        (
            "{{ range $i, $v := .List }}{{ $i }}{{ $v }}{{ end }}",
            "0x1y",
        ),
        (
            "{{ range $k, $v := .Map }}{{ $k }}={{ $v }}{{ end }}",
            "k=v",
        ),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        (
            "{{ range .List }}{{ if eq . \"y\" }}{{ break }}{{ end }}{{ . }}{{ end }}",
            "x",
        ),
        (
            "{{ range .List }}{{ if eq . \"x\" }}{{ continue }}{{ end }}{{ . }}{{ end }}",
            "y",
        ),
        ("{{ range .Map.none }}1{{ else }}0{{ end }}", "0"),
        (
            "{{ $x := 1 }}{{ range .List }}{{ $x = . }}{{ end }}{{ $x }}",
            "y",
        ),
        ("{{ .Name | printf \"%s-%d\" \"p\" }}", "p-%!d(string=a.b.)"),
        (
            "{{ printf \"%03d %x %5s|%-5s|%q\" 7 255 \"a\" \"b\" \"c\" }}",
            "007 ff     a|b    |\"c\"",
        ),
        (
            "{{ printf \"%v %v %t\" .List .Map true }}",
            "[x y] map[k:v] true",
        ),
        (
            "{{ printf \"%d\" }}{{ printf \"x\" 1 }}",
            "%!d(MISSING)x%!(EXTRA int=1)",
        ),
        (
            "{{ print 1 2 \"a\" 3 4 }}{{ println .Seven .Yes }}",
            "1 2a3 47 true\n",
        ),
        (
            "{{ parseInt \"ff\" 16 8 }}{{ parseInt \"0x10\" 0 64 }}",
            "25516",
        ),
        ("{{ (index .List 0) | print }}{{ (print .Name) }}", "xa.b."),
        (
            "{{ .Twice \"ab\" }}{{ \"c\" | .Twice }}{{ $.Twice \"d\" }}",
            "ababccdd",
        ),
        (
            "{{ and .Yes .Name }}{{ or .Map.none \"z\" }}{{ not 0 }}",
            "a.b.ztrue",
        ),
        (
            "{{ lt 1 2 }}{{ ge \"b\" \"a\" }}{{ ne .Seven 7 }}",
            "truetruefalse",
        ),
        ("a {{- /* no */ -}} b {{- \" c\" }}", "ab c"),
        (
            "{{ `raw\\` }}{{ \"\\x41\\u00e9\\101\" }}{{ 'a' }}{{ 0x1f }}{{ 1_0 }}",
            "raw\\AéA973110",
        ),
        ("{{ slice .Name 1 3 }}{{ slice .List 1 }}", ".b[y]"),
        ("{{ html \"<a>\" }}", "&lt;a&gt;"),
    ] {
        assert_eq!(run(text).as_deref(), Ok(out), "{text}");
    }
}

#[test]
fn mistakes_are_told_when_the_template_is_read() {
    for (text, what) in [
        (
            "{{ nofunc .Name }}",
            "template: answer:1: function \"nofunc\" not defined",
        ),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ range }}", "missing value for range"),
        ("{{ if .Yes }}", "unexpected EOF"),
        ("{{ .Name", "unclosed action"),
        ("{{ $x }}", "undefined variable \"$x\""),
        ("{{ \"x }}", "unterminated quoted string"),
        ("{{ (.Name }}", "unclosed left paren"),
        ("{{ .Name ) }}", "unexpected right paren"),
        ("{{ 1 .Name }}", "can't give argument to non-function 1"),
        (
            "{{ .Name | 1 }}",
            "non executable command in pipeline stage 2",
        ),
        ("{{ break }}", "{{break}} outside {{range}}"),
        (
            "a\n{{ template \"x\" }}",
            "answer:2: {{template}} is not supported",
        ),
        ("{{ /* x }}", "unclosed comment"),
        ("{{ nil }}", "nil is not a command"),
        ("{{ \"a\".b }}", "unexpected . after term \"\\\"a\\\"\""),
        ("{{ .Name! }}", "unexpected '!' in command"),
    ] {
        let error = run(text).unwrap_err();
        assert!(error.contains(what), "{text}: {error}");
    }
}

#[test]
fn mistakes_of_a_query_are_told_with_their_place() {
    for (text, what) in [
        (
            "{{ .Missing.Field }}",
            "template: answer: executing \"answer\" at <.Missing.Field>: \
             can't evaluate field Missing in type *dot",
        ),
        (
            "{{ index .List 5 }}",
            "error calling index: index out of range: 5",
        ),
        (
            "{{ parseInt .Name 10 8 }}",
            "error calling parseInt: strconv.ParseUint: parsing \"a.b.\": invalid syntax",
        ),
        ("{{ parseInt \"300\" 10 8 }}", "value out of range"),
        (
            "{{ parseInt .Map.none 10 8 }}",
            "invalid value; expected string",
        ),
        ("{{ lt .List 1 }}", "invalid type for comparison"),
        ("{{ .Name.x }}", "can't evaluate field x in type string"),
        (
            "{{ .Name 1 }}",
            "Name has arguments but cannot be invoked as function",
        ),
        (
            "{{ range 10000 }}{{ range 10000 }}x{{ end }}{{ end }}",
            "makes too much",
        ),
    ] {
        let error = run(text).unwrap_err();
        assert!(error.contains(what), "{text}: {error}");
    }
}

#[test]
fn a_template_prints_as_go_prints_it() {
    let text =
        "{{ .Name }} 60 {{ if eq .Type \"A\" }}{{ index .Match 1|print }}{{ else }}x{{ end }}";
    let template = Template::parse("answer", text).unwrap();
    assert_eq!(
        template.to_string(),
        "{{.Name}} 60 {{if eq .Type \"A\"}}{{index .Match 1 | print}}{{else}}x{{end}}"
    );
}
