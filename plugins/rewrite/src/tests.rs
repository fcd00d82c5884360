//! Tests of rewrite.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

const SCRIPT: &str = r#"script {
    cn.example.org. A answer "cn.example.org. 60 IN CNAME real.example.org."
        answer "real.example.org. 60 IN A 192.0.2.1"
        authority "example.org. 60 IN NS ns.example.org."
    mx.example.org. MX answer "MX.Example.org. 60 IN MX 10 real.example.org."
    srv.example.org. SRV answer "srv.example.org. 60 IN SRV 1 2 3 real.example.org."
    naptr.example.org. NAPTR answer "naptr.example.org. 60 IN NAPTR 1 2 s x y real.example.org."
    nx.example.org. * rcode NXDOMAIN
        authority "example.org. 60 IN SOA ns.example.org. boss.example.org. 1 2 3 4 5"
    late.example.org. A after 1s answer "late.example.org. 60 IN A 192.0.2.9"
    gone.example.org. * fail SERVFAIL
    quiet.example.org. * drop
    other.test. A after 1s answer "other.test. 5 IN A 192.0.2.55"
    *.example.org. * aa answer "{qname} 60 IN A 192.0.2.7"
}"#;

fn corefile(rules: &str) -> String {
    format!(". {{\n{rules}\n{SCRIPT}\n}}")
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn names_are_rewritten_and_restored() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            r"rewrite name alias.test cn.example.org
            rewrite name exact LATE.test late.example.org.
            rewrite name suffix .lab.test .example.org answer auto
            rewrite name suffix .raw.test .example.org
            rewrite name prefix old. new. answer auto
            rewrite name substring foo bar
            rewrite name regex ^(.*)-(eu|us)\.test\.$ {1}.{2}.example.org answer auto
            rewrite name regex ^dot\.(.*) x.{1}",
        ),
        "
        ALIAS.test. A
        late.test. A
        cn.lab.test. A
        mx.lab.test. MX
        srv.lab.test. SRV
        naptr.lab.test. NAPTR
        nx.lab.test. A do
        cn.raw.test. A
        old.example.org. A
        x.foo.example.org. A
        web-eu.test. A
        dot.test. A
        plain.example.org. A
        ",
        expect![[r#"
            > ALIAS.test. A
              script saw cn.example.org. A
            NOERROR rd
              answer alias.test. 60 IN CNAME real.example.org.
              answer real.example.org. 60 IN A 192.0.2.1
              authority example.org. 60 IN NS ns.example.org.
            > late.test. A
              script saw late.example.org. A
            NOERROR rd
              answer late.test. 60 IN A 192.0.2.9
            > cn.lab.test. A
              script saw cn.example.org. A
            NOERROR rd
              answer cn.lab.test. 60 IN CNAME real.lab.test.
              answer real.lab.test. 60 IN A 192.0.2.1
              authority example.org. 60 IN NS ns.lab.test.
            > mx.lab.test. MX
              script saw mx.example.org. MX
            NOERROR rd
              answer MX.lab.test. 60 IN MX 10 real.lab.test.
            > srv.lab.test. SRV
              script saw srv.example.org. SRV
            NOERROR rd
              answer srv.lab.test. 60 IN SRV 1 2 3 real.lab.test.
            > naptr.lab.test. NAPTR
              script saw naptr.example.org. NAPTR
            NOERROR rd
              answer naptr.lab.test. 60 IN NAPTR 1 2 "s" "x" "y" real.lab.test.
            > nx.lab.test. A do
              script saw nx.example.org. A edns=1232 do
            NXDOMAIN rd
              authority example.org. 60 IN SOA ns.lab.test. boss.example.org. 1 2 3 4 5
              opt edns=1232 do
            > cn.raw.test. A
              script saw cn.example.org. A
            NOERROR rd
              answer cn.example.org. 60 IN CNAME real.example.org.
              answer real.example.org. 60 IN A 192.0.2.1
              authority example.org. 60 IN NS ns.example.org.
            > old.example.org. A
              script saw new.example.org. A
            NOERROR aa rd
              answer old.example.org. 60 IN A 192.0.2.7
            > x.foo.example.org. A
              script saw x.bar.example.org. A
            NOERROR aa rd
              answer x.bar.example.org. 60 IN A 192.0.2.7
            > web-eu.test. A
              script saw web.eu.example.org. A
            NOERROR aa rd
              answer web-eu.test. 60 IN A 192.0.2.7
            > dot.test. A
            SERVFAIL not written
              error: invalid name after rewrite: x.test..
            > plain.example.org. A
              script saw plain.example.org. A
            NOERROR aa rd
              answer plain.example.org. 60 IN A 192.0.2.7
        "#]],
    );
}

#[test]
fn answer_rules_change_owners_and_values() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            r"rewrite stop {
                name regex (.*)\.tea\.test {1}.example.org
                answer name (.*)\.example\.org {1}.tea.test
                value (.*)\.example\.org {1}.cup.test
            }
            rewrite stop {
                name exact in.test mx.example.org
                answer value real\.example\.org out.test
            }",
        ),
        "
        cn.tea.test. A
        mx.tea.test. MX
        in.test. MX
        ",
        expect![[r#"
            > cn.tea.test. A
              script saw cn.example.org. A
            NOERROR rd
              answer cn.tea.test. 60 IN CNAME real.cup.test.
              answer real.tea.test. 60 IN A 192.0.2.1
              authority example.org. 60 IN NS ns.cup.test.
            > mx.tea.test. MX
              script saw mx.example.org. MX
            NOERROR rd
              answer MX.Example.org. 60 IN MX 10 real.cup.test.
            > in.test. MX
              script saw mx.example.org. MX
            NOERROR rd
              answer in.test. 60 IN MX 10 out.test.
        "#]],
    );
}

#[test]
fn rules_go_on_only_if_they_say_so() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "rewrite continue name a.test b.test
            rewrite continue name b.test c.example.org
            rewrite name c.example.org d.example.org
            rewrite name d.example.org e.example.org",
        ),
        "
        a.test. A
        b.test. A
        d.example.org. A
        ",
        expect![[r#"
            > a.test. A
              script saw d.example.org. A
            NOERROR aa rd
              answer a.test. 60 IN A 192.0.2.7
            > b.test. A
              script saw d.example.org. A
            NOERROR aa rd
              answer b.test. 60 IN A 192.0.2.7
            > d.example.org. A
              script saw e.example.org. A
            NOERROR aa rd
              answer d.example.org. 60 IN A 192.0.2.7
        "#]],
    );
}

#[test]
fn types_and_classes_are_put_back() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "rewrite continue type MX A
            rewrite class CH IN",
        ),
        "
        x.example.org. MX
        x.example.org. TXT CH
        gone.example.org. A
        ",
        expect![[r#"
            > x.example.org. MX
              script saw x.example.org. A
            NOERROR aa rd
              answer x.example.org. 60 IN A 192.0.2.7
            > x.example.org. TXT CH
              script saw x.example.org. TXT
            NOERROR aa rd
              answer x.example.org. 60 IN A 192.0.2.7
            > gone.example.org. A
              script saw gone.example.org. A
            SERVFAIL not written
        "#]],
    );
}

#[test]
fn ttls_and_codes_are_those_of_the_rules() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "rewrite continue ttl suffix .example.org 30-50
            rewrite continue ttl exact max.example.org -20
            rewrite continue ttl substring min 100-
            rewrite continue ttl regex ^zero[.] 0
            rewrite continue rcode regex ^nx NXDOMAIN NOERROR
            rewrite rcode gone.example.org servfail 5",
        ),
        "
        a.example.org. A
        max.example.org. A
        x.min.example.org. A
        zero.example.org. A
        nx.example.org. A
        gone.example.org. A
        quiet.example.org. A
        ",
        expect![[r#"
            > a.example.org. A
              script saw a.example.org. A
            NOERROR aa rd
              answer a.example.org. 50 IN A 192.0.2.7
            > max.example.org. A
              script saw max.example.org. A
            NOERROR aa rd
              answer max.example.org. 30 IN A 192.0.2.7
            > x.min.example.org. A
              script saw x.min.example.org. A
            NOERROR aa rd
              answer x.min.example.org. 50 IN A 192.0.2.7
            > zero.example.org. A
              script saw zero.example.org. A
            NOERROR aa rd
              answer zero.example.org. 30 IN A 192.0.2.7
            > nx.example.org. A
              script saw nx.example.org. A
            NOERROR rd
              authority example.org. 50 IN SOA ns.example.org. boss.example.org. 1 2 3 4 5
            > gone.example.org. A
              script saw gone.example.org. A
            REFUSED rd
            > quiet.example.org. A
              script saw quiet.example.org. A
            silence
        "#]],
    );
}

/// Asks with and without the option, and prints all that is seen of it.
async fn options(rules: &str) -> String {
    let block = Block::build(&[&PLUGIN], &corefile(rules)).unwrap();
    let mut text = String::new();
    for question in [
        "Va.example.org. A",
        "a.example.org. A edns=1232 option=65518:aa option=8:000108000a",
        "a.example.org. A do from=[2001:db8:ffff:ffff::1]:7",
    ] {
        let transcript = block.ask(question).await;
        let lines = transcript.lines().map(str::trim);
        for line in lines.filter(|line| line.contains("edns=")) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[tokio::test]
async fn options_of_the_query_are_changed() {
    expect![[r#"
        script saw Va.example.org. A edns=4096 option=65518:6869
        opt edns=4096 option=65518:6869
        script saw a.example.org. A edns=1232 option=65518:6869 option=8:000108000a
        opt edns=1232 option=65518:6869
        script saw a.example.org. A edns=1232 do option=65518:6869
        opt edns=1232 do option=65518:6869
    "#]]
    .assert_eq(&options("rewrite edns0 local set 0xffee hi").await);
    expect![[r#"
        script saw Va.example.org. A edns=4096 option=65518:78
        opt edns=4096 option=65518:78
        script saw a.example.org. A edns=1232 option=65518:aa option=8:000108000a option=65518:78
        opt edns=1232 option=65518:aa option=65518:78
        script saw a.example.org. A edns=1232 do option=65518:78
        opt edns=1232 do option=65518:78
    "#]]
    .assert_eq(&options("rewrite edns0 local append 65518 x").await);
    expect![[r#"
        script saw Va.example.org. A edns=4096
        opt edns=4096
        script saw a.example.org. A edns=1232 option=65518:0001 option=8:000108000a
        opt edns=1232 option=65518:0001
        script saw a.example.org. A edns=1232 do
        opt edns=1232 do
    "#]]
    .assert_eq(&options("rewrite edns0 local replace 0xffee {qtype}").await);
    expect![[r#"
        script saw Va.example.org. A edns=4096
        opt edns=4096
        script saw a.example.org. A edns=1232 option=8:000108000a
        opt edns=1232
        script saw a.example.org. A edns=1232 do
        opt edns=1232 do
    "#]]
    .assert_eq(&options("rewrite edns0 local unset 0xffee").await);
    expect![[r#"
        script saw Va.example.org. A edns=4096 option=3:
        opt edns=4096 option=3:
        script saw a.example.org. A edns=1232 option=65518:aa option=8:000108000a option=3:
        opt edns=1232 option=3:
        script saw a.example.org. A edns=1232 do option=3:
        opt edns=1232 do option=3:
    "#]]
    .assert_eq(&options("rewrite edns0 nsid set").await);
    expect![[r#"
        script saw Va.example.org. A edns=4096 option=8:000114000af000
        opt edns=4096
        script saw a.example.org. A edns=1232 option=65518:aa option=8:000114000af000
        opt edns=1232
        script saw a.example.org. A edns=1232 do option=8:0002380020010db8ffffff
        opt edns=1232 do
    "#]]
    .assert_eq(&options("rewrite edns0 subnet set 20 56").await);
    expect![[r#"
        script saw Va.example.org. A edns=4096 option=8:000114000af000
        opt edns=4096
        script saw a.example.org. A edns=1232 option=65518:aa option=8:000108000a
        opt edns=1232
        script saw a.example.org. A edns=1232 do option=8:0002380020010db8ffffff
        opt edns=1232 do
    "#]]
    .assert_eq(&options("rewrite edns0 subnet append 20 56").await);
}

#[tokio::test]
async fn variables_are_filled_in() {
    let rules = "rewrite continue edns0 local set 0xff01 {qname}
        rewrite continue edns0 local set 0xff02 {client_ip}
        rewrite continue edns0 local set 0xff03 {protocol}
        rewrite continue edns0 local set 0xff04 {client_port}
        rewrite continue edns0 local set 0xff05 {server_port}
        rewrite continue edns0 local set 0xff06 {server_ip}
        rewrite edns0 local set 0xff07 {no/label}";
    let seen = options(rules).await;
    let seen = seen.lines().find(|line| line.starts_with("script saw"));
    expect![[r#"
        script saw Va.example.org. A edns=4096
        option=65281:56612e6578616d706c652e6f72672e
        option=65282:0af00001
        option=65283:756470
        option=65284:9d14
        option=65285:0035"#]]
    .assert_eq(&seen.unwrap().replace(" option", "\noption"));
}

#[tokio::test]
async fn options_in_the_reply_are_put_back() {
    expect![[r#"
        script saw Va.example.org. A edns=4096 option=65518:6869
        opt edns=4096
        script saw a.example.org. A edns=1232 option=65518:6869 option=8:000108000a
        opt edns=1232 option=65518:aa
        script saw a.example.org. A edns=1232 do option=65518:6869
        opt edns=1232 do
    "#]]
    .assert_eq(&options("rewrite edns0 local set 0xffee hi revert").await);
    expect![[r#"
        script saw Va.example.org. A edns=4096 option=3:
        opt edns=4096
        script saw a.example.org. A edns=1232 option=65518:aa option=8:000108000a option=3:
        opt edns=1232
        script saw a.example.org. A edns=1232 do option=3:
        opt edns=1232 do
    "#]]
    .assert_eq(&options("rewrite edns0 nsid append revert").await);
}

#[tokio::test]
async fn an_error_that_no_plugin_wrote_has_the_options_too() {
    let rules = "rewrite continue edns0 local set 0xffee hi";
    let block = Block::build(&[&PLUGIN], &corefile(rules)).unwrap();
    let said = block.ask("gone.example.org. A").await;
    assert!(said.contains("edns=4096 option=65518:6869"), "{said}");
}

#[test]
fn an_alias_is_redirected_by_all_rules_one_after_the_other() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "rewrite continue cname prefix real other
            rewrite cname suffix .example.org. .test.",
        ),
        "
        cn.example.org. A
        ",
        expect![[r#"
            > cn.example.org. A
              script saw cn.example.org. A
              script saw other.test. A
            NOERROR rd
              answer cn.example.org. 60 IN CNAME other.test.
              answer other.test. 5 IN A 192.0.2.55
              authority example.org. 60 IN NS ns.example.org.
        "#]],
    );
}

#[test]
fn an_alias_gets_another_target() {
    check_chain(
        &[&PLUGIN],
        &corefile(
            "rewrite continue cname suffix .example.org. .test.
            rewrite continue cname exact real.example.org other.test
            rewrite cname regex ^never$ x",
        ),
        "
        cn.example.org. A
        mx.example.org. MX
        ",
        expect![[r#"
            > cn.example.org. A
              script saw cn.example.org. A
              script saw other.test. A
            NOERROR rd
              answer cn.example.org. 60 IN CNAME other.test.
              answer other.test. 5 IN A 192.0.2.55
              authority example.org. 60 IN NS ns.example.org.
            > mx.example.org. MX
              script saw mx.example.org. MX
            NOERROR rd
              answer MX.Example.org. 60 IN MX 10 real.example.org.
        "#]],
    );
}

#[test]
fn mistakes_are_told_in_words_of_coredns() {
    for (rule, message) in [
        ("", "no rule type specified for rewrite"),
        ("name", "too few arguments for a name rule"),
        ("continue", "continue rule must begin with a rule type"),
        (
            "answer auto",
            "response rewrites must begin with a name rule",
        ),
        ("bogus a b", "invalid rule type \"bogus\""),
        ("name fuzzy a b", "regex name matching, received: fuzzy"),
        ("name regex ( b", "invalid regex matching pattern: ("),
        (
            "name regex .*a {1}b",
            "uses more subexpressions than its corresponding",
        ),
        (
            "name regex (.*)a {1}b answer",
            "invalid arguments for regex rule",
        ),
        (
            "name suffix a b x y",
            "exceeded the number of arguments for a non-answer rule",
        ),
        (
            "name suffix a b answer type x y",
            "invalid type \"type\" for answer rule",
        ),
        (
            "name suffix a b answer auto answer name x y",
            "auto name answer rule cannot be",
        ),
        ("name suffix a b answer name x", "2 arguments required"),
        ("type ANY", "type rules must have exactly two arguments"),
        ("class IN XX", "invalid class \"XX\""),
        ("ttl a", "too few (1) arguments for a ttl rule"),
        ("ttl a -", "invalid TTL '-' for a ttl rule"),
        ("ttl a 100-50", "invalid TTL '100-50' for a ttl rule"),
        ("ttl fuzzy a 5", "ttl rule supports only exact"),
        (
            "rcode a 24 0",
            "invalid matching RCODE '24' for a rcode rule",
        ),
        (
            "rcode regex (.* 3 0",
            "invalid regex pattern in a rcode rule: (.*",
        ),
        ("cname a", "too few (1) arguments for a cname rule"),
        ("cname fuzzy a b", "unknown cname rewrite type: fuzzy"),
        ("edns0 local", "too few arguments for an EDNS0 rule"),
        (
            "edns0 local set",
            "EDNS0 local rules require three or four args",
        ),
        (
            "edns0 local set 70000 x",
            "parsing \"70000\": value out of range",
        ),
        (
            "edns0 local set 1 0xZZ",
            "encoding/hex: invalid byte: U+005A 'Z'",
        ),
        (
            "edns0 local set 1 0xABC",
            "encoding/hex: odd length hex string",
        ),
        (
            "edns0 local set 1 {bad}",
            "unsupported variable name \"{bad}\"",
        ),
        ("edns0 local explode 1 x", "invalid action: \"explode\""),
        (
            "edns0 nsid unset x",
            "nsid unset action requires exactly one argument",
        ),
        (
            "edns0 subnet set 24 129",
            "invalid IPv6 bit mask length 129",
        ),
        ("edns0 cookie set x", "invalid rule type \"cookie\""),
    ] {
        let corefile = format!(". {{\nrewrite {rule}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
}
