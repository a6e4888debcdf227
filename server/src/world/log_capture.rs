//! Log lines kept in memory, for tests and embedders.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abi_core::platform::{LogSource, Logs};

/// How many messages are kept. Older ones are dropped.
const LINES_MAX: usize = 64 * 1024;

/// How many bytes of messages and names are kept. Older messages are dropped, and one that is longer by itself is cut.
const BYTES_MAX: usize = 64 * 1024 * 1024;

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

impl CapturedLine {
    fn bytes(&self) -> usize {
        let name = match &self.source {
            CapturedSource::Endpoint(name) => name.len(),
            CapturedSource::Stdout | CapturedSource::Stderr => 0,
        };
        name + self.message.len()
    }
}

/// Keeps the latest log messages of all guests: 65,536 of them, and 64 MiB. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct LogCapture {
    captured: Arc<Mutex<Captured>>,
}

#[derive(Debug, Default)]
struct Captured {
    lines: VecDeque<CapturedLine>,
    /// Of all lines.
    bytes: usize,
}

impl Captured {
    fn push(&mut self, source: CapturedSource, message: &[u8], bytes_max: usize) {
        // What is cut off is not even copied: a message may be as long as the memory of its guest.
        let message = message.get(..bytes_max).unwrap_or(message).to_vec();
        let line = CapturedLine { source, message };
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || (self.bytes > bytes_max && self.lines.len() > 1) {
            let oldest = self.lines.pop_front();
            self.bytes -= oldest.as_ref().map_or(0, CapturedLine::bytes);
        }
    }
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
        self.lock().lines.iter().cloned().collect()
    }

    /// Takes every message so far out of the capture.
    #[must_use]
    pub fn take(&self) -> Vec<CapturedLine> {
        std::mem::take(&mut *self.lock()).lines.into()
    }

    /// The messages of one source as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self, source: &CapturedSource) -> Vec<String> {
        let captured = self.lock();
        let lines = captured.lines.iter().filter(|line| line.source == *source);
        lines
            .map(|line| String::from_utf8_lossy(&line.message).into_owned())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Captured> {
        // Nothing is left half done: what is done while it is held does not panic.
        self.captured.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lock().push(source, message, BYTES_MAX);
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

    #[test]
    fn the_latest_are_kept_as_far_as_there_is_room() {
        let source = || CapturedSource::Endpoint("name".to_owned());
        let line = |message: &str| CapturedLine {
            source: source(),
            message: message.into(),
        };
        let mut captured = Captured::default();
        for message in ["first", "second", "third"] {
            captured.push(source(), message.as_bytes(), 20);
        }
        assert_eq!(captured.lines, [line("second"), line("third")]);
        assert_eq!(captured.bytes, 19);
        captured.push(source(), &[b'x'; 3_000], 20);
        assert_eq!(captured.lines, [line(&"x".repeat(20))]);
        assert_eq!(captured.lines[0].message.capacity(), 20);
        assert_eq!(captured.bytes, 24);
        for _ in 0..=LINES_MAX {
            captured.push(source(), b"", BYTES_MAX);
        }
        assert_eq!(captured.lines.len(), LINES_MAX);
    }
}
