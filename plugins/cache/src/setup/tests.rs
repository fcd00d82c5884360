//! What the directive means and which mistakes it names.

use catena_testing::{check_diagnostics, expect};

use super::Prefetch;
use crate::PLUGIN;

#[test]
fn the_threshold_of_prefetch_is_rounded_up() {
    let prefetch = |percentage| Prefetch {
        amount: 1,
        window: std::time::Duration::ZERO,
        percentage,
    };
    assert_eq!(prefetch(10).threshold(5), 1);
    assert_eq!(prefetch(90).threshold(10), 9);
    assert_eq!(prefetch(10).threshold(u32::MAX), 429_496_730);
}

fn check(property: &str, expect: catena_testing::Expect) {
    let corefile = format!(". {{\n    cache {{\n        {property}\n    }}\n}}\n");
    check_diagnostics(&[&PLUGIN], &corefile, expect);
}

#[test]
fn numbers_have_their_bounds() {
    check(
        "success 100 0",
        expect![[r#"
        Corefile:3:21: plugin/cache: cache TTL can not be zero or negative: 0
          3 |         success 100 0
            |                     ^"#]],
    );
    check(
        "denial 100 30 -2",
        expect![[r#"
        Corefile:3:23: plugin/cache: cache min TTL can not be negative: -2
          3 |         denial 100 30 -2
            |                       ^^"#]],
    );
    check(
        "prefetch 1 1m 9%",
        expect![[r#"
        Corefile:3:23: plugin/cache: percentage should fall in range [10, 90]: 9
          3 |         prefetch 1 1m 9%
            |                       ^^"#]],
    );
    check(
        "prefetch 1 1m 50",
        expect![[r#"
        Corefile:3:23: plugin/cache: last character of percentage should be `%`, but is: '0'
          3 |         prefetch 1 1m 50
            |                       ^^ write '50%'"#]],
    );
}

#[test]
fn stale_answers_have_their_bounds() {
    check(
        "serve_stale -1h",
        expect![[r#"
        Corefile:3:21: plugin/cache: invalid negative duration for serve_stale: -1h
          3 |         serve_stale -1h
            |                     ^^^"#]],
    );
    check(
        "serve_stale 1h maybe",
        expect![[r#"
        Corefile:3:24: plugin/cache: invalid value for serve_stale refresh mode: maybe
          3 |         serve_stale 1h maybe
            |                        ^^^^^ it is 'immediate' or 'verify'"#]],
    );
    check(
        "serve_stale 1h verify 1s 1500ms",
        expect![[r#"
        Corefile:3:34: plugin/cache: serve_stale response TTL must be a whole number of seconds
          3 |         serve_stale 1h verify 1s 1500ms
            |                                  ^^^^^^"#]],
    );
    check(
        "serve_stale 1h immediate 30s 6m",
        expect![[r#"
        Corefile:3:38: plugin/cache: serve_stale failure recheck cannot exceed 5 minutes
          3 |         serve_stale 1h immediate 30s 6m
            |                                      ^^"#]],
    );
    check(
        "serve_stale_policy prefer_positive",
        expect![[r#"
        Corefile:3:9: plugin/cache: serve_stale_policy requires serve_stale
          3 |         serve_stale_policy prefer_positive
            |         ^^^^^^^^^^^^^^^^^^ add a line 'serve_stale'"#]],
    );
}

#[test]
fn unknown_properties_are_named() {
    check(
        "prefech 1",
        expect![[r#"
            Corefile:3:9: plugin/cache: Error during parsing: unknown property 'prefech'
              3 |         prefech 1
                |         ^^^^^^^ did you mean 'prefetch'?"#]],
    );
    check(
        "disable everything",
        expect![[r#"
        Corefile:3:17: plugin/cache: cache type for disable must be "success" or "denial"
          3 |         disable everything
            |                 ^^^^^^^^^^"#]],
    );
}

#[test]
fn every_form_of_serve_stale_is_taken() {
    for property in [
        "serve_stale",
        "serve_stale 0s",
        "serve_stale 1h VERIFY",
        "serve_stale 1h verify 200ms 30s 10s",
        "serve_stale 1h immediate 30s 10s",
        "serve_stale 1h immediate 5m",
        "success -5",
        "success 99999999999999 99999999999999",
        "prefetch 0",
    ] {
        check(property, expect![[""]]);
    }
}
