//! Which pages there are, and what the Corefile may say.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_http::{Answer, Asked, Page};
use catena_testing::{check_diagnostics, expect, plugin_contract};

use crate::{PLUGIN, pages};

#[test]
fn it_keeps_the_promises_of_a_plugin() {
    plugin_contract(&PLUGIN);
}

async fn fetch(path: &str) -> Option<Page> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let asked = Asked {
        path: path.to_owned(),
        query: query.to_owned(),
    };
    match pages::answer(&asked)? {
        Answer::Now(page) => Some(page),
        Answer::Later(page) => Some(page.await),
    }
}

#[tokio::test]
async fn pages_are_where_the_tool_looks_for_them() {
    for (path, status) in [
        ("/debug/pprof", 302),
        ("/debug/pprof/", 200),
        ("/debug/pprof/cmdline", 200),
        ("/debug/pprof/goroutine", 200),
        ("/debug/pprof/symbol", 200),
        ("/debug/pprof/trace", 501),
        ("/debug/pprof/nothing", 404),
        ("/debug/pprof/profile?seconds=0", 400),
    ] {
        let page = fetch(path).await.unwrap();
        assert_eq!(page.status, status, "{path}");
    }
    assert!(fetch("/debug").await.is_none());
    let threads = fetch("/debug/pprof/goroutine").await.unwrap().body;
    assert!(threads.starts_with(b"thread "));
}

#[tokio::test]
async fn one_cpu_profile_is_made_at_a_time() {
    let path = "/debug/pprof/profile?seconds=1";
    let (first, second) = tokio::join!(fetch(path), fetch(path));
    assert_eq!(second.unwrap().status, 500);
    let first = first.unwrap();
    assert_eq!(
        (first.status, first.content_type),
        (200, "application/octet-stream")
    );
    // The first field of the message is a sample type, a nested message.
    assert_eq!(first.body.first(), Some(&0x0a));
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    let corefile = ". {
    pprof :6053 {
        block x
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:15: plugin/pprof: property 'block' invalid integer value 'x'
          3 |         block x
            |               ^"#]],
    );
}
