//! From a guest's request to the one that is sent.

use std::sync::LazyLock;

use abi_core::body::OutgoingBody;
use abi_core::http::{RequestHead, SendError, SendErrorKind};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TE, TRANSFER_ENCODING};
use http::uri::{Authority, Parts, PathAndQuery};
use http::{Method, Request, Uri};
use http_body::Body as _;

use super::settings::{BackendSettings, BackendUrl};
use crate::framing::{self, Length};

/// Stands for the one place to which a backend's connections lead. On HTTP/1.1 alone the authority of a URI is not sent,
/// but it is hashed, letter by letter, whenever a connection is looked for or given back.
static PLACE: LazyLock<Authority> = LazyLock::new(|| Authority::from_static("-"));

/// The request as it is sent to the backend.
pub(super) fn outgoing(
    settings: &BackendSettings,
    head: RequestHead,
    body: OutgoingBody,
) -> Result<Request<OutgoingBody>, SendError> {
    if head.method == Method::CONNECT {
        let error = SendError::new(SendErrorKind::HttpProtocolError);
        return Err(error.with_source("CONNECT makes a tunnel, and there are none to a backend"));
    }
    let mut headers = head.headers;
    let host = host(settings, &headers, &head.uri)?;
    let uri = target(settings, &host, &head.uri)?;
    let accepts_trailers = settings.http2_only && asks_for_trailers(&headers);
    let length = Length::of(body.size_hint().exact());
    framing::settle(&mut headers, head.framing, length);
    add_framing(&mut headers, &head.method, length, body.is_end_stream());
    if accepts_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if is_host_of(&uri, &host, settings) {
        headers.remove(HOST);
    } else {
        headers.insert(HOST, host);
    }

    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// What the HTTP library does not add by itself, because of the method.
fn add_framing(headers: &mut HeaderMap, method: &Method, length: Length, is_empty: bool) {
    let usually_without_body = *method == Method::GET || *method == Method::HEAD;
    if length == Length::Unknown && usually_without_body && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    // RFC 9110 section 8.6: a method that expects a body is told that there is none.
    let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    if is_empty && expects_body && !headers.contains_key(TRANSFER_ENCODING) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

fn asks_for_trailers(headers: &HeaderMap) -> bool {
    let te = headers.get(TE);
    te.is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"))
}

/// The `Host` of the request: the backend's, or else what the guest set, or else where the request goes.
fn host(
    settings: &BackendSettings,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<HeaderValue, SendError> {
    let set = settings
        .override_host
        .as_ref()
        .or_else(|| headers.get(HOST));
    if let Some(host) = set {
        return Ok(host.clone());
    }
    let authority = uri.authority().unwrap_or(settings.url.authority());
    HeaderValue::from_str(authority.as_str()).map_err(|error| invalid_uri(error.into()))
}

/// The URI of the request.
///
/// HTTP/1.1 takes only its path, and the authority decides which connections are used again. HTTP/2 sends the
/// authority, which then has to be the host that is asked for. A backend in this process sees all of it.
fn target(settings: &BackendSettings, host: &HeaderValue, uri: &Uri) -> Result<Uri, SendError> {
    let url = &settings.url;
    let asked_for = match may_be_http2(settings) {
        true => Authority::try_from(host.as_bytes()).ok(),
        false => settings.local.is_none().then(|| PLACE.clone()),
    };
    let mut parts = Parts::default();
    parts.scheme = Some(url.scheme().clone());
    parts.authority = Some(asked_for.unwrap_or_else(|| url.authority().clone()));
    parts.path_and_query = Some(path(url, uri)?);
    Uri::from_parts(parts).map_err(|error| invalid_uri(error.into()))
}

/// Whether the HTTP library makes the `Host` from the URI where there has to be one. On HTTP/2 the authority is enough,
/// and some servers refuse requests that have both: RFC 9113 section 8.3.1.
fn is_host_of(uri: &Uri, host: &HeaderValue, settings: &BackendSettings) -> bool {
    let usual_port = match (uri.port_u16(), settings.url.is_https()) {
        (Some(port), is_https) => port == if is_https { 443 } else { 80 },
        (None, _) => false,
    };
    // The library leaves out a port that goes without saying.
    let is_same = uri
        .authority()
        .is_some_and(|authority| authority.as_str() == host);
    may_be_http2(settings) && is_same && !usual_port
}

/// Whether the backend may be spoken to on HTTP/2.
pub(super) fn may_be_http2(settings: &BackendSettings) -> bool {
    settings.http2_only || settings.url.is_https()
}

fn path(url: &BackendUrl, uri: &Uri) -> Result<PathAndQuery, SendError> {
    let path = uri.path_and_query();
    if url.prefix().is_empty() {
        return Ok(path.map_or_else(|| PathAndQuery::from_static("/"), Clone::clone));
    }
    let path = path.map_or("/", PathAndQuery::as_str);
    let slash = if path.starts_with('/') { "" } else { "/" };
    PathAndQuery::try_from(format!("{}{slash}{path}", url.prefix()))
        .map_err(|error| invalid_uri(error.into()))
}

fn invalid_uri(error: http::Error) -> SendError {
    SendError::new(SendErrorKind::HttpRequestUriInvalid).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::LocalBackend;
    use bytes::Bytes;
    use http::StatusCode;

    fn sent(settings: &BackendSettings, head: RequestHead) -> Request<OutgoingBody> {
        outgoing(settings, head, OutgoingBody::empty()).unwrap()
    }

    fn settings(url: &str) -> BackendSettings {
        BackendSettings::new(url.parse().unwrap())
    }

    fn head(uri: &str) -> RequestHead {
        let mut head = RequestHead::new();
        head.uri = uri.parse().unwrap();
        head
    }

    #[test]
    fn the_path_is_joined_to_the_prefix() {
        for (url, uri, expected) in [
            ("http://b", "http://c/x?y=1", "/x?y=1"),
            ("http://b/", "/x", "/x"),
            ("http://b/p/", "http://c/x?y", "/p/x?y"),
            ("http://b/p", "http://c", "/p/"),
            ("http://b/p", "http://c?q", "/p/?q"),
        ] {
            let sent = sent(&settings(url), head(uri));
            assert_eq!(sent.uri().path_and_query().unwrap(), expected);
        }
    }

    #[test]
    fn the_host_is_the_most_specific_one() {
        let mut settings = settings("http://b:8080");
        let host = |settings: &BackendSettings, head: &RequestHead| {
            sent(settings, head.clone()).headers()[HOST].clone()
        };
        assert_eq!(host(&settings, &head("/x")), "b:8080");
        let mut asked = head("http://c/x");
        assert_eq!(host(&settings, &asked), "c");
        asked.headers.insert(HOST, HeaderValue::from_static("d"));
        assert_eq!(host(&settings, &asked), "d");
        settings.override_host = Some(HeaderValue::from_static("e"));
        assert_eq!(host(&settings, &asked), "e");
    }

    #[test]
    fn http2_asks_for_the_host_of_the_request() {
        let mut asked = head("http://c/x");
        asked.headers.insert(HOST, HeaderValue::from_static("d"));
        assert_eq!(
            sent(&settings("https://b"), asked.clone()).uri(),
            "https://d/x"
        );
        let mut settings = settings("http://b");
        assert_eq!(sent(&settings, asked.clone()).uri(), "http://-/x");
        settings.local = Some(LocalBackend::from_fn(async |_| StatusCode::OK));
        assert_eq!(sent(&settings, asked).uri(), "http://b/x");
    }

    #[test]
    fn the_host_is_told_once_where_http2_may_be_spoken() {
        let host = |url: &str, host: &'static str| {
            let mut asked = head("http://c/x");
            asked.headers.insert(HOST, HeaderValue::from_static(host));
            let request = sent(&settings(url), asked);
            request.headers().get(HOST).cloned()
        };
        let same = |text| Some(HeaderValue::from_static(text));
        assert_eq!(host("http://b", "d"), same("d"));
        assert_eq!(host("http://b", "b"), same("b"));
        assert_eq!(host("https://b", "d"), None);
        assert_eq!(host("https://b", "d:8443"), None);
        // On HTTP/1.1 it would not be what the guest has set.
        assert_eq!(host("https://b", "d:443"), same("d:443"));
        assert_eq!(host("https://b", "/"), same("/"));
    }

    #[test]
    fn bodies_are_framed_by_what_is_known_about_them() {
        let settings = settings("http://b");
        let mut post = head("/");
        post.method = Method::POST;
        assert_eq!(sent(&settings, post).headers()[CONTENT_LENGTH], "0");
        let get = sent(&settings, head("/"));
        assert!(!get.headers().contains_key(CONTENT_LENGTH));

        let (mut writer, reader) = abi_core::body::pipe();
        writer.write(b"x").unwrap();
        let streaming = OutgoingBody::streaming(abi_core::body::Body::empty(), reader);
        let get = outgoing(&settings, head("/"), streaming).unwrap();
        assert_eq!(get.headers()[TRANSFER_ENCODING], "chunked");
        let known = OutgoingBody::from(Bytes::from_static(b"x"));
        let get = outgoing(&settings, head("/"), known).unwrap();
        assert!(!get.headers().contains_key(TRANSFER_ENCODING));
    }

    #[test]
    fn tunnels_are_refused() {
        let mut connect = head("http://c/");
        connect.method = Method::CONNECT;
        let error = outgoing(&settings("http://b"), connect, OutgoingBody::empty()).unwrap_err();
        assert_eq!(error.kind, SendErrorKind::HttpProtocolError);
    }
}
