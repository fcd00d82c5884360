//! What is known of an upstream's health, and the checks that find out more.
//!
//! An upstream is *down* after more failed checks than `max_fails`, as in CoreDNS. Besides, it
//! is *silent* once a query and the check sent after it both stayed without an answer for many
//! times its usual round trip: then it is passed over at once, not after seconds. Any reply to
//! anything makes it healthy again.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use catena_plugin::clock::{self, Instant};
use tokio::sync::Notify;

/// The wait for an upstream whose round trip is not known yet (Unbound waits as long).
const UNKNOWN: Duration = Duration::from_millis(376);
const WAIT_MIN: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(1);
/// A check is unanswered for so long before the upstream counts as silent.
const SILENCE_MIN: Duration = Duration::from_millis(100);
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// The health of one upstream.
#[derive(Debug)]
pub(crate) struct Health {
    /// Failed checks in a row that are borne; `None` if no upstream is ever down.
    max_fails: Option<u32>,
    fails: AtomicU32,
    /// A query waits for longer than usual, and a check is on its way.
    suspect: AtomicBool,
    silent: AtomicBool,
    checking: AtomicBool,
    wake: Notify,
    since: Instant,
    /// Microseconds from `since` to the last reply.
    heard: AtomicU64,
    /// Smoothed round trip and its variation in microseconds, RFC 6298; 0 while unknown.
    round_trip: AtomicU64,
}

impl Health {
    /// A healthy upstream; `max_fails` 0 keeps it healthy for good.
    pub fn new(max_fails: u32) -> Self {
        Health {
            max_fails: (max_fails > 0).then_some(max_fails),
            fails: AtomicU32::new(0),
            suspect: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            checking: AtomicBool::new(false),
            wake: Notify::new(),
            since: clock::now(),
            heard: AtomicU64::new(0),
            round_trip: AtomicU64::new(0),
        }
    }

    /// Whether it is passed over as long as another is up.
    pub fn is_down(&self) -> bool {
        let failed = |max| self.fails.load(Relaxed) > max;
        self.max_fails.is_some_and(failed) || self.silent.load(Relaxed)
    }

    /// Whether a query waits for it longer than usual.
    pub fn is_suspect(&self) -> bool {
        self.suspect.load(Relaxed)
    }

    /// Notes a reply, `now`, to what was sent at `sent`.
    pub fn heard(&self, sent: Instant, now: Instant) {
        self.heard.store(micros(now - self.since), Relaxed);
        self.learn(now - sent);
        if self.fails.load(Relaxed) != 0 {
            self.fails.store(0, Relaxed);
        }
        if self.suspect.load(Relaxed) {
            self.suspect.store(false, Relaxed);
        }
        if self.silent.load(Relaxed) {
            self.silent.store(false, Relaxed);
        }
    }

    /// Whether a reply came since `sent`.
    fn heard_since(&self, sent: Instant) -> bool {
        self.heard.load(Relaxed) > micros(sent - self.since)
    }

    /// How long an answer may take before another upstream is asked too.
    pub fn usual_wait(&self) -> Duration {
        match unpack(self.round_trip.load(Relaxed)) {
            (0, _) => UNKNOWN,
            (smooth, variation) => {
                let wait = u64::from(smooth) + 4 * u64::from(variation);
                Duration::from_micros(wait).clamp(WAIT_MIN, WAIT_MAX)
            }
        }
    }

    /// How long a check may take before the upstream counts as silent.
    pub fn silence(&self) -> Duration {
        (self.usual_wait() * 2).clamp(SILENCE_MIN, SILENCE_MAX)
    }

    /// Updates the round trip by one that was measured, RFC 6298 section 2.
    fn learn(&self, measured: Duration) {
        let measured = u32::try_from(measured.as_micros())
            .unwrap_or(u32::MAX / 8)
            .max(1);
        // Two workers may lose an update to each other: it is an estimate.
        let updated = match unpack(self.round_trip.load(Relaxed)) {
            (0, _) => (measured, measured / 2),
            (smooth, variation) => {
                let off = smooth.abs_diff(measured);
                (
                    smooth - smooth / 8 + measured / 8,
                    variation - variation / 4 + off / 4,
                )
            }
        };
        self.round_trip.store(pack(updated), Relaxed);
    }

    /// A query sent at `sent` waits for longer than usual: checks, unless others are answered.
    pub fn suspected(&self, sent: Instant) {
        if self.max_fails.is_some() && !self.heard_since(sent) {
            self.suspect.store(true, Relaxed);
            self.check();
        }
    }

    /// A query failed: checks until the upstream answers.
    pub fn failed(&self) {
        if self.max_fails.is_some() {
            self.check();
        }
    }

    fn check(&self) {
        if !self.checking.swap(true, Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Waits until somebody wants the upstream checked.
    pub async fn wanted(&self) {
        self.wake.notified().await;
    }

    /// A check stays unanswered for longer than a healthy upstream takes.
    pub fn is_silent_to_check(&self) {
        self.silent.store(true, Relaxed);
    }

    /// A check failed.
    pub fn check_failed(&self) {
        let count = self.fails.load(Relaxed).saturating_add(1);
        self.fails.store(count, Relaxed);
    }

    /// The upstream is well again; a later failure is checked again.
    pub fn check_ended(&self) {
        self.checking.store(false, Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn pack((smooth, variation): (u32, u32)) -> u64 {
    u64::from(smooth.max(1)) << 32 | u64::from(variation)
}

fn unpack(packed: u64) -> (u32, u32) {
    let half = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0);
    (half(packed >> 32), half(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wait_follows_the_round_trip_within_bounds() {
        let health = Health::new(2);
        assert_eq!(health.usual_wait(), UNKNOWN);
        let sent = clock::now();
        for _ in 0..50 {
            health.heard(sent, sent + Duration::from_millis(1));
        }
        assert_eq!(health.usual_wait(), WAIT_MIN);
        for _ in 0..50 {
            health.heard(sent, sent + Duration::from_millis(200));
        }
        let wait = health.usual_wait();
        assert!(
            wait > Duration::from_millis(190) && wait < Duration::from_millis(260),
            "{wait:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn upstream_is_down_after_more_failed_checks_than_allowed_and_up_after_a_reply() {
        let health = Health::new(1);
        health.check_failed();
        assert!(!health.is_down());
        health.check_failed();
        assert!(health.is_down());
        health.heard(clock::now(), clock::now());
        assert!(!health.is_down());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_suspected_who_answers_others_or_is_never_checked() {
        let health = Health::new(2);
        let sent = clock::now();
        tokio::time::advance(Duration::from_millis(5)).await;
        health.heard(sent, clock::now());
        health.suspected(sent);
        assert!(!health.is_suspect());
        let later = clock::now();
        health.suspected(later);
        assert!(health.is_suspect());

        let unchecked = Health::new(0);
        unchecked.suspected(later);
        unchecked.check_failed();
        assert!(!unchecked.is_suspect() && !unchecked.is_down());
    }
}
