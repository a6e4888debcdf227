//! What kind of failure it was, from the real cause.

use std::error::Error as StdError;
use std::io;

use abi_core::body::BodyError;
use abi_core::http::{SendError, SendErrorKind as Kind};
use hyper_util::client::legacy::Error as ClientError;

use super::connector::{ConnectError, ResolveError};

/// HTTP/2 frame types: RFC 9113 section 6.
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

/// The failure as guests are told of it.
pub(super) fn send_error(error: ClientError) -> SendError {
    let mut found = causes(&error)
        .find_map(classify)
        .unwrap_or_else(|| SendError::new(fallback(&error)));
    if error.is_connect() && found.kind == Kind::HttpIncompleteResponse {
        found.kind = Kind::ConnectionTerminated;
    }
    found.with_source(describe(&error))
}

/// Why there is no connection.
pub(super) fn connect_error(error: ConnectError) -> SendError {
    let found = causes(&error).find_map(classify);
    let mut found = found.unwrap_or_else(|| SendError::new(Kind::DestinationUnavailable));
    if found.kind == Kind::HttpIncompleteResponse {
        found.kind = Kind::ConnectionTerminated;
    }
    found.with_source(error)
}

/// The head of a response is larger than any may be.
pub(super) fn head_too_large() -> SendError {
    SendError::new(Kind::HttpResponseHeaderSectionTooLarge)
}

/// What went wrong on a connection that was made for one request.
pub(super) fn exchange_error(error: hyper::Error) -> SendError {
    let found = causes(&error).find_map(classify);
    let found = found.unwrap_or_else(|| SendError::new(Kind::ConnectionTerminated));
    found.with_source(error)
}

/// Whether the backend has certainly not looked at the request, whatever it was.
pub(super) fn is_unprocessed(error: &ClientError) -> bool {
    // One that was canceled had not begun to be sent when its connection ended.
    let is_canceled = |cause: &(dyn StdError + 'static)| {
        let hyper = cause.downcast_ref::<hyper::Error>();
        hyper.is_some_and(hyper::Error::is_canceled)
    };
    // RFC 9113 section 8.7.
    let is_refused =
        |error: &h2::Error| error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    causes(error).any(is_canceled) || of_backend(error).is_some_and(is_refused)
}

/// Whether the backend has said that it goes away.
pub(super) fn is_go_away(error: &ClientError) -> bool {
    of_backend(error).is_some_and(h2::Error::is_go_away)
}

/// What the backend has said on HTTP/2 in place of an answer.
fn of_backend(error: &ClientError) -> Option<&h2::Error> {
    causes(error)
        .find_map(<dyn StdError>::downcast_ref::<h2::Error>)
        .filter(|error| error.is_remote())
}

/// Whether the connection ended while the request waited for other streams of it to end. It may have begun at that moment.
pub(super) fn waited_for_others(error: &ClientError) -> bool {
    causes(error).any(|cause| cause.downcast_ref().is_some_and(is_dropped))
}

/// Whether the HTTP library has let go of a request, which is the only error "of the user" beside that of the request's own
/// body.
fn is_dropped(error: &hyper::Error) -> bool {
    error.is_user() && !causes(error).any(<dyn StdError>::is::<BodyError>)
}

/// Whether the connection was closed before any byte of a response.
pub(super) fn is_closed(error: &ClientError) -> bool {
    let is_closed = |cause: &(dyn StdError + 'static)| {
        let hyper = cause.downcast_ref::<hyper::Error>();
        let io = cause.downcast_ref::<io::Error>();
        hyper.is_some_and(|error| {
            error.is_incomplete_message() || error.is_closed() || error.is_canceled()
        }) || io.is_some_and(|error| is_reset(error.kind()))
    };
    !error.is_connect() && causes(error).any(is_closed)
}

fn is_reset(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Io;
    matches!(
        kind,
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof
    )
}

/// An error and everything below it. Errors that are packed into another one without being its source are unpacked.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

fn below<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    if let Some(ConnectError::Failed(packed)) = error.downcast_ref() {
        return Some(&**packed);
    }
    if let Some(packed) = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        return Some(packed);
    }
    error.source()
}

/// The kind of one error in the chain, if it says anything.
fn classify(error: &(dyn StdError + 'static)) -> Option<SendError> {
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return match error {
            ConnectError::TimedOut(_) => Some(SendError::new(Kind::ConnectionTimeout)),
            ConnectError::TooMany(_) => Some(SendError::new(Kind::ConnectionLimitReached)),
            ConnectError::Tls(_) => Some(SendError::new(Kind::TlsConfigurationError)),
            ConnectError::Failed(_) => None,
        };
    }
    if error.is::<ResolveError>() {
        return Some(SendError::new(Kind::DnsError));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls_error(error));
    }
    if let Some(error) = error.downcast_ref::<h2::Error>() {
        return h2_error(error);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return hyper_kind(error).map(SendError::new);
    }
    let error = error.downcast_ref::<io::Error>()?;
    io_kind(error).map(SendError::new)
}

fn tls_error(error: &rustls::Error) -> SendError {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            SendError::new(Kind::TlsCertificateError)
        }
        rustls::Error::AlertReceived(alert) => {
            let mut error = SendError::new(Kind::TlsAlertReceived);
            error.tls_alert = Some(u8::from(*alert));
            error
        }
        rustls::Error::InconsistentKeys(_) | rustls::Error::UnsupportedNameType => {
            SendError::new(Kind::TlsConfigurationError)
        }
        _ => SendError::new(Kind::TlsProtocolError),
    }
}

fn h2_error(error: &h2::Error) -> Option<SendError> {
    let reason = error.reason()?;
    if error.is_library() {
        // No frame of the backend's said so: it is what the backend is told for having broken the rules.
        return Some(SendError::new(Kind::HttpProtocolError));
    }
    let frame = if error.is_go_away() {
        GOAWAY
    } else {
        RST_STREAM
    };
    let mut found = SendError::new(Kind::H2Error);
    found.h2_error = Some((frame, u32::from(reason)));
    Some(found)
}

fn hyper_kind(error: &hyper::Error) -> Option<Kind> {
    if error.is_incomplete_message() {
        Some(Kind::HttpIncompleteResponse)
    } else if error.is_parse_too_large() {
        Some(Kind::HttpResponseHeaderSectionTooLarge)
    } else if error.is_parse_status() {
        Some(Kind::HttpResponseStatusInvalid)
    } else if error.is_parse() {
        Some(Kind::HttpProtocolError)
    } else if error.is_timeout() {
        Some(Kind::HttpResponseTimeout)
    } else if is_dropped(error) {
        Some(Kind::ConnectionTerminated)
    } else if error.is_body_write_aborted() || error.is_user() {
        // The guest's own body broke off.
        Some(Kind::InternalError)
    } else {
        None
    }
}

fn io_kind(error: &io::Error) -> Option<Kind> {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::ConnectionRefused => Some(Kind::ConnectionRefused),
        Io::TimedOut => Some(Kind::ConnectionTimeout),
        Io::HostUnreachable | Io::NetworkUnreachable | Io::AddrNotAvailable => {
            Some(Kind::DestinationIpUnroutable)
        }
        // A connection that is closed in the middle of a handshake hides what is below.
        kind if is_reset(kind)
            && error
                .get_ref()
                .is_none_or(|below| !below.is::<rustls::Error>()) =>
        {
            Some(Kind::HttpIncompleteResponse)
        }
        _ => None,
    }
}

fn fallback(error: &ClientError) -> Kind {
    if error.is_connect() {
        Kind::DestinationUnavailable
    } else {
        Kind::ConnectionTerminated
    }
}

/// The chain of causes as one text, without repetitions.
pub(super) fn describe(error: &ClientError) -> String {
    let mut text = String::new();
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        if !text.ends_with(&part) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
        }
        next = error.source();
    }
    if text.is_empty() {
        error.to_string()
    } else {
        text
    }
}
