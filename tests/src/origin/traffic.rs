//! What a backend remembers.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Version, request};
use tokio::sync::watch;

/// The most that is kept of a body.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// One request that a backend got.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Method and target.
    pub request: String,
    /// The version of HTTP.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was read; the beginning, of a long one.
    pub body: Vec<u8>,
    /// How much of the body was read.
    pub body_bytes: usize,
    /// How its body ended: well or not.
    pub body_ended: Option<Result<(), ()>>,
    /// Whether whoever sent it left before the answer was ready.
    pub left: bool,
}

/// What a backend was asked, in the order of arrival.
#[derive(Debug)]
pub(super) struct Traffic(watch::Sender<Vec<Exchange>>);

impl Default for Traffic {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

impl Traffic {
    pub(super) fn all(&self) -> Vec<Exchange> {
        self.0.borrow().clone()
    }

    pub(super) fn forget(&self) {
        self.0.send_modify(Vec::clear);
    }

    pub(super) async fn until<T>(&self, mut condition: impl FnMut(&[Exchange]) -> Option<T>) -> T {
        let mut watching = self.0.subscribe();
        loop {
            if let Some(found) = condition(&watching.borrow_and_update()) {
                return found;
            }
            watching.changed().await.expect("the sender is held here");
        }
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Exchange)) {
        self.0.send_modify(|exchanges| {
            // It is gone when everything was forgotten meanwhile.
            if let Some(exchange) = exchanges.get_mut(index) {
                change(exchange);
            }
        });
    }
}

/// A request on its way through a backend.
pub(super) struct Entry {
    shared: Arc<super::Shared>,
    index: usize,
    answered: bool,
}

impl Entry {
    pub(super) fn new(shared: Arc<super::Shared>, head: &request::Parts) -> Self {
        let mut index = 0;
        shared.traffic.0.send_modify(|exchanges| {
            index = exchanges.len();
            exchanges.push(Exchange {
                request: format!("{} {}", head.method, head.uri),
                version: head.version,
                headers: head.headers.clone(),
                body: Vec::new(),
                body_bytes: 0,
                body_ended: None,
                left: false,
            });
        });
        Self {
            shared,
            index,
            answered: false,
        }
    }

    /// The part that is told about the body.
    pub(super) fn body(&self) -> BodyEntry {
        BodyEntry {
            shared: self.shared.clone(),
            index: self.index,
        }
    }

    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.answered {
            let traffic = &self.shared.traffic;
            traffic.change(self.index, |exchange| exchange.left = true);
        }
    }
}

/// The body of a request on its way through a backend.
pub(super) struct BodyEntry {
    shared: Arc<super::Shared>,
    index: usize,
}

impl BodyEntry {
    pub(super) fn received(&self, piece: &Bytes) {
        self.shared.traffic.change(self.index, |exchange| {
            exchange.body_bytes += piece.len();
            let room = KEPT_BYTES_MAX.saturating_sub(exchange.body.len());
            exchange.body.extend(piece.iter().take(room));
        });
    }

    pub(super) fn ended(&self, how: Result<(), ()>) {
        self.shared
            .traffic
            .change(self.index, |exchange| exchange.body_ended = Some(how));
    }
}
