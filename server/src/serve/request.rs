//! From a client's request to the one a guest sees.

use std::error::Error as StdError;
use std::net::{Ipv6Addr, SocketAddr};

use abi_core::body::OutgoingBody;
use abi_core::http::RequestHead;
use abi_core::{ClientIdentity, ClientRequest};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};

use super::ClientConnection;
use crate::body::receive;
use crate::host::RequestIds;
use crate::identity::ClientSettings;

/// Both ends of a client's connection.
///
/// As an extension of a request it tells [`Host::handle`](crate::Host::handle) what the guest is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionAddresses {
    /// The client's address.
    pub client: SocketAddr,
    /// The address the client connected to.
    pub server: SocketAddr,
}

impl ConnectionAddresses {
    /// What a request says about itself.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let extension = request.extensions().get();
        extension.copied().unwrap_or_default()
    }
}

impl Default for ConnectionAddresses {
    fn default() -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            client: nowhere,
            server: nowhere,
        }
    }
}

/// A request that no guest will see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    status: StatusCode,
    why: &'static str,
}

impl Refused {
    fn bad(why: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            why,
        }
    }

    /// A request on HTTP/1.1 that does not say which host it is for.
    pub(super) fn without_host() -> Self {
        Self::bad("there is no host\n")
    }

    /// A request that this host has passed on before: RFC 8586.
    pub(super) fn of_loop() -> Self {
        Self {
            status: StatusCode::LOOP_DETECTED,
            why: "this request has come here before: a backend of this host leads back to it\n",
        }
    }

    pub(super) fn into_response(self) -> Response<OutgoingBody> {
        let mut response = Response::new(Bytes::from_static(self.why.as_bytes()).into());
        *response.status_mut() = self.status;
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        response
    }
}

/// Tells a guest that its client's connection is encrypted.
const FASTLY_SSL: HeaderName = HeaderName::from_static("fastly-ssl");

/// The request as a guest of this host sees it. What its connection shows about the client is its extension
/// [`ClientIdentity`], if it has one.
pub(crate) fn client_request<B>(
    request: Request<B>,
    connection: ClientConnection,
    ids: &RequestIds,
    settings: &ClientSettings,
) -> Result<ClientRequest, Refused>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(Refused {
            status: StatusCode::NOT_IMPLEMENTED,
            why: "tunnels are not supported\n",
        });
    }
    let addresses = connection.addresses;
    let original_header_names = connection.original_names;
    let original_header_names = original_header_names.unwrap_or_else(|| names(&parts.headers));
    let mut identity: ClientIdentity = parts.extensions.remove().unwrap_or_default();
    let is_secure = settings.is_secure(&identity, &parts);
    let authority = authority(&parts.uri, &mut parts.headers, addresses.server)?;
    // Only this host says it; what a client says of itself is no answer.
    parts.headers.remove(FASTLY_SSL);
    let scheme = if is_secure {
        let yes = HeaderValue::from_static("1");
        parts.headers.insert(FASTLY_SSL, yes);
        Scheme::HTTPS
    } else {
        Scheme::HTTP
    };
    parts.uri = absolute(parts.uri, scheme, authority)?;
    settings.claim(&mut identity, &parts.headers);
    let addresses = settings.addresses(addresses, &parts.headers);
    Ok(ClientRequest {
        head: RequestHead::from(parts),
        body: receive(body),
        original_header_names,
        client: addresses.client,
        server: addresses.server,
        id: ids.next(),
        identity,
        early_hints: connection.early_hints,
    })
}

/// The name of each field, in one allocation for all of them.
fn names(headers: &HeaderMap) -> Vec<Bytes> {
    let length = headers.keys().map(|name| name.as_str().len()).sum();
    let mut all = BytesMut::with_capacity(length);
    for name in headers.keys() {
        all.extend_from_slice(name.as_str().as_bytes());
    }
    let all = all.freeze();
    let mut names = Vec::with_capacity(headers.len());
    let mut start = 0;
    for name in headers.keys() {
        let end = start + name.as_str().len();
        let name_bytes = all.slice(start..end);
        let fields = headers.get_all(name).iter().count();
        names.extend(std::iter::repeat_n(name_bytes, fields));
        start = end;
    }
    names
}

/// The host that the client asks for: RFC 9112 section 3.3. Where HTTP/2 has it in the URI, guests find it in `Host`
/// too.
fn authority(uri: &Uri, headers: &mut HeaderMap, server: SocketAddr) -> Result<Authority, Refused> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Refused::bad("there is more than one host\n"));
    }
    if let Some(authority) = uri.authority() {
        check_authority(authority)?;
        if host.is_none_or(|host| host.as_bytes() != authority.as_str().as_bytes()) {
            let value = HeaderValue::from_str(authority.as_str());
            headers.insert(HOST, value.map_err(|_| NO_HOST)?);
        }
        return Ok(authority.clone());
    }
    let authority = match host {
        Some(host) if !host.is_empty() => Authority::try_from(host.as_bytes()),
        // HTTP/1.0 has no host.
        _ => Authority::try_from(server.to_string()),
    };
    let authority = authority.map_err(|_| NO_HOST)?;
    check_authority(&authority)?;
    Ok(authority)
}

const NO_HOST: Refused = Refused {
    status: StatusCode::BAD_REQUEST,
    why: "the host is not valid\n",
};

/// A host has no user (RFC 9110 section 7.2): one before an `@` is taken for the host by some, and by others not. What no
/// URL can have is refused as well: SDKs make one of it, and a guest whose client could make that fail would trap.
fn check_authority(authority: &Authority) -> Result<(), Refused> {
    let host = authority.host();
    // The host is the beginning of it, where there is no user.
    let port = authority.as_str().strip_prefix(host).ok_or(NO_HOST)?;
    match port.strip_prefix(':') {
        Some(number) if is_port(number) => {}
        None if port.is_empty() => {}
        _ => return Err(NO_HOST),
    }
    match is_url_host(host) {
        true => Ok(()),
        false => Err(NO_HOST),
    }
}

/// RFC 3986 section 3.2.3: it may be empty.
fn is_port(number: &str) -> bool {
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (number.is_empty() || number.parse::<u16>().is_ok())
}

/// Whether a URL can have this host: <https://url.spec.whatwg.org/#host-parsing>, but for names in Punycode, which are not
/// looked into.
fn is_url_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let labels = host.strip_suffix('.').unwrap_or(host);
    let last = labels.rsplit('.').next().unwrap_or_default();
    // One that ends in a number is an address.
    let is_name = !is_number(last) || is_ipv4_address(labels);
    !host.is_empty() && !host.contains(['%', '[', ']']) && is_name
}

/// Whether a label makes the whole host an address, also where it is too large a number for one.
fn is_number(label: &str) -> bool {
    match hexadecimal(label) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn hexadecimal(label: &str) -> Option<&str> {
    label.strip_prefix("0x").or(label.strip_prefix("0X"))
}

/// Up to four numbers, of which the last one fills what the others leave.
fn is_ipv4_address(text: &str) -> bool {
    let numbers: Option<Vec<u64>> = text.split('.').map(number).collect();
    let Some((last, first)) = numbers.as_deref().and_then(<[u64]>::split_last) else {
        return false;
    };
    let bytes_left = 4_usize.saturating_sub(first.len());
    bytes_left > 0 && first.iter().all(|number| *number < 256) && *last < 1 << (8 * bytes_left)
}

/// A part of an IPv4 address: decimal, octal or hexadecimal.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match (hexadecimal(text), text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) => (digits, 8),
        (None, None) => (text, 10),
    };
    match digits {
        "" => (!text.is_empty()).then_some(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            u64::from_str_radix(digits, radix).ok()
        }
        _ => None,
    }
}

fn absolute(uri: Uri, scheme: Scheme, authority: Authority) -> Result<Uri, Refused> {
    let path = uri.into_parts().path_and_query;
    let mut parts = Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(match path {
        // `OPTIONS *` asks about the whole server.
        Some(path) if path.as_str() != "*" => path,
        _ => PathAndQuery::from_static("/"),
    });
    Uri::from_parts(parts).map_err(|_| Refused::bad("the URI is not valid\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SystemRandom;
    use http_body_util::Empty;
    use std::sync::Arc;

    fn seen(request: http::request::Builder) -> Result<ClientRequest, Refused> {
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let ids = RequestIds::new(SystemRandom::new().unwrap());
        let settings = ClientSettings {
            secure: Some(Arc::new(|request| request.headers.contains_key("x-secure"))),
            ..ClientSettings::default()
        };
        let connection = ClientConnection::of(ConnectionAddresses::default());
        client_request(request, connection, &ids, &settings)
    }

    #[test]
    fn a_request_that_is_called_secure_is_seen_as_such() {
        let request = Request::get("/a").header(HOST, "h").header("x-secure", "");
        let request = seen(request).unwrap();
        assert_eq!(request.head.uri, "https://h/a");
        assert_eq!(request.head.headers["fastly-ssl"], "1");
        let request = seen(Request::get("/a").header(HOST, "h")).unwrap();
        assert!(!request.head.headers.contains_key("fastly-ssl"));
    }

    #[test]
    fn a_client_cannot_call_itself_secure() {
        let claiming = || {
            let request = Request::get("/").header(HOST, "h");
            let request = request.header("Fastly-SSL", "1");
            request.header("fastly-ssl", "yes")
        };
        let request = seen(claiming()).unwrap();
        assert_eq!(request.head.uri, "http://h/");
        assert!(!request.head.headers.contains_key("fastly-ssl"));
        // It was sent all the same.
        assert_eq!(request.original_header_names.len(), 3);
        let request = seen(claiming().header("x-secure", "")).unwrap();
        let values = request.head.headers.get_all("fastly-ssl").iter();
        assert_eq!(values.collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn the_uri_becomes_absolute() {
        for (uri, host, expected) in [
            ("/a?b", Some("h:1"), "http://h:1/a?b"),
            ("/a", None, "http://127.0.0.1:0/a"),
            ("http://h/a", Some("other"), "http://h/a"),
            ("*", Some("h"), "http://h/"),
        ] {
            let mut request = Request::get(uri);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            let seen = seen(request).unwrap();
            assert_eq!(seen.head.uri, expected);
        }
    }

    #[test]
    fn the_host_is_the_one_of_the_uri() {
        let request = seen(Request::get("http://h/").header(HOST, "other")).unwrap();
        assert_eq!(request.head.headers[HOST], "h");
        let request = seen(Request::get("http://h/")).unwrap();
        assert_eq!(request.head.headers[HOST], "h");
        assert!(request.original_header_names.is_empty());
    }

    #[test]
    fn hosts_that_are_none_are_refused() {
        assert!(seen(Request::get("/").header(HOST, "a b")).is_err());
        assert!(seen(Request::get("/").header(HOST, "a").header(HOST, "a")).is_err());
        assert!(seen(Request::connect("h:1")).is_err());
        for host in [
            "a:65536",
            "a:b",
            "a:-1",
            ":80",
            "a@b",
            "a%20b",
            "[1]",
            "[::1",
            "1.2.3.256",
            "1.2.3.4.5",
            "256.1",
            "a.1",
            "0x100000000",
            "0xfffffffffffffffff",
            "a.0x",
            "09",
            "a[b]",
            "a[::1]",
            "[::1]a",
        ] {
            let request = Request::get("/").header(HOST, host);
            assert!(seen(request).is_err(), "{host}");
        }
    }

    #[test]
    fn hosts_of_all_kinds_are_seen() {
        for host in [
            "a",
            "a.",
            "a:",
            "a:65535",
            "A_b-c.d",
            "1a",
            "a.1b",
            "0xg",
            "[::1]",
            "[::ffff:1.2.3.4]:80",
            "127.1",
            "1.2.3.4:8080",
            "0x7f.1",
            "0177.0.0.1",
            "4294967295",
            "a..b",
            "xn--bcher-kva.example",
        ] {
            let request = seen(Request::get("/").header(HOST, host)).unwrap();
            assert_eq!(request.head.uri.authority().unwrap(), host);
        }
    }

    #[test]
    fn every_field_has_its_name() {
        let request = Request::get("/")
            .header(HOST, "h")
            .header("x-a", "1")
            .header("x-b", "2")
            .header("x-a", "3");
        let names = seen(request).unwrap().original_header_names;
        assert_eq!(names, ["host", "x-a", "x-a", "x-b"]);
    }
}
