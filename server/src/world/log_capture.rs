//! Log lines kept in memory, for tests and embedders.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abi_core::platform::{LogSource, Logs};

/// How many lines are kept. Older ones are dropped.
const LINES_MAX: usize = 64 * 1024;

/// What a captured line belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CapturedSource {
    /// The log endpoint of this name.
    Endpoint(String),
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
}

/// One message of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CapturedLine {
    /// What it belongs to.
    pub source: CapturedSource,
    /// The message, as the guest wrote it.
    pub message: Vec<u8>,
}

/// Keeps the latest 65,536 log messages of all guests. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct LogCapture {
    lines: Arc<Mutex<VecDeque<CapturedLine>>>,
}

impl LogCapture {
    /// A capture without messages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every message so far, the oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<CapturedLine> {
        self.lock().iter().cloned().collect()
    }

    /// Takes every message so far out of the capture.
    #[must_use]
    pub fn take(&self) -> Vec<CapturedLine> {
        std::mem::take(&mut *self.lock()).into()
    }

    /// The messages of one source as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self, source: &CapturedSource) -> Vec<String> {
        let lines = self.lock();
        let lines = lines.iter().filter(|line| line.source == *source);
        lines
            .map(|line| String::from_utf8_lossy(&line.message).into_owned())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<CapturedLine>> {
        // A push and a pop leave nothing half done.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logs for LogCapture {
    fn write(&self, source: LogSource<'_>, message: &[u8]) {
        let source = match source {
            LogSource::Stdout => CapturedSource::Stdout,
            LogSource::Stderr => CapturedSource::Stderr,
            LogSource::Endpoint(name) => CapturedSource::Endpoint(name.to_owned()),
            _ => return,
        };
        let mut lines = self.lock();
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(CapturedLine {
            source,
            message: message.to_vec(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept_by_source() {
        let capture = LogCapture::new();
        capture.write(LogSource::Endpoint("a"), b"1");
        capture.write(LogSource::Stdout, b"2");
        capture.write(LogSource::Endpoint("a"), b"\xff");
        let source = CapturedSource::Endpoint("a".to_owned());
        assert_eq!(capture.text(&source), ["1", "\u{fffd}"]);
        assert_eq!(capture.take().len(), 3);
        assert!(capture.lines().is_empty());
    }
}
