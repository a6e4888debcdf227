//! Bodies of responses, as fast as clients take them.

use std::future::poll_fn;
use std::time::Duration;

use abi_core::body::OutgoingBody;
use bytes::Bytes;
use futures_util::future::{Either, select};
use h2::{Reason, SendStream};
use http_body::Body;
use http_body_util::BodyExt;

use crate::serve::flush::FlushedBeforeError;

/// Sends a body, as fast as the client takes it. One that breaks off resets the stream, and so does a client that takes
/// nothing for `send_timeout`.
pub(super) async fn send_body(
    mut stream: SendStream<Bytes>,
    mut body: FlushedBeforeError<OutgoingBody>,
    send_timeout: Duration,
) -> Result<(), h2::Error> {
    loop {
        let frame = {
            let frame = body.frame();
            let given_up = poll_fn(|cx| stream.poll_reset(cx));
            match select(frame, given_up).await {
                Either::Left((frame, _)) => frame,
                Either::Right((reason, _)) => return Err(reason?.into()),
            }
        };
        let frame = match frame {
            None => return stream.send_data(Bytes::new(), true),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                tracing::debug!("a response broke off: {error}");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
        };
        match frame.into_data() {
            Ok(bytes) => {
                let is_last = body.is_end_stream();
                send_bytes(&mut stream, bytes, is_last, send_timeout).await?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return stream.send_trailers(trailers);
                }
            }
        }
    }
}

/// Sends bytes in as many pieces as the client's windows ask for.
pub(super) async fn send_bytes(
    stream: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    is_last: bool,
    send_timeout: Duration,
) -> Result<(), h2::Error> {
    if bytes.is_empty() && is_last {
        return stream.send_data(bytes, true);
    }
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let capacity = match stream.capacity() {
            0 => capacity(stream, send_timeout).await?,
            capacity => capacity,
        };
        if capacity == 0 {
            continue;
        }
        let piece = bytes.split_to(capacity.min(bytes.len()));
        stream.send_data(piece, is_last && bytes.is_empty())?;
    }
    Ok(())
}

/// Waits until the client takes more of a stream, and gives how much.
async fn capacity(
    stream: &mut SendStream<Bytes>,
    send_timeout: Duration,
) -> Result<usize, h2::Error> {
    let waiting = poll_fn(|cx| stream.poll_capacity(cx));
    let Ok(capacity) = tokio::time::timeout(send_timeout, waiting).await else {
        tracing::debug!("a client has taken nothing of its response for {send_timeout:?}");
        stream.send_reset(Reason::CANCEL);
        return Err(Reason::CANCEL.into());
    };
    // It has none when it is closed.
    capacity.unwrap_or_else(|| Err(Reason::STREAM_CLOSED.into()))
}
