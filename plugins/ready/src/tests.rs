//! Who is asked, how long, and what the endpoint says.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use catena_http::{Answer, Asked, Page};
use catena_plugin::{Control, Plugin, Readiness, Registration, Stage};
use catena_testing::{Block, check_diagnostics, expect, plugin_contract};
use parking_lot::Mutex;

use crate::blocks::Monitor;
use crate::{PLUGIN, blocks};

/// The blocks are those of the process, so one test at a time may have some.
static ALONE: Mutex<()> = Mutex::new(());
static CAN_ANSWER: AtomicBool = AtomicBool::new(false);

struct Moody;

impl Plugin for Moody {
    fn ready(&self) -> Readiness {
        match CAN_ANSWER.load(SeqCst) {
            true => Readiness::Ready,
            false => Readiness::NotReady,
        }
    }
}

static MOODY: Registration = Registration {
    name: "moody",
    setup: |cx| {
        cx.add_stage(Moody);
        cx.add_stage(Moody);
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

fn block(monitor: &str) -> Block {
    let ready = format!("ready 127.0.0.1:0 {{\nmonitor {monitor}\n}}");
    Block::build(&[&PLUGIN, &MOODY], &format!(". {{\n{ready}\nmoody\n}}")).unwrap()
}

fn page() -> (u16, String) {
    let asked = Asked {
        path: "/ready".to_owned(),
        query: String::new(),
    };
    let Some(Answer::Now(Page { status, body, .. })) = blocks::answer(&asked) else {
        return (0, String::new());
    };
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[test]
fn it_keeps_the_promises_of_a_plugin() {
    let _alone = ALONE.lock();
    plugin_contract(&PLUGIN);
}

#[test]
fn a_plugin_is_asked_until_it_was_ready_or_always() {
    let _alone = ALONE.lock();
    for (monitor, later) in [("until-ready", 200), ("continuously", 503)] {
        let block = block(monitor);
        CAN_ANSWER.store(false, SeqCst);
        runtime().block_on(block.start()).unwrap();
        assert_eq!(page(), (503, "moody".to_owned()));
        CAN_ANSWER.store(true, SeqCst);
        assert_eq!(page(), (200, "OK".to_owned()));
        CAN_ANSWER.store(false, SeqCst);
        assert_eq!(page().0, later, "{monitor}");
        block.stop();
    }
}

/// A process in which the generation of `serving` serves.
struct Process {
    serving: Mutex<Vec<Stage>>,
}

impl Control for Process {
    fn running(&self) -> Option<String> {
        None
    }
    fn on_disk(&self) -> Result<String, String> {
        Ok(String::new())
    }
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        Box::pin(std::future::ready(Ok(())))
    }
    fn fail(&self, _: String) {}
    fn parts(&self) -> Vec<Stage> {
        self.serving.lock().clone()
    }
}

#[test]
fn the_generation_that_serves_is_asked_during_a_reload() {
    let _alone = ALONE.lock();
    let stage = || Stage {
        name: "moody",
        plugin: Arc::new(Moody),
    };
    let serving = Mutex::default();
    let process = Arc::new(Process { serving });
    let control: Arc<dyn Control> = Arc::clone(&process) as _;
    let (old, new) = ([stage()], [stage()]);
    CAN_ANSWER.store(true, SeqCst);
    let old_block = blocks::join(&old, &control, Monitor::UntilReady);
    assert_eq!(page().0, 200);
    *process.serving.lock() = old.to_vec();
    CAN_ANSWER.store(false, SeqCst);
    let new_block = blocks::join(&new, &control, Monitor::UntilReady);
    assert_eq!(page().0, 200, "the new generation does not serve yet");
    *process.serving.lock() = new.to_vec();
    assert_eq!(page().0, 503, "the new generation serves");
    CAN_ANSWER.store(true, SeqCst);
    assert_eq!(page().0, 200);
    new_block.end();
    assert_eq!(page(), (503, "Shutting down".to_owned()));
    drop((old_block, new_block));
    assert_eq!(page().0, 200, "nobody is left to ask");
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    let corefile = ". {
    ready :8181 {
        monitor sometimes
    }
}
";
    check_diagnostics(
        &[&PLUGIN],
        corefile,
        expect![[r#"
        Corefile:3:17: plugin/ready: monitor type 'sometimes' not supported
          3 |         monitor sometimes
            |                 ^^^^^^^^^ it knows until-ready and continuously"#]],
    );
}
