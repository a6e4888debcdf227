//! [`StreamingWriter`]: a streaming body, by where its bytes go.

use std::task::{Context, Poll};

use http::HeaderMap;

use super::{Body, BodyError, PipeWriter};
use crate::cache::BodyWriter;
use crate::platform::Executor;

/// The guest's end of a streaming body.
///
/// Dropping it without [`finish`](Self::finish) abandons the body.
pub enum StreamingWriter {
    /// Whoever sends a message reads what is written.
    Message(PipeWriter),
    /// What is written is the body of an object of the cache.
    Cache(BodyWriter),
}

impl StreamingWriter {
    /// Waits until there is room for at least one byte.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when nothing can be written any more.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        match self {
            Self::Message(writer) => writer.poll_ready(cx),
            Self::Cache(writer) => writer.poll_ready(cx),
        }
    }

    /// Writes as many of `bytes` as there is room for, and says how many.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when nothing can be written any more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, BodyError> {
        match self {
            Self::Message(writer) => writer.write(bytes),
            Self::Cache(writer) => writer.write(bytes),
        }
    }

    /// Moves all of `body`, trailers too, to the end.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when nothing can be written any more.
    pub fn append(&mut self, body: Body, executor: &dyn Executor) -> Result<(), BodyError> {
        match self {
            Self::Message(writer) => writer.append(body),
            Self::Cache(writer) => writer.append(body, executor),
        }
    }

    /// The trailers that [`finish`](Self::finish) will send.
    pub fn trailers_mut(&mut self) -> &mut HeaderMap {
        match self {
            Self::Message(writer) => writer.trailers_mut(),
            Self::Cache(writer) => writer.trailers_mut(),
        }
    }

    /// Ends the body cleanly.
    pub fn finish(self) {
        match self {
            Self::Message(writer) => writer.finish(),
            Self::Cache(writer) => writer.finish(),
        }
    }
}
