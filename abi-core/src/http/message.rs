//! Request and response heads, with what the ABI lets a guest say about how they are to be sent.

use std::net::SocketAddr;

use http::{HeaderMap, Method, StatusCode, Uri, Version};

use crate::error::{Error, Result};

/// Whether the host or the guest decides on content-length and transfer-encoding. witx `framing_headers_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FramingMode {
    /// The host frames the body as it sees fit.
    #[default]
    Automatic,
    /// The headers the guest set decide, where they are consistent with the body.
    ManuallyFromHeaders,
}

impl TryFrom<u32> for FramingMode {
    type Error = Error;

    fn try_from(mode: u32) -> Result<Self> {
        match mode {
            0 => Ok(Self::Automatic),
            1 => Ok(Self::ManuallyFromHeaders),
            _ => Err(Error::InvalidArgument("there is no such framing mode")),
        }
    }
}

/// What a guest said about caching the response to a request. witx `cache_override_tag` and what goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheOverride {
    /// Neither read the cache nor write it.
    pub pass: bool,
    /// Freshness lifetime in seconds, in place of the origin's.
    pub ttl_s: Option<u32>,
    /// How long a stale response may be served while a fresh one is fetched, in seconds.
    pub stale_while_revalidate_s: Option<u32>,
    /// The response holds card data and must not be stored unencrypted.
    pub pci: bool,
    /// Keys to purge the response by, beside those the origin gives; space separated.
    pub surrogate_keys: Option<String>,
    /// How long a lookup may wait for another request's fetch, in milliseconds.
    pub lookup_timeout_ms: Option<u32>,
}

/// A request head, as a request handle names it.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The URI; absolute for a client's request, whatever the guest set otherwise.
    pub uri: Uri,
    /// The version the guest sees. It does not decide the version of what is sent.
    pub version: Version,
    /// The header fields.
    pub headers: HeaderMap,
    /// Who frames the body.
    pub framing: FramingMode,
    /// The guest's say about caching.
    pub cache_override: CacheOverride,
    /// Ask for a decoded response body when it comes gzip-compressed.
    pub decompress_gzip: bool,
}

impl RequestHead {
    /// What `fastly_http_req.new` makes: `GET / HTTP/1.1` without headers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            method: Method::GET,
            uri: Uri::from_static("/"),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            framing: FramingMode::default(),
            cache_override: CacheOverride::default(),
            decompress_gzip: false,
        }
    }
}

impl Default for RequestHead {
    fn default() -> Self {
        Self::new()
    }
}

impl From<http::request::Parts> for RequestHead {
    fn from(parts: http::request::Parts) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            ..Self::new()
        }
    }
}

/// A response head, as a response handle names it.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The version the guest sees.
    pub version: Version,
    /// The header fields.
    pub headers: HeaderMap,
    /// Who frames the body.
    pub framing: FramingMode,
    /// Whether the guest wants the client's connection closed after this response.
    pub close_connection: bool,
    /// The backend's address, for a response that came from one.
    pub backend_address: Option<SocketAddr>,
}

impl ResponseHead {
    /// What `fastly_http_resp.new` makes: `HTTP/1.1 200` without headers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            status: StatusCode::OK,
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            framing: FramingMode::default(),
            close_connection: false,
            backend_address: None,
        }
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::new()
    }
}

/// The witx `http_version` of a version.
///
/// # Errors
///
/// [`Error::Unsupported`] for a version the ABI has no number for.
pub fn version_number(version: Version) -> Result<u32> {
    Ok(match version {
        Version::HTTP_09 => 0,
        Version::HTTP_10 => 1,
        Version::HTTP_11 => 2,
        Version::HTTP_2 => 3,
        Version::HTTP_3 => 4,
        _ => return Err(Error::Unsupported("the ABI has no number for this version")),
    })
}

/// The version of a witx `http_version`.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a number that is none.
pub fn parse_version(number: u32) -> Result<Version> {
    Ok(match number {
        0 => Version::HTTP_09,
        1 => Version::HTTP_10,
        2 => Version::HTTP_11,
        3 => Version::HTTP_2,
        4 => Version::HTTP_3,
        _ => return Err(Error::InvalidArgument("there is no such HTTP version")),
    })
}
