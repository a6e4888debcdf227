//! HTTP/2 connections: RFC 9113.
//!
//! The HTTP library has no place for interim responses on them. The protocol library below it has, and is spoken to here:
//! streams, frames, flow control and limits are its; what is left is to bring requests in and responses out.
//!
//! * this file: a connection, from its beginning to its end;
//! * `silence`: clients that ask for nothing, and clients that have vanished;
//! * `given_up`: clients that do not wait for what they ask for;
//! * `received`: requests as they arrive;
//! * `responding`: the place of a response, with what may come before it;
//! * `sending`: bodies of responses, as fast as clients take them; `piece`: what they are made of.

mod given_up;
mod piece;
mod received;
mod responding;
mod sending;
mod silence;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use abi_core::body::OutgoingBody;
use abi_core::session::EarlyHints;
use h2::Reason;
use h2::server::Connection;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::listen::HEAD_BYTES_MAX;
use given_up::Count;
use piece::Piece;
pub(super) use received::ReceivedBody;
use received::received;
use responding::Responding;
use silence::{Idle, IsIdle, vanished};

/// How many requests of one connection are worked on at once.
const STREAMS_MAX: u32 = 250;

/// How much of the body of a request may arrive before somebody reads it.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;

/// How much may arrive on all streams of a connection together before somebody reads it. A few guests that do not read
/// should not hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = 4 * STREAM_WINDOW_BYTES;

/// How much of each response may wait for its client.
const SEND_BUFFER_BYTES: usize = 400 * 1024;

/// How many requests a client may have given up before anybody has looked at them, and how many of its streams may have
/// been reset for its mistakes, before its connection ends: CVE-2023-44487 and CVE-2025-8671.
const RESETS_UNSEEN_MAX: usize = 20;
const RESETS_FOR_MISTAKES_MAX: usize = 1024;

/// How long clients are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How long after its last answer a client is asked again whether it is still there, and how long it may take to say so.
    pub silence_max: Duration,
    /// How long a client may take none of a response that it gets.
    pub send_timeout: Duration,
    /// How long a connection may take to begin, and how long it may be without a request, whatever else is said on it.
    pub idle_timeout: Duration,
}

/// Has `answer` answer the requests of a connection. When `stopping` ends, those that have begun are finished.
///
/// # Errors
///
/// What the client did wrong, or the system. A client that does not begin, and one that vanishes, is no error.
pub(super) async fn serve<S, A, F>(
    stream: S,
    answer: A,
    stopping: impl Future,
    patience: Patience,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<ReceivedBody>, Arc<dyn EarlyHints>) -> F,
    F: Future<Output = Response<OutgoingBody>> + Send + 'static,
{
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(Some(RESETS_FOR_MISTAKES_MAX));
    let beginning = tokio::time::timeout(patience.idle_timeout, builder.handshake(stream)).await;
    let mut connection: Connection<S, Piece> = match beginning {
        Ok(connection) => connection?,
        // Nothing has begun that could end in an error.
        Err(_) => return Ok(()),
    };
    let mut vanished = pin!(vanished(connection.ping_pong(), patience.silence_max));
    let mut stopping = pin!(stopping);
    let mut is_stopping = false;
    let mut idle = Idle::new(patience.idle_timeout);
    let mut count = Count::default();
    loop {
        let next = tokio::select! {
            next = idle.next(&mut connection) => next,
            _ = &mut stopping, if !is_stopping => {
                connection.graceful_shutdown();
                is_stopping = true;
                continue;
            }
            () = &mut vanished => {
                tracing::debug!("a client has vanished");
                return Ok(());
            }
        };
        let accepted = match next {
            Ok(accepted) => accepted,
            Err(IsIdle) if is_stopping => {
                tracing::debug!("a client does not leave a connection that has ended");
                return Ok(());
            }
            Err(IsIdle) => {
                connection.graceful_shutdown();
                is_stopping = true;
                continue;
            }
        };
        let Some(accepted) = accepted else {
            return Ok(());
        };
        let (request, respond) = accepted?;
        if !count.accepts() {
            tracing::debug!("a client gives too many requests up");
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            continue;
        }
        let given_up = count.given_up.clone();
        let respond = Responding::new(respond, patience.send_timeout, given_up);
        let request = received(request, &respond);
        let answering = answer(request, respond.clone());
        tokio::spawn(async move {
            if let Err(error) = respond.with(answering).await {
                tracing::debug!("a client did not get its response: {error}");
            }
        });
    }
}

#[cfg(test)]
mod tests;
