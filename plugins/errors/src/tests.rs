//! What is logged, when, and what the Corefile may say.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use catena_testing::{Block, check_diagnostics, expect, plugin_contract};
use regex::Regex;

use crate::PLUGIN;
use crate::pattern::{First, Level, Pattern};

#[test]
fn it_keeps_the_promises_of_a_plugin() {
    plugin_contract(&PLUGIN);
}

fn pattern(first: First) -> Pattern {
    let regex = Regex::new("refused$").unwrap();
    Pattern::new(regex, Duration::from_secs(30), Level::Warning, first)
}

#[test]
fn the_first_error_is_left_to_the_caller_only_if_it_is_to_be_shown() {
    let joined = pattern(First::Joined);
    assert!(joined.matches("connection refused") && !joined.matches("refused it"));
    assert!(joined.count() && joined.count());
    let shown = pattern(First::Shown);
    assert!(!shown.count());
    assert!(shown.count());
}

#[test]
fn errors_after_the_stop_are_logged_one_by_one() {
    let pattern = pattern(First::Joined);
    pattern.stop();
    assert!(!pattern.count());
}

#[test]
fn stacktrace_is_told_to_the_server() {
    let block = Block::build(&[&PLUGIN], ". {\n errors {\n stacktrace\n }\n}").unwrap();
    assert!(block.config().stacktrace);
    let refused = Block::build(&[&PLUGIN], ". {\n errors {\n stacktrace now\n }\n}").err();
    let words = "'stacktrace' takes no such argument";
    assert!(refused.unwrap().to_string().contains(words));
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    let corefile = ". {
    errors stderr
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:2:12: plugin/errors: invalid log file: stderr
          2 |     errors stderr
            |            ^^^^^^ errors always go to standard output"#]],
    );
    let corefile = ". {
    errors {
        consolidate 5m .* show_first warning
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:38: plugin/errors: log level must come before show_first in consolidate
          3 |         consolidate 5m .* show_first warning
            |                                      ^^^^^^^"#]],
    );
    let corefile = ". {
    errors {
        consolidate 5m \"(unclosed\"
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:24: plugin/errors: error parsing regexp: unclosed group
          3 |         consolidate 5m "(unclosed"
            |                        ^^^^^^^^^^^"#]],
    );
}
