//! What is written about a request: one line, and one more when its guest failed.

use abi_core::engine::Exit;
use abi_core::{ClientRequest, Report};
use http::uri::PathAndQuery;
use http::{Method, StatusCode};

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
            method = %self.method,
            path = self.path(),
            status = self.status.map_or(0, |status| status.as_u16()),
            ms = rounded(report.wall.as_secs_f64() * 1e3),
            cpu_ms = rounded(report.cpu.as_secs_f64() * 1e3),
            memory_kib = report.memory_bytes / 1024,
            engine = self.engine,
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
            method = %self.method,
            path = self.path(),
            "the client left, and the guest was stopped"
        );
    }
}

/// Two decimals are enough to tell requests apart.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
