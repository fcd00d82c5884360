//! Plugin on: runs commands when the server starts and ends.

mod command;

use std::pin::Pin;
use std::sync::Arc;

use catena_plugin::{Line, Plugin, Registration, Setup, SetupError, StartContext, StartError};
use tokio::sync::Notify;

use command::Command;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "on",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut on = On::default();
    for line in cx.occurrences() {
        line.no_block()?;
        let event = line.args().required("EVENT")?;
        let command = command(&line)?;
        match event.text().to_ascii_lowercase().as_str() {
            "startup" => on.startup.push(command),
            "shutdown" => on.shutdown.push(command),
            // No certificate is renewed here, so this never happens.
            "certrenew" => {}
            _ => {
                let text = event.text();
                let error = format!("Wrong event name or event not supported: '{text}'");
                return Err(event
                    .error(error)
                    .with_hint("it knows startup and shutdown"));
            }
        }
    }
    cx.add_part(on);
    Ok(())
}

/// The words after the event, joined by blanks and split again as CoreDNS does.
fn command(line: &Line<'_>) -> Result<Command, SetupError> {
    let words: Vec<&str> = line.args().skip(1).map(|arg| arg.text()).collect();
    let text = words.join(" ");
    let Some(words) = shlex::split(&text) else {
        return Err(line.error(format_args!("error parsing command: '{text}'")));
    };
    Command::new(words).ok_or_else(|| line.error(format_args!("no command contained in '{text}'")))
}

#[derive(Default)]
struct On {
    startup: Vec<Command>,
    shutdown: Vec<Command>,
    started: Arc<Notify>,
}

impl Plugin for On {
    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let (commands, started) = (self.startup.clone(), Arc::clone(&self.started));
        // Not before all others have started: a generation that fails to must leave no trace.
        context.spawn(async move {
            started.notified().await;
            run(commands).await;
        });
        Ok(())
    }

    fn started(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.started.notify_one();
        None
    }

    fn shutting_down(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let commands = self.shutdown.clone();
        (!commands.is_empty()).then(|| Box::pin(run(commands)) as _)
    }
}

async fn run(commands: Vec<Command>) {
    for command in commands {
        command.run().await;
    }
}

#[cfg(test)]
mod tests;
