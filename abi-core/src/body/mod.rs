//! Bodies: queues of bytes that are never copied to be read, and the bounded pipes that stream them.
//!
//! * [`Body`] is what a guest reads and appends to: a queue of chunks, each either bytes or a stream of them.
//! * [`pipe`](pipe()) joins a guest that still writes to whoever sends what it writes, with back-pressure in bytes.
//! * [`OutgoingBody`] is a body on its way out, as an [`http_body::Body`] for whatever HTTP library the host uses.

mod error;
mod gunzip;
mod outgoing;
mod pipe;
mod queue;
mod streaming;

pub use error::BodyError;
pub use gunzip::gunzip;
pub use outgoing::OutgoingBody;
pub use pipe::{PIPE_CAPACITY_BYTES, PipeReader, PipeWriter, pipe};
pub(crate) use queue::merge_trailers;
pub use queue::{Body, BodyStream};
pub use streaming::StreamingWriter;
