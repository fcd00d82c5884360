//! Tests of template.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn the_first_template_that_matches_answers() {
    check_chain(
        &[&PLUGIN],
        r#"example.org other.test {
            template IN A example.org {
                match ^one[.] ^eins[.]
                answer "{{ .Name }} 60 IN A 192.0.2.1"
                fallthrough
            }
            template IN A example.org {
                match ^two[.]
                answer "{{ .Name }} A 192.0.2.2"
                fallthrough open.example.org
            }
            template ANY TXT {
                answer "{{ .Name }} 0 {{ .Class }} TXT {{ .Type }} {{ .Zone }} {{ .Remote }}"
            }
            script {
                * * fail REFUSED
            }
        }"#,
        "
        ONE.Example.org. A
        eins.example.org. ANY
        two.example.org. A
        three.example.org. A
        x.open.example.org. A
        one.other.test. A
        x.other.test. TXT CH from=[::ffff:192.0.2.9]:1
        ",
        expect![[r#"
            > ONE.Example.org. A
            NOERROR aa rd
              answer one.example.org. 60 IN A 192.0.2.1
            > eins.example.org. ANY
            NOERROR aa rd
              answer eins.example.org. 60 IN A 192.0.2.1
            > two.example.org. A
            NOERROR aa rd
              answer two.example.org. 3600 IN A 192.0.2.2
            > three.example.org. A
            SERVFAIL not written
            > x.open.example.org. A
              script saw x.open.example.org. A
            REFUSED not written
            > one.other.test. A
              script saw one.other.test. A
            REFUSED not written
            > x.other.test. TXT CH from=[::ffff:192.0.2.9]:1
            NOERROR aa rd
              answer x.other.test. 0 CH TXT "TXT" "other.test." "192.0.2.9"
        "#]],
    );
}

#[test]
fn codes_sections_and_extended_errors_are_as_the_block_says() {
    check_chain(
        &[&PLUGIN],
        r#". {
            template IN ANY nx.test {
                rcode NXDOMAIN
                authority "nx.test. 60 IN SOA ns.nx.test. boss.nx.test. (1 60 60 60 60)"
                ederror 15 "not here"
            }
            template IN ANY sf.test {
                rcode SERVFAIL
                ederror 3
            }
            template IN ANY old.test {
                upstream
                answer "a.old.test. 1 IN A 192.0.2.1" "a.old.test. 1 IN A 192.0.2.2"
                additional "b.old.test. 1 IN TXT \"two words\""
                ederror 3
            }
        }"#,
        "
        a.nx.test. A
        a.sf.test. A
        a.old.test. A do
        ",
        expect![[r#"
            > a.nx.test. A
            NXDOMAIN aa rd
              authority nx.test. 60 IN SOA ns.nx.test. boss.nx.test. 1 60 60 60 60
              opt edns=4096 do option=15:000f6e6f742068657265
            > a.sf.test. A
            SERVFAIL not written
            > a.old.test. A do
            NOERROR aa rd
              answer a.old.test. 1 IN A 192.0.2.1
              answer a.old.test. 1 IN A 192.0.2.2
              additional b.old.test. 1 IN TXT "two words"
              opt edns=1232 do option=15:0003
        "#]],
    );
}

#[test]
fn aliases_are_followed_by_asking_the_server_itself() {
    check_chain(
        &[&PLUGIN],
        r#". {
            template IN ANY alias.test {
                answer "{{ .Name }} 60 IN CNAME late.real.test."
                answer "{{ .Name }} 60 IN CNAME real.test."
            }
            template IN ANY loop.test {
                answer "{{ .Name }} 60 IN CNAME {{ .Name }}"
            }
            script {
                real.test. A answer "real.test. 5 IN A 192.0.2.1"
                late.real.test. A after 2s answer "late.real.test. 5 IN A 192.0.2.2"
            }
        }"#,
        "
        www.alias.test. A
        www.alias.test. TXT
        www.alias.test. AAAA
        loop.test. A
        ",
        expect![[r#"
            > www.alias.test. A
              script saw late.real.test. A
              script saw real.test. A
            NOERROR aa rd
              answer www.alias.test. 60 IN CNAME late.real.test.
              answer late.real.test. 5 IN A 192.0.2.2
              answer www.alias.test. 60 IN CNAME real.test.
              answer real.test. 5 IN A 192.0.2.1
            > www.alias.test. TXT
            NOERROR aa rd
              answer www.alias.test. 60 IN CNAME late.real.test.
              answer www.alias.test. 60 IN CNAME real.test.
            > www.alias.test. AAAA
              script saw late.real.test. AAAA
              script saw real.test. AAAA
            NOERROR aa rd
              answer www.alias.test. 60 IN CNAME late.real.test.
              answer www.alias.test. 60 IN CNAME real.test.
            > loop.test. A
            NOERROR aa rd
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
              answer loop.test. 60 IN CNAME loop.test.
        "#]],
    );
}

#[test]
fn variables_and_conditions_are_worked_out() {
    check_chain(
        &[&PLUGIN],
        r#". {
            template IN A v.test {
                match "^n(?P<n>[0-9]+)[.]v[.]test[.]$"
                var num int(group("n"))
                var low num % 256
                expr num < 1000
                answer "{{ .Name }} 60 IN A 192.0.2.{{ .Var.low }}"
                fallthrough
            }
            template IN TXT v.test {
                var list split(name(), '.')
                answer "{{ .Name }} 60 TXT {{ range .Var.list }}{{ . }}/{{ end }}{{ len .Var }}"
            }
            template IN MX v.test {
                var never int(name())
                fallthrough
            }
            script {
                * * fail REFUSED
            }
        }"#,
        "
        n300.v.test. A
        n1000.v.test. A
        a.v.test. TXT
        a.v.test. MX
        ",
        expect![[r#"
            > n300.v.test. A
            NOERROR aa rd
              answer n300.v.test. 60 IN A 192.0.2.44
            > n1000.v.test. A
              script saw n1000.v.test. A
            REFUSED not written
            > a.v.test. TXT
            NOERROR aa rd
              answer a.v.test. 60 IN TXT "a/v/test//1"
            > a.v.test. MX
            SERVFAIL not written
        "#]],
    );
}

#[test]
fn what_makes_no_record_is_an_error() {
    check_chain(
        &[&PLUGIN],
        r#". {
            template IN TXT {
                answer "this is not a record"
            }
            template IN MX {
                answer ""
            }
        }"#,
        "
        a.test. TXT
        a.test. MX
        ",
        expect![[r#"
            > a.test. TXT
            SERVFAIL not written
              error: record: not a record type, TTL or class: "this is not a record"
            > a.test. MX
            SERVFAIL not written
              error: the template makes no record
        "#]],
    );
}

#[tokio::test]
async fn a_template_that_cannot_be_run_is_an_error() {
    let corefile = r#". {
        template IN A {
            answer "{{ .Missing.Field }} 60 IN A 192.0.2.1"
        }
    }"#;
    let block = Block::build(&[&PLUGIN], corefile).unwrap();
    let transcript = block.ask("a.test. A").await;
    assert!(transcript.contains("executing \"answer\" at <.Missing.Field>: can't evaluate"));
}

#[test]
fn mistakes_are_told_in_words_of_coredns() {
    let refused = |directive: &str| {
        let built = Block::build(&[&PLUGIN], &format!(". {{\n{directive}\n}}"));
        built.err().unwrap().to_string()
    };
    for (directive, message) in [
        ("template", "Wrong argument count or unexpected"),
        ("template IN", "Wrong argument count or unexpected"),
        ("template in A", "invalid query class in"),
        ("template IN TYPE65", "invalid RR class TYPE65"),
        (
            "template IN A {\n match (x\n}",
            "could not parse regex: (x, error parsing regexp: missing closing )",
        ),
        ("template IN A {\n answer\n}", "Wrong argument count"),
        (
            "template IN A {\n answer \"{{ no .Name }}\"\n}",
            "could not compile template: {{ no .Name }}, \
             template: answer:1: function \"no\" not defined",
        ),
        (
            "template IN A {\n rcode nxdomain\n}",
            "unknown rcode nxdomain",
        ),
        (
            "template IN A {\n rcode NXDOMAIN now\n}",
            "Wrong argument count",
        ),
        (
            "template IN A {\n ederror 65536\n}",
            "error parsing extended DNS error code 65536",
        ),
        (
            "template IN A {\n expr 1 +\n}",
            "could not compile expression: unexpected token EOF",
        ),
        (
            "template IN A {\n var 9x 1\n}",
            "invalid variable name \"9x\"",
        ),
        (
            "template IN A {\n var len 1\n}",
            "variable name \"len\" is reserved",
        ),
        (
            "template IN A {\n var x y\n}",
            "could not compile expression: x, unknown name y",
        ),
        ("template IN A {\n ederror 1 2 3\n}", "Wrong argument count"),
    ] {
        let findings = refused(directive);
        assert!(findings.contains(message), "{directive}: {findings}");
    }
    check_diagnostics(
        &[&PLUGIN],
        ". {\n template IN A {\n  anser x\n }\n}",
        expect![[r#"
            Corefile:3:3: plugin/template: Error during parsing: unknown property 'anser'
              3 |   anser x
                |   ^^^^^ did you mean 'answer'?"#]],
    );
}
