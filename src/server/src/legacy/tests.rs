//! Tests of the translation of old forms.

#![expect(clippy::panic, reason = "tests")]

use catena_corefile::{Diagnostics, MemoryEnvironment, parse};
use expect_test::{Expect, expect};

fn check(directives: &str, expected: Expect) {
    let text = format!("example.org {{\n{directives}\n}}\n");
    let read = parse("Corefile", &text, &MemoryEnvironment::default());
    let mut corefile = read.unwrap_or_else(|errors| panic!("{errors}"));
    let findings = super::modernise(&mut corefile.blocks);
    let findings = Diagnostics::new(corefile.sources.clone(), findings);
    let headlines = findings.items().iter().map(|item| findings.headline(item));
    let headlines: Vec<_> = headlines.collect();
    expected.assert_eq(&format!("{corefile}{}\n", headlines.join("\n")));
}

#[test]
fn proxy_becomes_forward() {
    check(
        "proxy . 192.0.2.1:53 resolv.conf {\n policy first\n max_fails 3\n fail_timeout 1s\n \
         health_check /health:8080 5s\n except a b\n spray\n protocol dns force_tcp\n}",
        expect![[r#"
            example.org {
                forward . 192.0.2.1:53 resolv.conf {
                    policy sequential
                    max_fails 3
                    health_check 5s
                    except a b
                    force_tcp
                }
            }
            Corefile:2:1: warning: 'proxy' is deprecated: 'forward' takes its place
        "#]],
    );
    check(
        "proxy . 192.0.2.1",
        expect![[r#"
            example.org {
                forward . 192.0.2.1
            }
            Corefile:2:1: warning: 'proxy' is deprecated: 'forward' takes its place
        "#]],
    );
}

#[test]
fn longest_zone_of_proxies_still_wins() {
    check(
        "proxy . 192.0.2.1\nproxy b.test 192.0.2.2 {\n except x\n}\nproxy a.b.test 192.0.2.3 {\n \
         protocol grpc insecure\n max_fails 1\n}\nproxy c.test 192.0.2.4 {\n \
         protocol grpc ca.pem\n}",
        expect![[r#"
            example.org {
                grpc a.b.test 192.0.2.3
                forward b.test 192.0.2.2 {
                    except x a.b.test
                }
                grpc c.test 192.0.2.4 {
                    tls ca.pem
                }
                forward . 192.0.2.1 {
                    except a.b.test c.test
                }
            }
            Corefile:2:1: warning: 'proxy' is deprecated: 'forward' takes its place
            Corefile:3:1: warning: 'proxy' is deprecated: 'forward' takes its place
            Corefile:6:1: warning: 'proxy' is deprecated: 'grpc' takes its place
            Corefile:10:1: warning: 'proxy' is deprecated: 'grpc' takes its place
        "#]],
    );
}

#[test]
fn proxy_to_google_has_no_successor() {
    check(
        "proxy . 192.0.2.1 {\n protocol https_google\n}",
        expect![[r#"
            example.org {
            }
            Corefile:2:1: Error during parsing: Unknown directive 'proxy'
        "#]],
    );
}

#[test]
fn properties_without_meaning_are_dropped() {
    check(
        "kubernetes cluster.local {\n upstream\n resyncperiod 5m\n pods insecure\n}\n\
         federation cluster.local {\n prod a\n}\nfile db.a {\n upstream 192.0.2.1\n no_reload\n}\n\
         auto {\n no_reload\n}",
        expect![[r#"
            example.org {
                kubernetes cluster.local {
                    pods insecure
                }
                file db.a {
                    reload 0
                }
                auto {
                    reload 0
                }
            }
            Corefile:3:2: warning: kubernetes: 'upstream' is deprecated and does nothing
            Corefile:4:2: warning: kubernetes: 'resyncperiod' is deprecated and does nothing
            Corefile:7:1: warning: 'federation' is deprecated and does nothing
            Corefile:11:2: warning: file: 'upstream' is deprecated and does nothing
            Corefile:12:2: warning: file: 'no_reload' is deprecated
            Corefile:15:2: warning: auto: 'no_reload' is deprecated
        "#]],
    );
}

#[test]
fn transfer_lines_become_a_directive() {
    check(
        "file db.a a.test b.test {\n transfer to 192.0.2.1\n transfer to *\n reload 1s\n}\n\
         secondary {\n transfer from 192.0.2.9\n transfer to 192.0.2.3 192.0.2.4\n}\n\
         kubernetes cluster.local {\n transfer to *\n}",
        expect![[r#"
            example.org {
                file db.a a.test b.test {
                    reload 1s
                }
                secondary {
                    transfer from 192.0.2.9
                }
                kubernetes cluster.local {
                }
                transfer a.test b.test {
                    to 192.0.2.1
                    to *
                }
                transfer {
                    to 192.0.2.3 192.0.2.4
                }
                transfer cluster.local {
                    to *
                }
            }
            Corefile:3:2: warning: file: 'transfer to' is deprecated
            Corefile:4:2: warning: file: 'transfer to' is deprecated
            Corefile:9:2: warning: secondary: 'transfer to' is deprecated
            Corefile:12:2: warning: kubernetes: 'transfer to' is deprecated
        "#]],
    );
}

#[test]
fn forms_of_today_stay_as_they_are() {
    check(
        "file db.a {\n reload 1s\n}\ntransfer {\n to *\n}\nsecondary {\n transfer from 192.0.2.1\n}\
         \nforward . 192.0.2.1",
        expect![[r#"
            example.org {
                file db.a {
                    reload 1s
                }
                transfer {
                    to *
                }
                secondary {
                    transfer from 192.0.2.1
                }
                forward . 192.0.2.1
            }

        "#]],
    );
}
