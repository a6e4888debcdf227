//! [`Answer`]: what a program made of one request.

use abi_core::Report;
use abi_core::body::{BodyError, OutgoingBody};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use super::SentRequest;
use crate::world::{CapturedLine, CapturedSource};

/// What a program made of one request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, as far as it came.
    pub body: Bytes,
    /// Why the body broke off, if it did.
    pub broken_off: Option<BodyError>,
    /// What was sent to mocked backends, in the order in which they got it.
    pub requests: Vec<SentRequest>,
    /// What the program wrote to log endpoints, standard output and standard error, in that order.
    pub logs: Vec<CapturedLine>,
    /// How the run ended, and what it took; `None` when the request was refused before the program saw it.
    pub report: Option<Report>,
}

impl Answer {
    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header field as text; `None` where there is none, or none that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The requests that a mocked backend got.
    #[must_use]
    pub fn sent_to(&self, backend: &str) -> Vec<&SentRequest> {
        let requests = self.requests.iter();
        requests
            .filter(|request| request.backend == backend)
            .collect()
    }

    /// The messages of one log endpoint as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn log(&self, endpoint: &str) -> Vec<String> {
        let lines = self.logs.iter();
        let lines = lines.filter(
            |line| matches!(&line.source, CapturedSource::Endpoint(name) if name == endpoint),
        );
        lines
            .map(|line| String::from_utf8_lossy(&line.message).into_owned())
            .collect()
    }

    /// Whether the program ended as it meant to.
    #[must_use]
    pub fn is_success(&self) -> bool {
        let report = self.report.as_ref();
        report.is_some_and(|report| report.exit.is_success())
    }
}

/// A body as far as it comes, and why it broke off.
pub(super) async fn read(mut body: OutgoingBody) -> (Bytes, Option<BodyError>) {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(error) => return (bytes.freeze(), Some(error)),
        }
    }
    (bytes.freeze(), None)
}
