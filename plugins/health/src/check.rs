//! The process asks its own endpoint, to notice when it is too busy to answer.

use std::io;
use std::time::Duration;

use catena_plugin::{clock, duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use crate::{PATH, metrics};

const PERIOD: Duration = Duration::from_secs(1);
/// Longer than this is told; it is the machine's own endpoint.
const SLOW: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(3);
/// Octets of an answer that are read.
const ANSWER_MAX: u64 = 1024;

/// Asks the endpoint at `authority` once a second and notes how long it takes.
pub(crate) async fn check_each_second(authority: String) {
    let (took, failures) = (metrics::DURATION.with(&[]), metrics::FAILURES.with(&[]));
    let mut ticks = interval_at(clock::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let begin = clock::now();
        let asked = timeout(PATIENCE, ask(&authority)).await;
        let passed = clock::now().duration_since(begin);
        took.observe(passed.as_secs_f64());
        let failure = match asked {
            Ok(Ok(())) if passed > SLOW => {
                let passed = duration::format(passed);
                tracing::warn!(
                    target: "plugin/health",
                    "Local health request to \"http://{authority}{PATH}\" took more than 1s: {passed}"
                );
                continue;
            }
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took more than 3s".to_owned(),
        };
        failures.inc();
        tracing::warn!(
            target: "plugin/health",
            "Local health request to \"http://{authority}{PATH}\" failed: {failure}"
        );
    }
}

async fn ask(authority: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 ") {
        return Ok(());
    }
    Err(io::Error::other("the answer is not HTTP"))
}
