//! Whole tests in one call: a Corefile, a dialogue, and what is expected of both.

use std::fmt::Write as _;

use catena_plugin::Registration;
use expect_test::Expect;

use crate::Block;

/// Sets up `corefile`, holds `dialogue` and compares the transcript.
///
/// A line of the dialogue is a question (see [`crate::Question::parse`]) or `wait DURATION`. Time
/// stands still but for waits: nothing sleeps really.
pub fn check_chain(
    plugins: &[&'static Registration],
    corefile: &str,
    dialogue: &str,
    expect: Expect,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    // What reads the clock in its setup must see the paused one.
    let _inside = runtime.enter();
    let block = Block::build(plugins, corefile).unwrap_or_else(|error| panic!("{error}"));
    let transcript = runtime.block_on(async {
        block.start().await.unwrap();
        let transcript = hold(&block, dialogue).await;
        block.shut_down().await;
        transcript
    });
    expect.assert_eq(&transcript);
}

async fn hold(block: &Block, dialogue: &str) -> String {
    let mut transcript = String::new();
    let lines = dialogue.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        let _ = writeln!(transcript, "> {line}");
        match line.strip_prefix("wait ") {
            None => transcript.push_str(&block.ask(line).await),
            Some(duration) => {
                let duration = catena_plugin::duration::parse(duration).unwrap();
                tokio::time::sleep(duration).await;
            }
        }
    }
    transcript
}

/// Sets up `corefile` and compares what is wrong with it, warnings included.
pub fn check_diagnostics(plugins: &[&'static Registration], corefile: &str, expect: Expect) {
    let findings = match Block::build(plugins, corefile) {
        Ok(block) => block.warnings().to_string(),
        Err(findings) => findings.to_string(),
    };
    expect.assert_eq(&findings);
}
