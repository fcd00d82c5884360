//! Tests of `reload`; what it does to a running server is tested on the built binary.

use std::time::Duration;

use catena_testing::check_diagnostics;
use expect_test::expect;

use super::{MIN_INTERVAL, PLUGIN, spread};

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
