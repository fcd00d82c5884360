//! A command and how it is run.

use std::io;

/// A program with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    program: String,
    args: Vec<String>,
    /// Whether its end is waited for: not with a `&` at the end.
    waits: bool,
    /// Tells commands apart in the log.
    id: String,
}

impl Command {
    /// The first of `words` is the program; `None` if there is none.
    pub fn new(words: Vec<String>) -> Option<Command> {
        let mut args = words.into_iter();
        let program = args.next()?;
        let mut args: Vec<String> = args.collect();
        let waits = args.last().is_none_or(|last| last != "&");
        if !waits {
            args.pop();
        }
        let id = format!("{:032x}", rand::random::<u128>());
        Some(Command {
            program,
            args,
            waits,
            id,
        })
    }

    /// Runs it; what goes wrong is logged.
    pub async fn run(&self) {
        let kind = if self.waits {
            "Blocking"
        } else {
            "Nonblocking"
        };
        let (program, args, id) = (&self.program, self.args.join(" "), &self.id);
        tracing::info!("{kind} Command \"{program} {args}\" with ID {id}");
        if let Err(error) = self.spawn().await {
            tracing::error!("error on 'on-{id}' hook: {error}");
        }
    }

    async fn spawn(&self) -> io::Result<()> {
        let mut child = tokio::process::Command::new(&self.program)
            .args(&self.args)
            .spawn()?;
        if !self.waits {
            return Ok(());
        }
        let status = child.wait().await?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(status.to_string())),
        }
    }
}
