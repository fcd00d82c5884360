//! Health checks: sent when an upstream fails or is silent, until it answers again.

use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Message, RecordType, flag};
use catena_plugin::clock;

use crate::config::{Checks, Transport};
use crate::upstream::{Question, Upstream, Way};

/// How long a check may take before it has failed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Checks are never closer together than this.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The pause doubles up to so many times the interval.
const BACK_OFF: u32 = 4;

/// Checks `upstream` whenever somebody wants it checked; runs as long as its generation.
pub(crate) async fn watch(upstream: Arc<Upstream>, checks: Checks, transport: Transport) {
    let mut query = Message::query(checks.domain.view(), RecordType::NS);
    if !checks.recursion_desired {
        query.flags &= !flag::RD;
    }
    let query = query.to_packet();
    let way = if transport.force_tcp {
        Way::Tcp
    } else {
        Way::Udp
    };
    loop {
        upstream.health.wanted().await;
        let pause_max = (checks.interval * BACK_OFF).max(PAUSE_MIN);
        let mut pause = checks.interval.max(PAUSE_MIN);
        while !check(&upstream, &query, way).await {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(pause_max);
        }
        upstream.health.check_ended();
    }
}

/// Sends one check; true if it was answered, whatever the answer says.
async fn check(upstream: &Upstream, query: &[u8], way: Way) -> bool {
    let deadline = clock::now() + PATIENCE;
    let udp_limit = usize::from(u16::MAX);
    let asked = upstream.check(Question {
        packet: query,
        way,
        udp_limit,
        deadline,
    });
    tokio::pin!(asked);
    let answered = match tokio::time::timeout(upstream.health.silence(), &mut asked).await {
        Ok(answered) => answered,
        Err(_) => {
            upstream.health.is_silent_to_check();
            asked.await
        }
    };
    if !answered {
        upstream.health.check_failed();
        upstream.metrics.check_failed();
    }
    answered
}
