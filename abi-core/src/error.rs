//! What can go wrong in a hostcall, and the one place that turns it into a status.

use std::fmt;

use crate::body::BodyError;
use crate::http::{SendError, SendErrorKind};
use crate::memory::MemoryError;
use crate::status::{Errno, FastlyStatus};
use crate::stores::KvError;

/// The result of a hostcall.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a hostcall did not do what it was asked.
///
/// Most variants are the guest's to handle: they become a status ([`Error::status`]). [`Error::Stop`] is different: it
/// ends the guest.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The guest passed a pointer that cannot be used.
    Memory(MemoryError),
    /// The guest passed a handle that names nothing of this kind.
    BadHandle {
        /// What the handle should have named.
        kind: &'static str,
        /// Its number.
        number: u32,
    },
    /// The guest passed an argument that is not valid; the text says which and why.
    InvalidArgument(&'static str),
    /// The guest passed text or numbers that do not make the HTTP element they should; the text says which.
    InvalidHttp(&'static str),
    /// The guest built a message that cannot be sent; the text says why.
    UnsendableMessage(&'static str),
    /// An output buffer is too small. Whoever returns this has written the needed size already.
    BufferTooSmall,
    /// The guest has no duty to insert or update an object of the cache; the text says why.
    NotObligated(&'static str),
    /// The operation is not available here; the text says why.
    Unsupported(&'static str),
    /// The value asked for is absent.
    Absent,
    /// The session holds too many things of this kind.
    LimitExceeded(&'static str),
    /// The value will be known later.
    Again,
    /// The hostcall came at a time when it cannot be done; the text says why.
    OutOfTurn(&'static str),
    /// A body could not be read or written.
    Body(BodyError),
    /// A request could not be sent, or was not answered.
    Send(Box<SendError>),
    /// A KV store did not do what it was asked, and the hostcall has no other place to say so.
    Store(KvError),
    /// A WASI call failed with this number.
    Wasi(Errno),
    /// The guest ends here.
    Stop(Stop),
}

/// Why a guest ends before its entry point returns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The guest called `proc_exit` with this code.
    Exit(u32),
    /// The host gives up on the guest; the text says why.
    Trap(String),
    /// The run was cancelled while the guest was in a hostcall.
    Cancelled,
}

impl Error {
    /// The XQD status for this error, or the reason to stop the guest.
    ///
    /// # Errors
    ///
    /// [`Stop`] when the guest must not go on.
    pub fn status(&self) -> Result<FastlyStatus, Stop> {
        Ok(match self {
            Self::Memory(MemoryError::Misaligned { .. }) => FastlyStatus::Badalign,
            Self::Memory(MemoryError::OutOfBounds { .. } | MemoryError::NotUtf8 { .. })
            | Self::InvalidArgument(_) => FastlyStatus::Inval,
            Self::BadHandle { .. } | Self::NotObligated(_) => FastlyStatus::Badf,
            Self::InvalidHttp(_) | Self::OutOfTurn(_) => FastlyStatus::Error,
            Self::UnsendableMessage(_) => FastlyStatus::Httpuser,
            Self::BufferTooSmall => FastlyStatus::Buflen,
            Self::Unsupported(_) => FastlyStatus::Unsupported,
            Self::Absent => FastlyStatus::None,
            Self::LimitExceeded(_) => FastlyStatus::Limitexceeded,
            Self::Again => FastlyStatus::Again,
            Self::Body(error) => error.status(),
            Self::Send(error) => error.kind.status(),
            Self::Store(error) => error.status(),
            Self::Wasi(_) => FastlyStatus::Error,
            Self::Stop(stop) => return Err(stop.clone()),
        })
    }

    /// The WASI error number for this error, or the reason to stop the guest.
    ///
    /// # Errors
    ///
    /// [`Stop`] when the guest must not go on.
    pub fn errno(&self) -> Result<Errno, Stop> {
        Ok(match self {
            Self::Wasi(errno) => *errno,
            Self::Memory(MemoryError::NotUtf8 { .. }) => Errno::Ilseq,
            Self::Memory(_) => Errno::Fault,
            Self::BadHandle { .. } => Errno::Badf,
            Self::Unsupported(_) => Errno::Notsup,
            Self::Stop(stop) => return Err(stop.clone()),
            Self::InvalidArgument(_)
            | Self::InvalidHttp(_)
            | Self::UnsendableMessage(_)
            | Self::NotObligated(_)
            | Self::BufferTooSmall
            | Self::Absent
            | Self::LimitExceeded(_)
            | Self::Again
            | Self::OutOfTurn(_)
            | Self::Body(_)
            | Self::Send(_)
            | Self::Store(_) => Errno::Inval,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::BadHandle { kind, number } => write!(f, "{number} is not a {kind} handle"),
            Self::InvalidArgument(what)
            | Self::InvalidHttp(what)
            | Self::UnsendableMessage(what)
            | Self::NotObligated(what)
            | Self::Unsupported(what)
            | Self::OutOfTurn(what) => f.write_str(what),
            Self::BufferTooSmall => f.write_str("the output buffer is too small"),
            Self::Absent => f.write_str("there is no such value"),
            Self::LimitExceeded(kind) => {
                write!(f, "the run has too many things of the kind `{kind}`")
            }
            Self::Again => f.write_str("the value is not known yet"),
            Self::Body(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Wasi(errno) => write!(f, "WASI error {errno:?}"),
            Self::Stop(stop) => stop.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "the guest exited with code {code}"),
            Self::Trap(why) => f.write_str(why),
            Self::Cancelled => f.write_str("the run was cancelled"),
        }
    }
}

impl std::error::Error for Stop {}

impl From<MemoryError> for Error {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Send(Box::new(error))
    }
}

impl From<KvError> for Error {
    fn from(error: KvError) -> Self {
        Self::Store(error)
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::Wasi(errno)
    }
}

impl KvError {
    /// The XQD status of a hostcall that has no other place for this error.
    #[must_use]
    pub const fn status(self) -> FastlyStatus {
        match self {
            Self::BadRequest | Self::PreconditionFailed | Self::PayloadTooLarge => {
                FastlyStatus::Inval
            }
            Self::NotFound => FastlyStatus::None,
            Self::Internal => FastlyStatus::Error,
            Self::TooManyRequests => FastlyStatus::Limitexceeded,
        }
    }
}

impl SendErrorKind {
    /// The XQD status that goes with a failed send.
    #[must_use]
    pub const fn status(self) -> FastlyStatus {
        match self {
            Self::DestinationNotFound | Self::HttpRequestUriInvalid => FastlyStatus::Inval,
            Self::HttpIncompleteResponse => FastlyStatus::Httpincomplete,
            Self::HttpProtocolError => FastlyStatus::Httpinvalid,
            Self::HttpResponseHeaderSectionTooLarge => FastlyStatus::Httpheadtoolarge,
            Self::HttpResponseStatusInvalid => FastlyStatus::Httpinvalidstatus,
            _ => FastlyStatus::Error,
        }
    }
}
