//! The signals of the process, in the order they come.

use std::io;

use catena_server::Signal;
use tokio::signal::unix::{self, SignalKind};

/// Streams of all signals that mean something; SIGHUP is taken and ignored, as in CoreDNS.
pub(crate) struct Signals {
    reload: unix::Signal,
    terminate: unix::Signal,
    interrupt: unix::Signal,
    quit: unix::Signal,
    _hangup: unix::Signal,
}

impl Signals {
    /// Takes the signals from now on.
    pub fn take() -> io::Result<Self> {
        Ok(Signals {
            reload: unix::signal(SignalKind::user_defined1())?,
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            quit: unix::signal(SignalKind::quit())?,
            _hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.quit.recv() => Signal::Quit,
            _ = self.reload.recv() => Signal::Reload,
        }
    }
}
