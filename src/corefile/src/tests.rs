//! Tests of the Corefile language.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::path::PathBuf;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::{
    Corefile, Diagnostics, Directive, MemoryEnvironment, ServerBlock, Span, SystemEnvironment,
    Token, format, nearest, parse,
};

mod conformance;

fn world(variables: &[(&str, &str)], files: &[(&str, &str)]) -> MemoryEnvironment {
    let variables = variables.iter();
    let files = files.iter();
    MemoryEnvironment {
        variables: variables
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        files: files
            .map(|(name, text)| (PathBuf::from(name), text.to_string()))
            .collect(),
    }
}

fn alone(text: &str) -> Result<Corefile, Diagnostics> {
    parse("Corefile", text, &MemoryEnvironment::default())
}

fn check_tree(text: &str, expected: Expect) {
    check_tree_in(&world(&[], &[]), text, expected);
}

/// Compares the printed tree, with the warnings below it.
fn check_tree_in(world: &MemoryEnvironment, text: &str, expected: Expect) {
    let corefile = parse("Corefile", text, world).unwrap_or_else(|errors| panic!("{errors}"));
    let mut shown = corefile.to_string();
    let warnings = Diagnostics::new(corefile.sources, corefile.warnings);
    for warning in warnings.items() {
        writeln!(shown, "{}", warnings.headline(warning)).unwrap();
    }
    expected.assert_eq(&shown);
}

/// What opens each mistake; left out below, to keep lines short.
const PARSING: &str = "Error during parsing: ";

fn check_errors(text: &str, expected: Expect) {
    check_errors_in(&world(&[], &[]), text, expected);
}

fn check_errors_in(world: &MemoryEnvironment, text: &str, expected: Expect) {
    match parse("Corefile", text, world) {
        Ok(corefile) => panic!("accepted:\n{corefile}"),
        Err(errors) => expected.assert_eq(&errors.to_string().replace(PARSING, "")),
    }
}

#[test]
fn tree_holds_keys_directives_and_properties() {
    check_tree(
        "a.test:53,\n b.test c.test {\n  cache 30 . { # note\n success 10 20\n}\n log\n}\n",
        expect![[r#"
            a.test:53 b.test c.test {
                cache 30 . {
                    success 10 20
                }
                log
            }
        "#]],
    );
}

#[test]
fn one_server_needs_no_braces() {
    check_tree(
        "example.org\nwhoami\ncache {\n denial 1\n}\n",
        expect![[r#"
            example.org {
                whoami
                cache {
                    denial 1
                }
            }
        "#]],
    );
    check_tree(
        "example.org",
        expect![[r#"
        example.org {
        }
    "#]],
    );
    check_tree("", expect![[""]]);
}

#[test]
fn words_are_cut_as_coredns_cuts_them() {
    check_tree(
        "\u{feff}a {\r\n nsid \"an \\\"escaped\\\" \\n quote\" mid\"quote\" \"\"\"b\"c \\ \
         'x y'\r\n}",
        expect![[r#"
            a {
                nsid "an \"escaped\" \n quote" mid"quote" "" "b" c \ 'x y'
            }
        "#]],
    );
    check_tree(
        "a\u{a0}{\u{b}whoami\u{c}\n}",
        expect![[r#"
        a {
            whoami
        }
    "#]],
    );
    check_tree(
        "a {\n nsid \"spans\n lines\" more\n}",
        expect![[r#"
        a {
            nsid "spans
         lines" more
        }
    "#]],
    );
}

#[test]
fn glued_comment_ends_with_the_next_space() {
    check_tree(
        "a {\n forward . 192.0.2.1#one 192.0.2.2\n whoami#x\n}",
        expect![[r#"
            a {
                forward . 192.0.2.1 192.0.2.2
                whoami
            }
            Corefile:2:26: warning: '192.0.2.2' does not belong to the comment
        "#]],
    );
}

#[test]
fn variables_are_replaced_in_both_forms_and_unset_ones_are_empty() {
    let world = world(&[("A", "one two"), ("B", "{$A}"), ("P", "log")], &[]);
    check_tree_in(
        &world,
        "{$A}:53 {$NO} {\n {$P} {%A%}-{$A} {$B} {$NO} {$} {$A {%A\n}",
        expect![[r#"
            "one two:53" {
                log "one two-one two" "one two" "" {$} {$A {%A
            }
        "#]],
    );
}

#[test]
fn variable_that_holds_itself_is_refused() {
    let world = world(&[("A", "x{$A}")], &[]);
    check_errors_in(
        &world,
        ". {\n log {$A}\n}",
        expect![[r#"
            Corefile:2:6: the value of '{$A}' refers to itself
              2 |  log {$A}
                |      ^^^^"#]],
    );
}

#[test]
fn snippets_and_files_are_put_in_place() {
    let files = [
        ("sub/a.conf", "import b.conf\nlog\n"),
        ("sub/b.conf", "cache {\n import opts\n}"),
        ("zones", "c.test {\n whoami\n}\nd.test {\n whoami\n}"),
        ("empty", ""),
    ];
    check_tree_in(
        &world(&[], &files),
        "(opts) { success 10\n}\n(none) {\n}\na.test {\n import sub/a.conf\n import none\n \
         import empty\n whoami\n}\nimport zones\nb.test {\n log\n}\n",
        expect![[r#"
            a.test {
                cache {
                    success 10
                }
                log
                whoami
            }

            c.test {
                whoami
            }

            d.test {
                whoami
            }

            b.test {
                log
            }
        "#]],
    );
}

#[test]
fn imported_file_may_leave_a_block_open() {
    let world = world(&[], &[("open.conf", "cache {\n")]);
    check_tree_in(
        &world,
        "a {\n import open.conf\n}\n",
        expect![[r#"
        a {
            cache {
            }
        }
        Corefile:3:1: warning: the server block of line 1 has no '}' of its own
    "#]],
    );
}

#[test]
fn all_mistakes_are_told_at_their_places() {
    let files = [("self", "import self\n"), ("bad", "log {\n class all }\n")];
    check_errors_in(
        &world(&[], &files),
        "(a) {\n errors\n}\n(a) {\n log\n}\n(loop) {\n import loop\n}\n(x) {\n import y\n}\n\
         (y) {\n import x\n}\n. {\n import\n import \"\"\n import a b\n import no*/*\n \
         import common\n import aa\n import self\n import x\n import bad\n import a\n \
         import a\n cache\n {\n }\n forward . 192.0.2.1 {\n } tail\n {\n }\n}\n\
         a.test { whoami }\n",
        expect![[r#"
            Corefile:2:2: 'errors' is imported twice into one server block
              2 |  errors
                |  ^^^^^^ CoreDNS would read both as one line
            Corefile:4:1: redeclaration of previously declared snippet a
              4 | (a) {
                | ^^^ it is declared in line 1 already
            Corefile:7:1: maximum snippet import depth (10000) exceeded
              7 | (loop) {
                | ^^^^^^ 'loop' imports itself
            Corefile:14:9: maximum snippet import depth (10000) exceeded
              14 |  import x
                 |         ^ 'x' imports itself
            Corefile:17:8: Wrong argument count or unexpected line ending after 'import'
              17 |  import
                 |        ^ name a snippet, a file or a pattern of files
            Corefile:18:9: Import requires a non-empty filepath
              18 |  import ""
                 |         ^^
            Corefile:19:11: Import takes only one argument (glob pattern or file)
              19 |  import a b
                 |           ^
            Corefile:20:9: Glob pattern may only contain one wildcard (*), but has others: no*/*
              20 |  import no*/*
                 |         ^^^^^
            Corefile:21:9: File to import not found: common
              21 |  import common
                 |         ^^^^^^ no snippet declared above and no file has this name
            Corefile:22:9: File to import not found: aa
              22 |  import aa
                 |         ^^ no snippet declared above and no file has this name
            Corefile:29:2: Unexpected token '{' at the start of a line
              29 |  {
                 |  ^ put it at the end of the line of 'cache'
            Corefile:32:4: Unexpected token 'tail' after '}'
              32 |  } tail
                 |    ^^^^ start a new line after '}'
            Corefile:33:2: Unknown directive '{'
              33 |  {
                 |  ^ a '{' must follow the name it belongs to, on the same line
            Corefile:36:17: Unexpected '}' because no matching opening brace
              36 | a.test { whoami }
                 |                 ^ '}' must stand on a line of its own
            self:1:8: maximum file import depth (10000) exceeded
              1 | import self
                |        ^^^^ 'self' imports itself
            bad:2:12: Unexpected token '}' at the end of a line
              2 |  class all }
                |            ^ '}' must stand on a line of its own"#]],
    );
}

#[test]
fn unbalanced_braces_are_told() {
    check_errors(
        "a {\n whoami\n",
        expect![[r#"
        Corefile:2:2: Syntax error: Unexpected token 'whoami', expecting '}'
          2 |  whoami
            |  ^^^^^^ the '{' in line 1 is never closed"#]],
    );
    check_errors(
        "a {\n cache {\n success 1\n",
        expect![[r#"
            Corefile:3:10: Unexpected EOF
              3 |  success 1
                |          ^ the '{' in line 2 is never closed"#]],
    );
    check_errors(
        "(a) {\n whoami\n",
        expect![[r#"
        Corefile:2:2: Syntax error: Unexpected token 'whoami', expecting '}'
          2 |  whoami
            |  ^^^^^^ snippet 'a' is never closed"#]],
    );
    check_errors(
        "(a)\nwhoami\n",
        expect![[r#"
        Corefile:2:1: Syntax error: Unexpected token 'whoami', expecting '{'
          2 | whoami
            | ^^^^^^ snippet 'a' needs braces around its lines"#]],
    );
    check_errors(
        "a,",
        expect![[r#"
            Corefile:1:1: Unexpected EOF
              1 | a,
                | ^^ a key must follow the comma"#]],
    );
    check_errors(
        "a, {\n}",
        expect![[r#"
            Corefile:1:1: Expected another address but had '{' - check for extra comma
              1 | a, {
                | ^^ remove the comma, or add a key after it"#]],
    );
    check_tree(
        "a {\n cache {\n success 1\n}\n",
        expect![[r#"
        a {
            cache {
                success 1
            }
        }
        Corefile:4:1: warning: the server block of line 1 has no '}' of its own
    "#]],
    );
    check_tree(
        "a {\n whoami\n}\n}\n",
        expect![[r#"
        a {
            whoami
        }
        Corefile:4:1: warning: Unexpected '}' because no matching opening brace
    "#]],
    );
    check_tree(
        "{\n whoami\n}\n",
        expect![[r#"
        {
            whoami
        }
        Corefile:1:1: warning: this server block has no key, so nothing asks it
    "#]],
    );
}

#[test]
fn block_on_one_line_is_a_block() {
    check_tree(
        "a {\n cache { success 10 }\n chaos { }\n nsid {}\n}",
        expect![[r#"
            a {
                cache {
                    success 10
                }
                chaos {
                }
                nsid {}
            }
        "#]],
    );
}

#[test]
fn nesting_is_bounded() {
    let text = format!("a {{\n b {}", "{ x ".repeat(100_000));
    let errors = alone(&text).unwrap_err();
    assert_eq!(errors.items().len(), 1);
}

#[test]
fn growing_imports_end() {
    let mut text = "(s0) {\n whoami\n}\n".to_owned();
    for step in 1..40 {
        let last = step - 1;
        write!(text, "(s{step}) {{\n import s{last}\n import s{last}\n}}\n").unwrap();
    }
    text.push_str(". {\n import s39\n}\n");
    assert!(alone(&text).is_err());
}

#[test]
fn diagnostics_as_json_have_places() {
    let errors = alone("a {\n import\n}").unwrap_err();
    expect![[r#"
        [
          {
            "severity": "error",
            "file": "Corefile",
            "line": 2,
            "column": 8,
            "end_line": 2,
            "end_column": 8,
            "message": "Wrong argument count or unexpected line ending after 'import'",
            "hint": "name a snippet, a file or a pattern of files"
          }
        ]"#]]
    .assert_eq(&errors.to_json().replace(PARSING, ""));
}

#[test]
fn mistakes_are_worded_as_in_coredns() {
    let message = |text: &str| alone(text).unwrap_err().items()[0].message.clone();
    assert_eq!(
        message("a {\n b }"),
        "Error during parsing: Unexpected '}' because no matching opening brace"
    );
    assert_eq!(
        message("a {\n b"),
        "Syntax error: Unexpected token 'b', expecting '}'"
    );
}

#[test]
fn control_characters_are_not_printed() {
    let errors = alone("a {\n import \u{1b}[31mx\n}").unwrap_err();
    assert!(!errors.to_string().contains('\u{1b}'));
}

#[test]
fn nearest_word_is_the_likely_one() {
    let words = ["prefetch", "success", "denial", "serve_stale"];
    assert_eq!(nearest("prefech", words), Some("prefetch"));
    assert_eq!(nearest("PREFETCH", words), Some("prefetch"));
    assert_eq!(nearest("sucess", words), Some("success"));
    assert_eq!(nearest("deinal", words), Some("denial"));
    assert_eq!(nearest("nothing", words), None);
    assert_eq!(nearest("", words), None);
}

#[test]
fn system_glob_finds_sorted_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.conf", "a.conf", ".c.conf", "d.txt"] {
        std::fs::write(folder.path().join(name), "whoami\n").unwrap();
    }
    let root = folder.path().join("Corefile");
    let text = ". {\n import *.conf\n import d.txt\n import no*\n}\n";
    let corefile = parse(root.to_str().unwrap(), text, &SystemEnvironment).unwrap();
    let names = corefile.sources.iter().skip(1);
    let names: Vec<_> = names
        .map(|(name, _)| name.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, [".c.conf", "a.conf", "b.conf", "d.txt"]);
    assert_eq!(corefile.warnings.len(), 1);
}

#[test]
fn layout_is_four_spaces_a_level() {
    expect![[r##"
        # top
        a b { # key
            cache 30 {
                success 1

                denial "x  y" #note
            }

            log
        }

        c {
            }}
            d
            {
                whoami
            }
    "##]]
    .assert_eq(&format(
        "\n\n# top\na   b {   # key\n\n\n\tcache   30 {\n success 1\n\n\n denial  \"x  y\"#note\n\
         \n}\n\n log\n}\nc {\n}}\n d\n{\nwhoami\n}\n\n",
    ));
}

/// The tree without places.
fn bare(corefile: &Corefile) -> Vec<ServerBlock> {
    fn token(token: &Token) -> Token {
        Token {
            span: Span::default(),
            ..token.clone()
        }
    }
    fn directive(line: &Directive) -> Directive {
        Directive {
            name: token(&line.name),
            args: line.args.iter().map(token).collect(),
            block: line
                .block
                .as_ref()
                .map(|block| block.iter().map(directive).collect()),
            end: Span::default(),
        }
    }
    let blocks = corefile.blocks.iter();
    let blocks = blocks.map(|block| ServerBlock {
        keys: block.keys.iter().map(token).collect(),
        directives: block.directives.iter().map(directive).collect(),
        end: Span::default(),
    });
    blocks.collect()
}

fn any_token() -> impl Strategy<Value = Token> {
    let plain = "[a-z0-9.:/*_{}é-]{1,8}".prop_map(|text| (text, false));
    let quoted = "[a-z #\"\n\t{}é]{0,8}".prop_map(|text| (text, true));
    let tokens = prop_oneof![plain, quoted].prop_map(|(text, quoted)| Token {
        text,
        span: Span::default(),
        quoted,
    });
    tokens.prop_filter("syntax", |token| {
        !matches!(token.text.as_str(), "" | "{" | "}" | "import")
    })
}

fn any_line() -> impl Strategy<Value = Directive> {
    let args = proptest::collection::vec(any_token(), 0..4);
    (any_token(), args).prop_map(|(name, args)| Directive {
        name,
        args,
        block: None,
        end: Span::default(),
    })
}

fn any_directive() -> impl Strategy<Value = Directive> {
    let block = proptest::option::of(proptest::collection::vec(any_line(), 0..4));
    (any_line(), block).prop_map(|(line, block)| Directive { block, ..line })
}

fn any_block() -> impl Strategy<Value = ServerBlock> {
    let keys = proptest::collection::vec(any_token(), 1..4);
    let keys = keys.prop_filter("snippet", |keys| {
        keys.iter().all(|key| !key.text.starts_with('('))
    });
    let directives = proptest::collection::vec(any_directive(), 0..4);
    (keys, directives).prop_map(|(keys, directives)| ServerBlock {
        keys,
        directives,
        end: Span::default(),
    })
}

/// Texts made of pieces that mean something.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("import s".to_owned()),
        Just("(s)".to_owned()),
        Just("# note".to_owned()),
        Just("{$A}".to_owned()),
        Just("\"q q\"".to_owned()),
        "[a-z\"#,\\\\\r]{1,3}",
        any::<String>(),
    ];
    let spaced = (piece, prop_oneof![Just(""), Just(" "), Just("\t")]);
    proptest::collection::vec(spaced, 0..40).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|(p, s)| [p, s.to_owned()])
            .collect()
    })
}

proptest! {
    #[test]
    fn printed_tree_reads_back_as_itself(blocks in proptest::collection::vec(any_block(), 0..4)) {
        let tree = Corefile { blocks, ..Corefile::default() };
        let again = alone(&tree.to_string()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(bare(&again), bare(&tree));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any_text()) {
        if let Err(errors) = alone(&text) {
            prop_assert!(errors.has_errors());
            prop_assert!(!errors.to_string().is_empty());
            prop_assert!(!errors.to_json().is_empty());
        }
    }

    #[test]
    fn layout_keeps_the_tree_and_is_stable(text in any_text()) {
        let laid_out = format(&text);
        prop_assert_eq!(&format(&laid_out), &laid_out);
        match (alone(&text), alone(&laid_out)) {
            (Ok(before), Ok(after)) => prop_assert_eq!(bare(&after), bare(&before)),
            (before, after) => prop_assert_eq!(before.is_ok(), after.is_ok()),
        }
    }
}
