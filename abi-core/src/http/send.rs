//! A request on its way to a backend, and what comes of it.

use std::error::Error as StdError;
use std::fmt;

use crate::body::{Body, OutgoingBody};
use crate::http::{Destination, RequestHead, ResponseHead};

/// A request for a backend.
#[derive(Debug)]
pub struct BackendRequest {
    /// Where it goes.
    pub destination: Destination,
    /// The head.
    pub head: RequestHead,
    /// The body; for a streaming send, one that goes on as the guest writes.
    pub body: OutgoingBody,
    /// Whether a cache between the guest and the backend has to be left out (`send_v3`, `send_async_v2`).
    pub bypass_cache: bool,
}

/// A backend's response.
#[derive(Debug)]
pub struct BackendResponse {
    /// The head.
    pub head: ResponseHead,
    /// The body, which may still be arriving.
    pub body: Body,
}

/// Why a request was not answered. witx `send_error_detail` without its layout.
#[derive(Debug)]
pub struct SendError {
    /// What kind of failure it was.
    pub kind: SendErrorKind,
    /// The resolver's response code, for [`SendErrorKind::DnsError`].
    pub dns_rcode: Option<u16>,
    /// The alert's number, for [`SendErrorKind::TlsAlertReceived`].
    pub tls_alert: Option<u8>,
    /// The frame type and error code, for [`SendErrorKind::H2Error`].
    pub h2_error: Option<(u8, u32)>,
    /// The cause, for messages.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl SendError {
    /// An error without details.
    #[must_use]
    pub const fn new(kind: SendErrorKind) -> Self {
        Self {
            kind,
            dns_rcode: None,
            tls_alert: None,
            h2_error: None,
            source: None,
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.meaning())?;
        let mut source = self.source.as_deref().map(|source| source as &dyn StdError);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl StdError for SendError {}

macro_rules! send_error_kinds {
    ($($name:ident = $number:literal, $meaning:literal;)*) => {
        /// witx `send_error_detail_tag`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        #[non_exhaustive]
        pub enum SendErrorKind {
            $(#[doc = concat!("The request failed: ", $meaning, ".")] $name = $number,)*
        }

        impl SendErrorKind {
            /// The failure in words.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }

            /// The number a guest gets.
            #[must_use]
            pub const fn tag(self) -> u32 {
                self as u32
            }
        }
    };
}

send_error_kinds! {
    DnsTimeout = 2, "the name of the backend could not be resolved in time";
    DnsError = 3, "the name of the backend could not be resolved";
    DestinationNotFound = 4, "there is no such backend";
    DestinationUnavailable = 5, "the backend is not available";
    DestinationIpUnroutable = 6, "there is no route to the backend";
    ConnectionRefused = 7, "the backend refused the connection";
    ConnectionTerminated = 8, "the connection to the backend was closed";
    ConnectionTimeout = 9, "the connection to the backend was not made in time";
    ConnectionLimitReached = 10, "too many connections to the backend are open";
    TlsCertificateError = 11, "the certificate of the backend is not valid";
    TlsConfigurationError = 12, "the TLS settings of the backend do not work";
    HttpIncompleteResponse = 13, "the backend closed before its response was complete";
    HttpResponseHeaderSectionTooLarge = 14, "the head of the response is too large";
    HttpResponseBodyTooLarge = 15, "the body of the response is too large";
    HttpResponseTimeout = 16, "the backend did not answer in time";
    HttpResponseStatusInvalid = 17, "the status of the response is not valid";
    HttpUpgradeFailed = 18, "the backend did not upgrade the connection";
    HttpProtocolError = 19, "the backend does not speak HTTP as it should";
    HttpRequestCacheKeyInvalid = 20, "the cache key of the request is not valid";
    HttpRequestUriInvalid = 21, "the URI of the request is not valid";
    InternalError = 22, "the host failed";
    TlsAlertReceived = 23, "the backend sent a TLS alert";
    TlsProtocolError = 24, "the backend does not speak TLS as it should";
    H2Error = 25, "the HTTP/2 connection to the backend failed";
}
