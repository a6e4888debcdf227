//! Where the log lines of guests go.

use std::fmt;
use std::io::Write;

use abi_core::platform::{LogSource, Logs};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::background::{BackgroundGuard, BackgroundWriter, in_background};

/// The longest log message that is written in full, in bytes. The rest of a longer one is cut off.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// How lines are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFormat {
    /// Write the guest's standard output as `stdout :: line`, like an endpoint. Otherwise it goes to standard output as
    /// it is.
    pub label_stdout: bool,
    /// The same for standard error, which otherwise goes to standard error as it is.
    pub label_stderr: bool,
    /// Write labels in colour.
    pub color: bool,
    /// Write a JSON object for each message: `timestamp`, `target` (which is `fastlike::guest`), `endpoint`, `message`.
    /// What has no label otherwise has one here: its endpoint is `stdout` or `stderr`.
    pub json: bool,
}

/// Writes guests' log lines to this process's standard output: `endpoint :: line`.
///
/// A thread of its own does the writing, so that no guest waits for a slow terminal.
pub struct LogWriter {
    format: LogFormat,
    out: BackgroundWriter,
    error: BackgroundWriter,
    _guards: [BackgroundGuard; 2],
}

impl LogWriter {
    /// A writer to standard output and standard error.
    ///
    /// What is still waiting is written when it is dropped.
    #[must_use]
    pub fn standard_streams(format: LogFormat) -> Self {
        Self::new(format, std::io::stdout(), std::io::stderr())
    }

    fn new(
        format: LogFormat,
        out: impl Write + Send + 'static,
        error: impl Write + Send + 'static,
    ) -> Self {
        let (out, out_guard) = in_background(out);
        let (error, error_guard) = in_background(error);
        Self {
            format,
            out,
            error,
            _guards: [out_guard, error_guard],
        }
    }
}

impl Logs for LogWriter {
    fn write(&self, source: LogSource<'_>, message: &[u8]) {
        let (name, stream) = match source {
            LogSource::Stdout if !self.format.label_stdout => (None, &self.out),
            LogSource::Stderr if !self.format.label_stderr => (None, &self.error),
            source => (Some(label(source)), &self.out),
        };
        let text = match self.format.json {
            true => json(label(source), message),
            false => lines(name, self.format.color, message),
        };
        // It cannot fail: what there is no room for is dropped.
        drop(stream.clone().write_all(&text));
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// Hands guests' log lines to `tracing`, as events of the target `fastlike::guest`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLogs;

impl Logs for TracingLogs {
    fn write(&self, source: LogSource<'_>, message: &[u8]) {
        let endpoint = label(source);
        let line = String::from_utf8_lossy(shortened(message));
        tracing::info!(target: "fastlike::guest", endpoint, "{line}");
    }
}

/// The name by which people know a source.
fn label(source: LogSource<'_>) -> &str {
    match source {
        LogSource::Endpoint(name) => name,
        LogSource::Stdout => "stdout",
        LogSource::Stderr => "stderr",
        _ => "log",
    }
}

fn shortened(message: &[u8]) -> &[u8] {
    message.get(..MESSAGE_BYTES_MAX).unwrap_or(message)
}

/// A message as a JSON object, with a line break behind it.
fn json(endpoint: &str, message: &[u8]) -> Vec<u8> {
    let mut timestamp = String::new();
    // It writes to a text, which does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    let object = serde_json::json!({
        "timestamp": timestamp,
        "target": "fastlike::guest",
        "endpoint": endpoint,
        "message": String::from_utf8_lossy(shortened(message)),
    });
    format!("{object}\n").into_bytes()
}

/// Every line of a message, with the label before it and a line break behind it.
pub(super) fn lines(label: Option<&str>, color: bool, message: &[u8]) -> Vec<u8> {
    let (before, after) = match color {
        true => (&b"\x1b[36m"[..], &b" ::\x1b[0m "[..]),
        false => (&b""[..], &b" :: "[..]),
    };
    // A guest chooses the name, which must not end a line.
    let label = label.map(|label| label.escape_debug().to_string());
    let message = shortened(message);
    let mut text = Vec::with_capacity(message.len() + 64);
    for line in message.split(|byte| *byte == b'\n') {
        if let Some(label) = &label {
            text.extend_from_slice(before);
            text.extend_from_slice(label.as_bytes());
            text.extend_from_slice(after);
        }
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, write: impl FnOnce(&LogWriter)) -> (String, String) {
        let (out, error) = (Shared::default(), Shared::default());
        let writer = LogWriter::new(format, out.clone(), error.clone());
        write(&writer);
        drop(writer);
        let text = |shared: Shared| String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        (text(out), text(error))
    }

    #[test]
    fn every_line_is_labelled() {
        let (out, error) = written(LogFormat::default(), |logs| {
            logs.write(LogSource::Endpoint("app"), b"one\ntwo");
            logs.write(LogSource::Stdout, b"plain");
            logs.write(LogSource::Endpoint("a\nb"), b"three");
            logs.write(LogSource::Stderr, b"oh");
        });
        assert_eq!(out, "app :: one\napp :: two\nplain\na\\nb :: three\n");
        assert_eq!(error, "oh\n");
    }

    #[test]
    fn standard_streams_can_be_treated_as_endpoints() {
        let format = LogFormat {
            label_stdout: true,
            label_stderr: true,
            ..LogFormat::default()
        };
        let (out, error) = written(format, |logs| {
            logs.write(LogSource::Stdout, b"a");
            logs.write(LogSource::Stderr, b"b");
        });
        assert_eq!(out, "stdout :: a\nstderr :: b\n");
        assert_eq!(error, "");
    }

    #[test]
    fn labels_may_have_a_colour() {
        let format = LogFormat {
            color: true,
            ..LogFormat::default()
        };
        let (out, _) = written(format, |logs| logs.write(LogSource::Endpoint("a"), b"b"));
        assert_eq!(out, "\x1b[36ma ::\x1b[0m b\n");
    }

    #[test]
    fn messages_may_be_json() {
        let format = LogFormat {
            json: true,
            ..LogFormat::default()
        };
        let (out, error) = written(format, |logs| {
            logs.write(LogSource::Endpoint("app"), b"one\n\"two\"");
            logs.write(LogSource::Stderr, b"oh");
        });
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parsed(&out)["endpoint"], "app");
        assert_eq!(parsed(&out)["message"], "one\n\"two\"");
        assert_eq!(parsed(&error)["endpoint"], "stderr");
    }

    #[test]
    fn long_messages_are_cut() {
        let message = vec![b'x'; MESSAGE_BYTES_MAX + 1];
        assert_eq!(lines(None, false, &message).len(), MESSAGE_BYTES_MAX + 1);
    }
}
