//! Accepting connections, and stopping gracefully.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use abi_core::ClientIdentity;
use abi_core::body::OutgoingBody;
use abi_core::session::EarlyHints;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{self, Either};
use http::header::HOST;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::early_hints::{AfterInterim, InterimResponses, InterimStream};
use super::expect::Expectation;
use super::flush::FlushedBeforeError;
use super::http2::{self, Patience};
use super::noted::{HttpNotes, NotedStream};
use super::protocol::{self, Begun, Protocol};
use super::request::Refused;
use super::send_timeout::SendTimeout;
use super::unread::ReadToEnd;
use super::{ClientConnection, ConnectionAddresses, answer};
use crate::host::{Drained, Host, Policy};

/// How many connections may be open. More wait in the system's queue.
const CONNECTIONS_MAX: usize = 16 * 1024;

/// The most bytes that the head of a request may have.
pub(super) const HEAD_BYTES_MAX: usize = 128 * 1024;

/// The most header fields that a request may have.
const FIELDS_MAX: usize = 320;

/// The longest that a connection on HTTP/1.1 may be without a request, whatever was said.
const IDLE_TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long after its last answer a client on HTTP/2 is asked again whether it is still there, and how long it may take to
/// say so. Otherwise one that has vanished would keep its connection for ever.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How long to wait when no connection can be accepted, for want of file handles most of the time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until `shutdown` ends, and then finishes those that are on their way.
pub(crate) async fn serve(
    host: &Host,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let builder = Arc::new(builder(host.current().settings.policy.idle_timeout));
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Closed when no more connections are accepted.
    let (accepting, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut was_full = false;
    tokio::pin!(shutdown);
    loop {
        if permits.available_permits() == 0 && !std::mem::replace(&mut was_full, true) {
            tracing::warn!(
                "{CONNECTIONS_MAX} connections are open, and no more may be; others wait until one of them ends"
            );
        }
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let (stream, addresses, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    tracing::warn!("no connection can be accepted, trying again: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let (host, builder, stopping) = (host.clone(), builder.clone(), stopping.clone());
        // Those that have ended need not be kept.
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            connection(host, &builder, stream, addresses, stopping).await;
            drop(permit);
        });
    }
    // From here on clients are refused, rather than left waiting.
    drop(listener);
    drop(accepting);
    drain(host, connections).await
}

/// Waits until everybody has been answered, or for as long as is allowed. Connections that are left are closed then, with
/// their tasks.
async fn drain(host: &Host, mut connections: JoinSet<()>) -> Drained {
    host.begin_to_end();
    let finished = async {
        // One that panicked has ended, too.
        while connections.join_next().await.is_some() {}
        host.finish().await;
    };
    match tokio::time::timeout(host.current().settings.policy.drain_timeout, finished).await {
        Ok(()) => Drained::Completely,
        Err(_) => Drained::CutOff,
    }
}

/// Of connections on which HTTP/1.1 is spoken.
fn builder(idle_timeout: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The library adds it to the time as it is, which has an end.
        .header_read_timeout(idle_timeout.min(IDLE_TIMEOUT_MAX))
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(FIELDS_MAX);
    builder
}

type Accepted = (TcpStream, ConnectionAddresses, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = permits.clone().acquire_owned();
    let permit = permit.await.map_err(io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    // An answer that is ready should not wait for the client's acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let server = stream.local_addr()?;
    Ok((stream, ConnectionAddresses { client, server }, permit))
}

/// Whether an error is about one connection, and the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotConnected
    )
}

/// The first byte of a connection that begins a TLS handshake. No request begins with it.
const TLS_HANDSHAKE: u8 = 22;

/// Talks with a client, encrypted or not: one port is for both where this host has a certificate.
async fn connection(
    host: Host,
    builder: &http1::Builder,
    stream: TcpStream,
    addresses: ConnectionAddresses,
    mut stopping: watch::Receiver<()>,
) {
    let tls = host.current().settings.tls.clone();
    let client = Client {
        host,
        addresses,
        identity: ClientIdentity::default(),
    };
    let Policy {
        send_timeout,
        idle_timeout,
        ..
    } = client.policy();
    let Some(tls) = tls else {
        let stream = SendTimeout::new(stream, send_timeout);
        return talk(stream, client, builder, stopping).await;
    };
    let address = addresses.client;
    let first = tokio::select! {
        first = first_byte(&stream, idle_timeout) => first,
        _ = stopping.changed() => return,
    };
    let stream = SendTimeout::new(stream, send_timeout);
    match first {
        Ok(Some(TLS_HANDSHAKE)) => {}
        Ok(_) => return talk(stream, client, builder, stopping).await,
        Err(error) => return tracing::debug!("{address} has said nothing: {error}"),
    }
    let accepted = tokio::select! {
        accepted = tls.accept(stream) => accepted,
        _ = stopping.changed() => return,
    };
    match accepted {
        Ok((stream, shown)) => {
            let identity = ClientIdentity {
                tls: Some(Arc::new(shown)),
                ..ClientIdentity::default()
            };
            let client = Client { identity, ..client };
            // Otherwise connections without TLS, too, would have room for its state.
            Box::pin(talk(stream, client, builder, stopping)).await;
        }
        Err(error) => tracing::debug!("the TLS handshake of {address} failed: {error}"),
    }
}

async fn first_byte(stream: &TcpStream, limit: Duration) -> io::Result<Option<u8>> {
    let mut first = [0];
    let read = tokio::time::timeout(limit, stream.peek(&mut first)).await??;
    Ok((read > 0).then_some(first[0]))
}

/// Talks HTTP with a client.
async fn talk<S>(
    stream: S,
    client: Client,
    builder: &http1::Builder,
    mut stopping: watch::Receiver<()>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let address = client.addresses.client;
    let policy = client.policy();
    let told = tokio::select! {
        told = begun_in_time(stream, policy.idle_timeout) => told,
        _ = stopping.changed() => return,
    };
    let (protocol, stream) = match told {
        Ok(told) => told,
        Err(error) => return tracing::debug!("{address} has not begun to speak HTTP: {error}"),
    };
    let notes = HttpNotes::new(protocol);
    let stream = NotedStream::new(stream, notes.clone());
    let ended = match protocol {
        Protocol::Http1 => {
            let ended = talk_http1(stream, client, notes, builder, stopping).await;
            ended.map_err(|error| error.to_string())
        }
        Protocol::Http2 => {
            let answer = |request, hints| client.clone().answer(request, Some(hints), &notes);
            let patience = Patience {
                silence_max: SILENCE_MAX,
                send_timeout: policy.send_timeout,
                idle_timeout: policy.idle_timeout,
            };
            let ended = http2::serve(stream, answer, stopping.changed(), patience).await;
            ended.map_err(|error| error.to_string())
        }
    };
    if let Err(error) = ended {
        // A client that leaves, or that does not speak HTTP, is no failure of this program.
        tracing::debug!("the connection of {address} ended early: {error}");
    }
}

/// What is spoken on a connection. It is an error when the client has not said enough to know it after `limit`.
async fn begun_in_time<S>(stream: S, limit: Duration) -> io::Result<(Protocol, Begun<S>)>
where
    S: AsyncRead + Unpin,
{
    tokio::time::timeout(limit, protocol::tell(stream)).await?
}

async fn talk_http1<S>(
    stream: S,
    client: Client,
    notes: HttpNotes,
    builder: &http1::Builder,
    mut stopping: watch::Receiver<()>,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let interim = InterimResponses::default();
    let stream = InterimStream::new(stream, interim.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let takes_hints = request.version() == Version::HTTP_11;
        let hints = takes_hints.then(|| Arc::new(interim.clone()) as Arc<dyn EarlyHints>);
        let request = ReadToEnd::of(request);
        let answering = client.clone().answer(request, hints, &notes);
        let answering =
            answering.map(|response| Ok::<_, Infallible>(response.map(FlushedBeforeError::new)));
        AfterInterim::new(answering, interim.clone())
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Whether a request has no `Host` where it has to have one, whatever its target is: RFC 9112 section 3.2. It may be
/// empty.
fn lacks_host<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST)
}

/// A client, as far as its connection shows it.
#[derive(Clone)]
struct Client {
    host: Host,
    addresses: ConnectionAddresses,
    identity: ClientIdentity,
}

impl Client {
    fn policy(&self) -> Policy {
        self.host.current().settings.policy
    }

    /// Answers a request that has just been read from the connection of these `notes`.
    fn answer<B>(
        self,
        mut request: Request<B>,
        early_hints: Option<Arc<dyn EarlyHints>>,
        notes: &HttpNotes,
    ) -> impl Future<Output = Response<OutgoingBody>> + Send + use<B>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        request.extensions_mut().insert(ClientIdentity {
            h2_fingerprint: notes.http2_fingerprint(),
            ..self.identity
        });
        let mut connection = ClientConnection::of(self.addresses);
        connection.original_names = notes.take_names(&request);
        connection.early_hints = early_hints;
        let (expectation, request) = Expectation::of(request);
        let answering = if lacks_host(&request) {
            Either::Left(future::ready(Refused::without_host().into_response()))
        } else {
            Either::Right(answer(&self.host, request, connection))
        };
        answering.map(move |mut response| {
            expectation.settle(&mut response);
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::identity::PREFACE;

    const LIMIT: Duration = Duration::from_millis(20);

    /// What becomes of a client that says this and no more.
    async fn begun(said: &[u8]) -> io::Result<Protocol> {
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(said).await.unwrap();
        let (protocol, _) = begun_in_time(server, LIMIT).await?;
        Ok(protocol)
    }

    #[tokio::test]
    async fn a_client_that_does_not_begin_loses_its_connection() {
        for said in [b"".as_slice(), b"P", &PREFACE[..PREFACE.len() - 1]] {
            let error = begun(said).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn a_client_that_has_begun_keeps_its_connection() {
        assert_eq!(begun(b"G").await.unwrap(), Protocol::Http1);
        assert_eq!(begun(b"PU").await.unwrap(), Protocol::Http1);
        assert_eq!(begun(PREFACE).await.unwrap(), Protocol::Http2);
    }
}
