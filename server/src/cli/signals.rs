//! Being told to stop, or to read everything anew.

use std::io::{self, IsTerminal};

/// SIGINT and SIGTERM, or what stands for them.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From here on the signals no longer end the process by themselves.
    #[cfg(unix)]
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// From here on Ctrl-C no longer ends the process by itself.
    #[cfg(not(unix))]
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// SIGHUP: to programs without a terminal it says that they should read their configuration again.
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
    had_terminal: bool,
}

/// What SIGHUP says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hangup {
    /// Everything is to be read again.
    Reload,
    /// The terminal is gone, and with it whoever started this program.
    TerminalGone,
}

impl Hangups {
    /// From here on the signal no longer ends the process by itself.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
            had_terminal: has_terminal(),
        })
    }

    /// Waits for one.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Hangup {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        match self.had_terminal && !has_terminal() {
            true => Hangup::TerminalGone,
            false => Hangup::Reload,
        }
    }

    /// Waits for ever: there is no such signal here.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Hangup {
        std::future::pending::<()>().await;
        match self.had_terminal {
            true => Hangup::TerminalGone,
            false => Hangup::Reload,
        }
    }
}

/// Whether one of the streams of this process is a terminal, and one that is still there.
fn has_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}
