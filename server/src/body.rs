//! Bodies that arrive from a client or a backend, as guests hold them.

use std::error::Error as StdError;
use std::sync::Arc;

use abi_core::body::{Body, BodyError};
use bytes::Bytes;
use http_body_util::BodyExt;

/// The body of a message that is still arriving.
pub(crate) fn receive<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::from_stream(Box::pin(body.map_err(|error| body_error(error.into()))))
}

/// Whose fault it was that a body broke off.
fn body_error(error: Box<dyn StdError + Send + Sync>) -> BodyError {
    let error = match error.downcast::<BodyError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if broke_off(error) => BodyError::Incomplete,
        _ => BodyError::Peer(Arc::from(error)),
    }
}

/// Whether the peer closed the connection, or gave up the stream, in the middle of the body.
///
/// Hyper hides the first as an error of the connection with an end-of-file below it.
fn broke_off(error: &hyper::Error) -> bool {
    if error.is_incomplete_message() {
        return true;
    }
    let source = error.source();
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof)
}
