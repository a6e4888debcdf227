//! Where the log lines of guests go.

use std::fmt;
use std::io::{IsTerminal, Write};

use abi_core::platform::{LogSource, Logs};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::background::{BackgroundGuard, BackgroundWriter, in_background};
use super::terminal::{for_terminal, steers};

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
/// A thread of its own does the writing, so that no guest waits for a slow terminal. Files and pipes get what guests have
/// written; on a terminal what would steer it is written as an escape.
pub struct LogWriter {
    format: LogFormat,
    out: Stream,
    error: Stream,
}

/// Where lines are written to.
struct Stream {
    writer: BackgroundWriter,
    is_terminal: bool,
    _guard: BackgroundGuard,
}

impl Stream {
    fn new(out: impl Write + Send + 'static, is_terminal: bool) -> Self {
        let (writer, guard) = in_background(out);
        Self {
            writer,
            is_terminal,
            _guard: guard,
        }
    }
}

impl LogWriter {
    /// A writer to standard output and standard error.
    ///
    /// What is still waiting is written when it is dropped.
    #[must_use]
    pub fn standard_streams(format: LogFormat) -> Self {
        let (out, error) = (std::io::stdout(), std::io::stderr());
        let (out_is_terminal, error_is_terminal) = (out.is_terminal(), error.is_terminal());
        Self {
            format,
            out: Stream::new(out, out_is_terminal),
            error: Stream::new(error, error_is_terminal),
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
            false => {
                let look = Look {
                    color: self.format.color,
                    is_terminal: stream.is_terminal,
                };
                lines(name, look, shortened(message))
            }
        };
        // It cannot fail: what there is no room for is dropped.
        drop(stream.writer.clone().write_all(&text));
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

pub(super) fn shortened(message: &[u8]) -> &[u8] {
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
    let mut text = String::new();
    for character in object.to_string().chars() {
        // An escape means the same, and a terminal may be reading.
        match steers(character) {
            true => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => text.push(character),
        }
    }
    text.push('\n');
    text.into_bytes()
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    /// Their labels have a colour.
    pub color: bool,
    /// Nothing in them steers a terminal.
    pub is_terminal: bool,
}

/// Every line of a message, with the label before it and a line break behind it.
pub(crate) fn lines(label: Option<&str>, look: Look, message: &[u8]) -> Vec<u8> {
    let (before, after) = match look.color {
        true => (&b"\x1b[36m"[..], &b" ::\x1b[0m "[..]),
        false => (&b""[..], &b" :: "[..]),
    };
    // A guest chooses the name, which must not end a line.
    let label = label.map(|label| label.escape_debug().to_string());
    let mut text = Vec::with_capacity(message.len() + 64);
    for line in message.split(|byte| *byte == b'\n') {
        if let Some(label) = &label {
            text.extend_from_slice(before);
            text.extend_from_slice(label.as_bytes());
            text.extend_from_slice(after);
        }
        match look.is_terminal {
            true => text.extend_from_slice(&for_terminal(line)),
            false => text.extend_from_slice(line),
        }
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
        written_to(false, format, write)
    }

    fn written_to(
        is_terminal: bool,
        format: LogFormat,
        write: impl FnOnce(&LogWriter),
    ) -> (String, String) {
        let (out, error) = (Shared::default(), Shared::default());
        let writer = LogWriter {
            format,
            out: Stream::new(out.clone(), is_terminal),
            error: Stream::new(error.clone(), is_terminal),
        };
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
        let (out, _) = written(LogFormat::default(), |logs| {
            logs.write(LogSource::Stdout, &message);
        });
        assert_eq!(out.len(), MESSAGE_BYTES_MAX + 1);
    }

    fn write_steering(logs: &LogWriter) {
        let endpoint = LogSource::Endpoint("a\x1b");
        logs.write(endpoint, b"\x1b]0;title\x07\nnext\r\n");
        logs.write(LogSource::Stdout, b"\x1b[2J");
        logs.write(LogSource::Stderr, "\u{9b}2J".as_bytes());
    }

    #[test]
    fn terminals_are_not_steered() {
        let (out, error) = written_to(true, LogFormat::default(), write_steering);
        let expected = [
            r"a\u{1b} :: \u{1b}]0;title\u{7}",
            r"a\u{1b} :: next",
            r"a\u{1b} :: ",
            r"\u{1b}[2J",
        ];
        assert_eq!(out.lines().collect::<Vec<_>>(), expected);
        assert_eq!(error, "\\u{9b}2J\n");
    }

    #[test]
    fn files_get_what_was_written() {
        let (out, error) = written_to(false, LogFormat::default(), write_steering);
        let expected = "\x1b]0;title\x07\na :: next\r\na :: \n\x1b[2J\n";
        assert_eq!(out.replace(r"a\u{1b}", "a"), format!("a :: {expected}"));
        assert_eq!(error, "\u{9b}2J\n");
    }

    #[test]
    fn json_has_escapes_for_what_steers() {
        let format = LogFormat {
            json: true,
            ..LogFormat::default()
        };
        let (out, error) = written_to(true, format, write_steering);
        for line in out.lines().chain(error.lines()) {
            assert!(!line.contains(steers), "{line:?}");
        }
        let parsed = serde_json::from_str::<serde_json::Value>(&error).unwrap();
        assert_eq!(parsed["message"], "\u{9b}2J");
    }
}
