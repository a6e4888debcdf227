//! What is written about a request: one line, and one more when its guest failed.

use std::fmt;
use std::time::Duration;

use abi_core::engine::Exit;
use abi_core::http::SendErrorKind;
use abi_core::{ClientRequest, Report, SentOutcome, SentRequest};
use http::uri::PathAndQuery;
use http::{Method, StatusCode};

use crate::decimal::Digits;

/// What is known about a request.
#[derive(Debug)]
pub(super) struct RequestLine {
    method: Method,
    path: Option<PathAndQuery>,
    id: u128,
    status: Option<StatusCode>,
    /// The name of the engine it runs on.
    engine: &'static str,
}

impl RequestLine {
    pub(super) fn of(request: &ClientRequest, engine: &'static str) -> Self {
        Self {
            method: request.head.method.clone(),
            path: request.head.uri.path_and_query().cloned(),
            id: request.id,
            status: None,
            engine,
        }
    }

    /// The client has got this status, whoever gave it.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The path without the query, which may hold secrets.
    fn path(&self) -> &str {
        self.path.as_ref().map_or("/", PathAndQuery::path)
    }

    /// Writes the line about a run that has ended.
    pub(super) fn write(&self, report: &Report) {
        if !report.exit.is_success() {
            self.write_failure(&report.exit);
        }
        tracing::info!(
            target: "fastlike::request",
            status = self.status.map_or(0, |status| status.as_u16()),
            ms = rounded(report.wall),
            method = self.method.as_str(),
            path = self.path(),
            engine = self.engine,
            cpu_ms = rounded(report.cpu),
            memory_kib = report.memory_bytes / 1024,
            cache = (!report.cache.is_empty()).then(|| tracing::field::display(report.cache)),
            backends = (!report.sent.is_empty()).then(|| tracing::field::display(Sent(&report.sent))),
            left = self.status.is_none().then_some(true),
        );
    }

    fn write_failure(&self, exit: &Exit) {
        let (method, path, id) = (&self.method, self.path(), self.id);
        match exit {
            Exit::Trapped {
                backtrace: Some(backtrace),
                ..
            } => {
                tracing::error!(target: "fastlike::request", "{method} {path}: {exit}\n{backtrace}")
            }
            exit => tracing::error!(target: "fastlike::request", "{method} {path}: {exit}"),
        }
        tracing::debug!(target: "fastlike::request", "the request that failed is {id:032x}");
    }

    /// Writes the line about a run that was stopped because its client left.
    pub(super) fn write_cancelled(&self) {
        tracing::info!(
            target: "fastlike::request",
            method = self.method.as_str(),
            path = self.path(),
            "the client left, and the guest was stopped"
        );
    }
}

/// Milliseconds. Two decimals are enough to tell requests apart.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

/// The same as text, without zeros at its end.
fn millis(time: Duration) -> Digits {
    Digits::shortest((time.as_secs_f64() * 1e5).round() as u64)
}

/// Writes the name of a backend. A guest names those that it defines, and a line is one line.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.bytes().all(is_plain) {
        return f.write_str(name);
    }
    write!(f, "{}", name.escape_debug())
}

/// What a guest has sent to backends, with what came of it.
struct Sent<'a>(&'a [SentRequest]);

impl fmt::Display for Sent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, sent) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write_name(f, &sent.backend)?;
            match sent.outcome {
                SentOutcome::Answered(status, took) => {
                    f.write_str(" ")?;
                    f.write_str(status.as_str())?;
                    f.write_str(" in ")?;
                    f.write_str(millis(took).as_str())?;
                    f.write_str(" ms")?;
                }
                // It never went anywhere.
                SentOutcome::Failed(kind @ SendErrorKind::DestinationNotFound, _) => {
                    write!(f, ": {}", kind.meaning())?;
                }
                SentOutcome::Failed(kind, took) => {
                    write!(f, " failed after {} ms: {}", millis(took), kind.meaning())?;
                }
                SentOutcome::Unanswered => f.write_str(" did not answer in time")?,
            }
        }
        Ok(())
    }
}
