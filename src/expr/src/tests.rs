//! Tests of expressions.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, Question};

use crate::{Expression, Facts, Groups, Kind, Scope, Value};

struct Letters;

impl Groups for Letters {
    fn group(&self, name: &str) -> Option<&str> {
        match name {
            "0" | "whole" => Some("abc"),
            "1" => Some("b"),
            _ => None,
        }
    }
}

fn scope() -> Scope {
    Scope {
        has_groups: true,
        variables: vec![("n".to_owned(), Kind::Int), ("s".to_owned(), Kind::Text)],
    }
}

/// What `text` is for a query, or why it is nothing.
fn run(text: &str) -> String {
    let block = Block::build(&[], ". {\n script {\n }\n}").unwrap();
    let question = "WWW.Example.org. AAAA do edns=1400 from=192.0.2.7:4000";
    let question = Question::parse(question);
    let expression = match Expression::compile(text, &scope()) {
        Ok(expression) => expression,
        Err(error) => return format!("refused: {error}"),
    };
    block.view(&question, |query| {
        let facts = Facts::new(query).with_groups(&Letters);
        let variables = [Value::Int(7), Value::text("seven")];
        match expression.run(&facts, &variables) {
            Ok(value) => value.to_string(),
            Err(error) => format!("failed: {error}"),
        }
    })
}

#[test]
fn operators_and_functions_are_those_of_expr_lang() {
    // Each pair was seen with expr-lang itself.
    for (text, value) in [
        ("1 + 2 * 3 - 4", "3"),
        ("7 / 2", "3.5"),
        ("7 % 4", "3"),
        ("2 ** 3 ** 2", "512"),
        ("-2 ** 2", "-4"),
        ("(1 + 2) * 3", "9"),
        ("0x1f + 0b11 + 1_000", "1034"),
        ("1.5e1 + .5", "15.5"),
        ("'a' + \"b\" + `c\\`", "abc\\"),
        ("'\\x41\\u00e9\\n' == \"A\u{e9}\\n\"", "true"),
        ("1 < 2 and 2 >= 2 && !false", "true"),
        ("not false or false", "true"),
        ("1 == 1.0", "true"),
        ("'a' < 'b'", "true"),
        ("'x' in ['x', 'y']", "true"),
        ("3 not in [1, 2]", "true"),
        ("3 in 1..3", "true"),
        ("'foobar' contains 'oba'", "true"),
        ("'foobar' startsWith 'foo'", "true"),
        ("'foobar' not endsWith 'bar'", "false"),
        ("'a.b' matches '^a\\\\.b$'", "true"),
        ("true ? 1 : 2", "1"),
        ("false ? 1 : true ? 2 : 3", "2"),
        ("if 1 > 2 { 'x' } else { 'y' }", "y"),
        ("let x = 3; let y = x * 2; x + y", "9"),
        ("nil ?? 5", "5"),
        ("[1, 2, 3][-1]", "3"),
        ("[1, 2, 3][1:]", "[2 3]"),
        ("'hello'[1:3]", "el"),
        ("len('abc') + len([1, 2])", "5"),
        ("split('a.b.c', '.')", "[a b c]"),
        ("split('a.b.c', '.', 2)", "[a b.c]"),
        ("split('a.b', '.')[0] in ['a']", "true"),
        ("splitAfter('a.b.c', '.')", "[a. b. c]"),
        ("join(['a', 'b'], '-')", "a-b"),
        ("replace('1-2-3', '-', '.')", "1.2.3"),
        ("replace('1-2-3', '-', '.', 1)", "1.2-3"),
        ("trim('  x ') + trim('__x_', '_')", "xx"),
        ("trimPrefix('abc', 'a') + trimSuffix('abc', 'c')", "bcab"),
        ("upper('a') + lower('B')", "Ab"),
        ("repeat('ab', 2)", "abab"),
        ("indexOf('abcb', 'b') + lastIndexOf('abcb', 'b')", "4"),
        ("hasPrefix('abc', 'ab') && hasSuffix('abc', 'bc')", "true"),
        ("int('42') + int(1.9)", "43"),
        ("float('1.5')", "1.5"),
        ("string(12) + string(true)", "12true"),
        ("abs(-3) + max(1, 5, 2) + min([4, 2])", "10"),
        ("ceil(1.2) + floor(1.8) + round(2.5)", "6"),
        ("sum([1, 2, 3])", "6"),
        ("first([1, 2]) + last([1, 2])", "3"),
        ("concat([1], [2, 3])", "[1 2 3]"),
        ("reverse([1, 2])", "[2 1]"),
        ("all([1, 2], # > 0)", "true"),
        ("any([1, 2], {# > 1})", "true"),
        ("none([1, 2], # > 2) and one([1, 2], # > 1)", "true"),
        ("filter(1..5, # % 2 == 0)", "[2 4]"),
        ("map(1..3, # * #index)", "[0 2 6]"),
        ("find([1, 2, 3], # > 1) + findIndex([1, 2, 3], # > 1)", "3"),
        ("count([1, 2, 3], # > 1)", "2"),
        ("['b', 'a'] | map(upper(#)) | join('')", "BA"),
        ("'a,b' | split(',') | len()", "2"),
        ("1 /* one */ + 1 // two", "2"),
        ("[1, 'a', nil]", "[1 a <nil>]"),
        ("any([[1], [2, 3]], any(#, # == 3))", "true"),
    ] {
        assert_eq!(run(text), value, "{text}");
    }
}

#[test]
fn the_query_can_be_asked() {
    for (text, value) in [
        ("name()", "www.example.org."),
        ("type() + ' ' + class()", "AAAA IN"),
        ("client_ip() + ' ' + port()", "192.0.2.7 4000"),
        ("server_ip() + ' ' + server_port()", ":: 53"),
        ("proto()", "udp"),
        ("do() && bufsize() == 1400", "true"),
        ("opcode() == 0 && id() == 0x1234", "true"),
        ("size() > 40", "true"),
        ("metadata('no/such') == ''", "true"),
        ("incidr(client_ip(), '192.0.2.0/29')", "true"),
        ("incidr('2001:db8::1', '2001:db8::/32')", "true"),
        ("incidr(client_ip(), '::/0')", "false"),
        (
            "incidr(s, '10.0.0.0/8')",
            "failed: first argument is not an IP address",
        ),
        (
            "incidr(client_ip(), s)",
            "failed: invalid CIDR address: seven",
        ),
        (
            "any(['10.0.0.0/8', '192.0.0.0/8'], incidr(client_ip(), #))",
            "true",
        ),
        ("type() in ['A', 'AAAA']", "true"),
        ("name() matches '^(www|mail)[.]'", "true"),
        ("group('whole') + group(1) + group('none')", "abcb"),
        ("n + 1 == 8 && s == 'seven'", "true"),
    ] {
        assert_eq!(run(text), value, "{text}");
    }
}

#[test]
fn what_can_have_no_value_is_refused() {
    for (text, error) in [
        ("1 +", "unexpected token EOF (1:4)"),
        ("nosuch()", "unknown name nosuch (1:1)"),
        ("nosuch == 1", "unknown name nosuch (1:1)"),
        ("type( == 'A'", "unexpected token Operator(\"==\") (1:7)"),
        ("name == 'a'", "name is a function: name() calls it (1:1)"),
        (
            "name() == 1",
            "invalid operation: == (mismatched types string and int) (1:8)",
        ),
        (
            "1 + 'a'",
            "invalid operation: + (mismatched types int and string) (1:3)",
        ),
        (
            "!name()",
            "invalid operation: ! (mismatched type string) (1:1)",
        ),
        (
            "-'a'",
            "invalid operation: - (mismatched type string) (1:1)",
        ),
        (
            "incidr(client_ip())",
            "not enough arguments to call incidr (1:1)",
        ),
        ("name(1)", "too many arguments to call name (1:1)"),
        (
            "lower(1)",
            "cannot use int as argument (type string) to call lower (1:1)",
        ),
        (
            "'a' matches '('",
            "error parsing regexp: missing closing ): `(` (1:5)",
        ),
        (
            "1 in 2",
            "invalid operation: in (mismatched types int and int) (1:3)",
        ),
        (
            "1 ? 2 : 3",
            "non-bool expression (type int) used as condition (1:3)",
        ),
        (
            "any([1], 2)",
            "predicate should return boolean (got int) (1:1)",
        ),
        ("# > 1", "unexpected token Operator(\"#\") (1:1)"),
        ("{a: 1}", "maps are not supported (1:1)"),
        (
            "now()",
            "the function now of expr-lang is not supported (1:1)",
        ),
        ("'a", "bad string (1:1)"),
        ("1x", "bad number syntax (1:1)"),
        ("1 2", "unexpected token Number(2) (1:3)"),
        ("a.b", "unknown name a (1:1)"),
        ("'a'.b", "fields are not supported (1:4)"),
        ("@", "unrecognized character: U+0040 '@' (1:1)"),
        ("let name = 1; 2", "cannot redeclare name (1:5)"),
    ] {
        assert_eq!(run(text), format!("refused: {error}"), "{text}");
    }
    let nested = "(".repeat(200) + "1";
    assert!(run(&nested).contains("too deeply nested"));
}

#[test]
fn what_has_no_value_for_a_query_is_an_error() {
    for (text, error) in [
        ("int(name())", "invalid arguments for Int: www.example.org."),
        ("[1][3]", "index out of range: 3"),
        ("5 % (n - 7)", "invalid operation: int % int"),
        ("repeat('x', 100000)", "invalid arguments for Repeat"),
        (
            "all(1..10000, any(1..10000, # == 0) or true)",
            "takes too long",
        ),
        (
            "split(name(), '.')[0] + 1",
            "invalid operation: string + int",
        ),
    ] {
        let failed = run(text);
        assert!(failed.starts_with("failed: "), "{text}: {failed}");
        assert!(failed.contains(error), "{text}: {failed}");
    }
}

#[test]
fn names_that_mean_something_are_reserved() {
    for name in ["len", "true", "name", "group", "in", "now", "any"] {
        assert!(crate::is_reserved(name, &scope()), "{name}");
    }
    for name in ["x", "len2", "n"] {
        assert!(!crate::is_reserved(name, &scope()), "{name}");
    }
}
