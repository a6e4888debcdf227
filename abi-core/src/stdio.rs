//! A guest's standard output and standard error, as lines.

use std::fmt;
use std::sync::Arc;

use crate::platform::{LogSource, Logs};

/// The longest line that is kept together; a longer one is passed on in pieces.
const LINE_LENGTH_MAX: usize = 16 * 1024;

/// Cuts what a guest writes into lines and passes them to the logs. What is left is passed on when it is dropped.
pub(crate) struct Stdio {
    logs: Arc<dyn Logs>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Which of the three descriptors the guest has not closed.
    open: [bool; 3],
}

impl Stdio {
    pub(crate) fn new(logs: Arc<dyn Logs>) -> Self {
        Self {
            logs,
            stdout: Vec::new(),
            stderr: Vec::new(),
            open: [true; 3],
        }
    }

    /// The descriptor, if it is one of the three and open.
    pub(crate) fn descriptor(&self, fd: u32) -> Option<Descriptor> {
        let descriptor = match fd {
            0 => Descriptor::Stdin,
            1 => Descriptor::Stdout,
            2 => Descriptor::Stderr,
            _ => return None,
        };
        self.open[fd as usize].then_some(descriptor)
    }

    pub(crate) fn close(&mut self, descriptor: Descriptor) {
        self.open[descriptor as usize] = false;
    }

    pub(crate) fn write_stdout(&mut self, bytes: &[u8]) {
        write_lines(&*self.logs, LogSource::Stdout, &mut self.stdout, bytes);
    }

    pub(crate) fn write_stderr(&mut self, bytes: &[u8]) {
        write_lines(&*self.logs, LogSource::Stderr, &mut self.stderr, bytes);
    }
}

/// One of the three descriptors that every guest begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptor {
    Stdin = 0,
    Stdout = 1,
    Stderr = 2,
}

fn write_lines(logs: &dyn Logs, source: LogSource<'_>, pending: &mut Vec<u8>, bytes: &[u8]) {
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        for part in piece.chunks(LINE_LENGTH_MAX) {
            pending.extend_from_slice(part);
            if pending.ends_with(b"\n") {
                logs.write(source, &pending[..pending.len() - 1]);
                pending.clear();
            } else if pending.len() >= LINE_LENGTH_MAX {
                logs.write(source, pending);
                pending.clear();
            }
        }
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        for (source, rest) in [
            (LogSource::Stdout, &self.stdout),
            (LogSource::Stderr, &self.stderr),
        ] {
            if !rest.is_empty() {
                self.logs.write(source, rest);
            }
        }
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdio").finish_non_exhaustive()
    }
}
