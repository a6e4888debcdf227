//! Why a body could not be read or written.

use std::fmt;
use std::sync::Arc;

use crate::status::FastlyStatus;

/// Why a body could not be read or written.
///
/// Whose fault it was is part of it: the peer's ([`Incomplete`](Self::Incomplete), [`Peer`](Self::Peer),
/// [`TimedOut`](Self::TimedOut)), or that of the guest on the writing side ([`Abandoned`](Self::Abandoned)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// The peer closed before the body was complete.
    Incomplete,
    /// The peer, or the way to it, failed.
    Peer(Arc<dyn std::error::Error + Send + Sync>),
    /// The peer sent nothing for longer than the backend allows between bytes.
    TimedOut,
    /// The body is not encoded as its head says.
    Encoding,
    /// The writer gave the body up before its end.
    Abandoned,
    /// Nobody reads this body any more.
    Unread,
    /// There is no room for a body of this length.
    TooLarge,
}

impl BodyError {
    /// Wraps an error of the host's HTTP library.
    pub fn peer(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Peer(Arc::new(error))
    }

    /// The XQD status a guest gets.
    #[must_use]
    pub fn status(&self) -> FastlyStatus {
        match self {
            Self::Incomplete => FastlyStatus::Httpincomplete,
            Self::Peer(_)
            | Self::TimedOut
            | Self::Encoding
            | Self::Abandoned
            | Self::Unread
            | Self::TooLarge => FastlyStatus::Error,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str("the peer closed before the body was complete"),
            Self::Peer(error) => write!(f, "the body could not be read: {error}"),
            Self::TimedOut => f.write_str("the peer paused for too long in the middle of the body"),
            Self::Encoding => f.write_str("the body is not encoded as its head says"),
            Self::Abandoned => f.write_str("the body was abandoned by its writer"),
            Self::Unread => f.write_str("nobody reads the body any more"),
            Self::TooLarge => f.write_str("there is no room for a body of this length"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Peer(error) => Some(&**error),
            _ => None,
        }
    }
}
