//! Clients that ask for nothing, and clients that are not there any more.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use h2::server::{Connection, SendResponse};
use h2::{Ping, PingPong, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use super::piece::Piece;

/// A request, with the place for its response.
pub(super) type Accepted = (Request<RecvStream>, SendResponse<Piece>);

/// There has been no request for too long.
pub(super) struct IsIdle;

/// Since when a connection has had no request. Frames that belong to none do not count: who only pings is idle.
pub(super) struct Idle {
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
    is_idle: bool,
}

impl Idle {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            sleep: Box::pin(tokio::time::sleep(limit)),
            is_idle: false,
        }
    }

    /// Waits for a request, of which there is none at the end of the connection, or for the time in which none has come and
    /// none was left.
    pub(super) async fn next<S>(
        &mut self,
        connection: &mut Connection<S, Piece>,
    ) -> Result<Option<Result<Accepted, h2::Error>>, IsIdle>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        poll_fn(|cx| {
            // Whatever opens a stream or closes it happens in here, or wakes this task.
            if let Poll::Ready(accepted) = pin!(connection.accept()).poll(cx) {
                self.is_idle = false;
                return Poll::Ready(Ok(accepted));
            }
            self.poll(cx, connection.has_streams())
                .map(|()| Err(IsIdle))
        })
        .await
    }

    /// Ready when there have been no streams for as long as the limit says; then it begins anew.
    fn poll(&mut self, cx: &mut Context<'_>, has_streams: bool) -> Poll<()> {
        if has_streams {
            self.is_idle = false;
            return Poll::Pending;
        }
        if !self.is_idle {
            self.is_idle = true;
            // One that is too far away is never reached.
            if let Some(deadline) = Instant::now().checked_add(self.limit) {
                self.sleep.as_mut().reset(deadline);
            }
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.is_idle = false;
        Poll::Ready(())
    }
}

/// Ends when the client does not answer in time when it is asked whether it is there.
pub(super) async fn vanished(asking: Option<PingPong>, silence_max: Duration) {
    let Some(mut asking) = asking else {
        // Somebody else asks; there is nobody else.
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(silence_max).await;
        if asking.send_ping(Ping::opaque()).is_err() {
            return;
        }
        let answered = poll_fn(|cx| asking.poll_pong(cx));
        if !matches!(tokio::time::timeout(silence_max, answered).await, Ok(Ok(_))) {
            return;
        }
    }
}
