//! Tests of `reload`; what it does to a running server is tested on the built binary.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use catena_plugin::{Control, Stage};
use catena_testing::check_diagnostics;
use expect_test::expect;
use parking_lot::Mutex;

use super::{MIN_INTERVAL, PLUGIN, spread, watch};

#[test]
fn interval_stays_within_half_the_jitter() {
    for _ in 0..100 {
        let interval = spread(Duration::from_secs(30), Duration::from_secs(15));
        assert!(interval >= Duration::from_millis(22_500));
        assert!(interval <= Duration::from_millis(37_500));
    }
    assert_eq!(spread(MIN_INTERVAL, Duration::ZERO), MIN_INTERVAL);
}

#[test]
fn short_intervals_are_refused() {
    check_diagnostics(
        &[&PLUGIN],
        ". {\n    reload 1s\n}\n",
        expect![[r#"
            Corefile:2:5: plugin/reload: interval value must be greater or equal to 2s
              2 |     reload 1s
                |     ^^^^^^"#]],
    );
}

#[test]
fn jitter_below_a_second_is_refused() {
    check_diagnostics(
        &[&PLUGIN],
        ". {\n    reload 10s 500ms\n}\n",
        expect![[r#"
            Corefile:2:5: plugin/reload: jitter value must be 0 or greater or equal to 1s
              2 |     reload 10s 500ms
                |     ^^^^^^"#]],
    );
}

/// A process whose Corefile changes from look to look, and then stays as it is.
struct Edited {
    looks: Mutex<VecDeque<&'static str>>,
    running: Mutex<String>,
    refuses: bool,
    reloads: Mutex<Vec<String>>,
}

impl Edited {
    fn new(looks: &[&'static str], refuses: bool) -> Arc<Edited> {
        Arc::new(Edited {
            looks: Mutex::new(looks.iter().copied().collect()),
            running: Mutex::new("old".to_owned()),
            refuses,
            reloads: Mutex::default(),
        })
    }

    /// What was there to be read at each reload of the first minute.
    async fn reloads(self: &Arc<Self>) -> Vec<String> {
        let control: Arc<dyn Control> = Arc::clone(self) as _;
        let minute = Duration::from_secs(60);
        let _for_ever = tokio::time::timeout(minute, watch(control, MIN_INTERVAL)).await;
        self.reloads.lock().clone()
    }
}

impl Control for Edited {
    fn running(&self) -> Option<String> {
        Some(self.running.lock().clone())
    }

    fn on_disk(&self) -> Result<String, String> {
        let mut looks = self.looks.lock();
        let now = looks.front().copied().unwrap_or_default();
        if looks.len() > 1 {
            looks.pop_front();
        }
        match now {
            "broken" => Err("a brace is missing".to_owned()),
            text => Ok(text.to_owned()),
        }
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        let text = self.looks.lock().front().copied().unwrap_or_default();
        self.reloads.lock().push(text.to_owned());
        if self.refuses {
            return Box::pin(std::future::ready(Err("no".to_owned())));
        }
        *self.running.lock() = text.to_owned();
        Box::pin(std::future::ready(Ok(())))
    }

    fn fail(&self, _: String) {}

    fn parts(&self) -> Vec<Stage> {
        Vec::new()
    }
}

#[tokio::test(start_paused = true)]
async fn a_corefile_that_is_still_being_written_is_not_taken_up() {
    let edited = Edited::new(
        &["old", "ne", "new", "new x", "new xy", "broken", "new xyz"],
        false,
    );
    assert_eq!(edited.reloads().await, ["new xyz"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_corefile_is_tried_once_and_the_next_one_again() {
    let edited = Edited::new(&["bad", "bad", "bad", "bad", "bad", "worse"], true);
    assert_eq!(edited.reloads().await, ["bad", "worse"]);
    let edited = Edited::new(&["broken"], false);
    assert!(edited.reloads().await.is_empty());
}
