//! `fastly_http_req`: request heads, the client's request, and sending to backends.

use http::{HeaderValue, Method, Uri};

use crate::cache::SURROGATE_KEYS_BYTES_MAX;
use crate::error::{Error, Result};
use crate::handle::{BodyHandle, RequestHandle};
use crate::http::{
    CacheOverride, FramingMode, RequestHead, headers, parse_version, version_number,
};
use crate::memory::GuestPtr;
use crate::table::Call;
use crate::table::types::{CacheOverride as CacheOverrideRecord, DynamicBackendConfig};

use super::buffer::{OutBuffer, OutList};
use super::{dynamic_backend, fastly_http_downstream, message_headers};

mod identity;
mod sending;
mod upgrades;

pub use identity::*;
pub use sending::*;
pub use upgrades::*;

/// Writes the handles of the client's request and its body. They are the same every time.
///
/// # Errors
///
/// [`Error::Memory`].
pub fn body_downstream_get(
    call: &mut Call<'_>,
    request_handle_out: GuestPtr<RequestHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    call.memory.check(body_handle_out)?;
    let downstream = &call.session.downstream;
    call.memory.write(request_handle_out, downstream.request)?;
    call.memory.write(body_handle_out, downstream.body)?;
    Ok(())
}

/// The longest method, in bytes.
const METHOD_MAX: usize = 1024;

/// The bits of witx `cache_override_tag`.
mod tag {
    pub(super) const PASS: u32 = 1 << 0;
    pub(super) const TTL: u32 = 1 << 1;
    pub(super) const STALE_WHILE_REVALIDATE: u32 = 1 << 2;
    pub(super) const PCI: u32 = 1 << 3;
    pub(super) const LOOKUP_TIMEOUT: u32 = 1 << 4;
    pub(super) const ALL: u32 = PASS | TTL | STALE_WHILE_REVALIDATE | PCI | LOOKUP_TIMEOUT;
}

fn cache_override(
    tag: u32,
    ttl: u32,
    stale_while_revalidate: u32,
    lookup_timeout_ms: u32,
    surrogate_keys: &[u8],
) -> Result<CacheOverride> {
    if tag & !tag::ALL != 0 {
        return Err(Error::InvalidArgument("there is no such cache override"));
    }
    let invalid = || Error::InvalidArgument("the surrogate keys could not be a header's value");
    if surrogate_keys.len() > SURROGATE_KEYS_BYTES_MAX {
        return Err(Error::InvalidArgument("the surrogate keys are too long"));
    }
    let surrogate_keys = HeaderValue::from_bytes(surrogate_keys).map_err(|_| invalid())?;
    let surrogate_keys = surrogate_keys.to_str().map_err(|_| invalid())?;
    let has = |bit| tag & bit != 0;
    Ok(CacheOverride {
        pass: has(tag::PASS),
        ttl_s: has(tag::TTL).then_some(ttl),
        stale_while_revalidate_s: has(tag::STALE_WHILE_REVALIDATE)
            .then_some(stale_while_revalidate),
        pci: has(tag::PCI),
        surrogate_keys: (!surrogate_keys.is_empty()).then(|| surrogate_keys.to_owned()),
        lookup_timeout_ms: has(tag::LOOKUP_TIMEOUT).then_some(lookup_timeout_ms),
    })
}

/// Says how the response to a request is to be cached.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a tag with unknown bits; [`Error::BadHandle`].
pub fn cache_override_set(
    call: &mut Call<'_>,
    h: RequestHandle,
    tag: u32,
    ttl: u32,
    stale_while_revalidate: u32,
) -> Result<()> {
    let cache_override = cache_override(tag, ttl, stale_while_revalidate, 0, b"")?;
    call.session.requests.get_mut(h)?.cache_override = cache_override;
    Ok(())
}

/// [`cache_override_set`] with surrogate keys.
///
/// # Errors
///
/// Those of [`cache_override_set`], [`Error::InvalidArgument`] for keys that could not be a header's value or are longer than
/// [`SURROGATE_KEYS_BYTES_MAX`], [`Error::Memory`].
pub fn cache_override_v2_set(
    call: &mut Call<'_>,
    h: RequestHandle,
    tag: u32,
    ttl: u32,
    stale_while_revalidate: u32,
    sk: GuestPtr<u8>,
    sk_len: u32,
) -> Result<()> {
    let surrogate_keys = call.memory.bytes(sk, sk_len)?;
    let cache_override = cache_override(tag, ttl, stale_while_revalidate, 0, surrogate_keys)?;
    call.session.requests.get_mut(h)?.cache_override = cache_override;
    Ok(())
}

/// [`cache_override_v2_set`] from a record, with a limit to how long a lookup may wait.
///
/// # Errors
///
/// Those of [`cache_override_v2_set`].
pub fn cache_override_v3_set(
    call: &mut Call<'_>,
    h: RequestHandle,
    tag: u32,
    cache_override_ptr: GuestPtr<CacheOverrideRecord>,
) -> Result<()> {
    let fields = call.memory.read_list(cache_override_ptr.cast::<u32>(), 5)?;
    let [ttl, stale_while_revalidate, sk, sk_len, lookup_timeout_ms] = fields[..] else {
        return Err(Error::InvalidArgument("a cache override has five fields"));
    };
    let surrogate_keys = call.memory.bytes(GuestPtr::new(sk), sk_len)?;
    let cache_override = cache_override(
        tag,
        ttl,
        stale_while_revalidate,
        lookup_timeout_ms,
        surrogate_keys,
    )?;
    call.session.requests.get_mut(h)?.cache_override = cache_override;
    Ok(())
}

/// Writes the octets of the client's address, and how many there are: 4 or 16.
///
/// # Errors
///
/// [`Error::Memory`].
pub fn downstream_client_ip_addr(
    call: &mut Call<'_>,
    addr_octets_out: GuestPtr<u8>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let request = call.session.downstream.request;
    fastly_http_downstream::downstream_client_ip_addr(call, request, addr_octets_out, nwritten_out)
}

/// Writes the octets of the address that the client connected to, and how many there are: 4 or 16.
///
/// # Errors
///
/// [`Error::Memory`].
pub fn downstream_server_ip_addr(
    call: &mut Call<'_>,
    addr_octets_out: GuestPtr<u8>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let request = call.session.downstream.request;
    fastly_http_downstream::downstream_server_ip_addr(call, request, addr_octets_out, nwritten_out)
}

/// Writes the id of the client's request.
///
/// # Errors
///
/// [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn downstream_client_request_id(
    call: &mut Call<'_>,
    reqid_out: GuestPtr<u8>,
    reqid_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let request = call.session.downstream.request;
    fastly_http_downstream::downstream_client_request_id(
        call,
        request,
        reqid_out,
        reqid_max_len,
        nwritten_out,
    )
}

/// Makes a request head: `GET / HTTP/1.1` without headers.
///
/// # Errors
///
/// [`Error::LimitExceeded`] and [`Error::Memory`].
pub fn new(call: &mut Call<'_>, out: GuestPtr<RequestHandle>) -> Result<()> {
    call.memory.check(out)?;
    let handle = call.session.requests.insert(RequestHead::new())?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Lists the header names, each once.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_names_get(
    call: &mut Call<'_>,
    h: RequestHandle,
    buf: GuestPtr<u8>,
    buf_len: u32,
    cursor: u32,
    ending_cursor_out: GuestPtr<i64>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutList {
        buffer: buf,
        capacity: buf_len,
        cursor,
        ending_cursor_out,
        written_out: nwritten_out,
    };
    message_headers::names_get(call, h, out)
}

/// Lists the header names of the client's request as they were received.
///
/// # Errors
///
/// [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn original_header_names_get(
    call: &mut Call<'_>,
    buf: GuestPtr<u8>,
    buf_len: u32,
    cursor: u32,
    ending_cursor_out: GuestPtr<i64>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let request = call.session.downstream.request;
    fastly_http_downstream::downstream_original_header_names(
        call,
        request,
        buf,
        buf_len,
        cursor,
        ending_cursor_out,
        nwritten_out,
    )
}

/// Writes how many header fields the client's request had.
///
/// # Errors
///
/// [`Error::Memory`].
pub fn original_header_count(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    let request = call.session.downstream.request;
    fastly_http_downstream::downstream_original_header_count(call, request, out)
}

/// Reads the first value of a header.
///
/// # Errors
///
/// Those of [`headers::first_value`], [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_value_get(
    call: &mut Call<'_>,
    h: RequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: value,
        capacity: value_max_len,
        written_out: nwritten_out,
    };
    message_headers::value_get(call, h, name, name_len, out)
}

/// Lists the values of a header; none is an empty list.
///
/// # Errors
///
/// Those of [`headers::parse_name`], [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_values_get(
    call: &mut Call<'_>,
    h: RequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    buf: GuestPtr<u8>,
    buf_len: u32,
    cursor: u32,
    ending_cursor_out: GuestPtr<i64>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutList {
        buffer: buf,
        capacity: buf_len,
        cursor,
        ending_cursor_out,
        written_out: nwritten_out,
    };
    message_headers::values_get(call, h, name, name_len, out)
}

/// Replaces all values of a header.
///
/// # Errors
///
/// Those of [`headers::set_values`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_values_set(
    call: &mut Call<'_>,
    h: RequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    values: GuestPtr<u8>,
    values_len: u32,
) -> Result<()> {
    let (name, values) = ((name, name_len), (values, values_len));
    message_headers::values_set(call, h, name, values)
}

/// Sets a header to one value.
///
/// # Errors
///
/// Those of [`headers::insert`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_insert(
    call: &mut Call<'_>,
    h: RequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_len: u32,
) -> Result<()> {
    let (name, value) = ((name, name_len), (value, value_len));
    message_headers::change(call, h, name, value, headers::insert)
}

/// Adds a value to a header.
///
/// # Errors
///
/// Those of [`headers::append`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_append(
    call: &mut Call<'_>,
    h: RequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_len: u32,
) -> Result<()> {
    let (name, value) = ((name, name_len), (value, value_len));
    message_headers::change(call, h, name, value, headers::append)
}

/// Removes all values of a header.
///
/// # Errors
///
/// Those of [`headers::remove`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_remove(
    call: &mut Call<'_>,
    h: RequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
) -> Result<()> {
    message_headers::remove(call, h, name, name_len)
}

/// Reads the method.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn method_get(
    call: &mut Call<'_>,
    h: RequestHandle,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: buf,
        capacity: buf_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let method = &call.session.requests.get(h)?.method;
    out.write(&mut call.memory, method.as_str().as_bytes())
}

/// Sets the method.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for one of more than 1024 bytes, [`Error::InvalidHttp`] for one that is not a token;
/// [`Error::BadHandle`] and [`Error::Memory`].
pub fn method_set(
    call: &mut Call<'_>,
    h: RequestHandle,
    method: GuestPtr<u8>,
    method_len: u32,
) -> Result<()> {
    let method = call.memory.bytes(method, method_len)?;
    if method.len() > METHOD_MAX {
        return Err(Error::InvalidArgument("the method is too long"));
    }
    let method =
        Method::from_bytes(method).map_err(|_| Error::InvalidHttp("the method is not a token"));
    call.session.requests.get_mut(h)?.method = method?;
    Ok(())
}

/// Reads the URI.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn uri_get(
    call: &mut Call<'_>,
    h: RequestHandle,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: buf,
        capacity: buf_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let uri = text(&call.session.requests.get(h)?.uri);
    out.write(&mut call.memory, uri.as_bytes())
}

/// What formatting it would give, without the machinery of that: every guest asks for it.
fn text(uri: &Uri) -> String {
    let mut text = String::new();
    if let Some(scheme) = uri.scheme_str() {
        text.push_str(scheme);
        text.push_str("://");
    }
    if let Some(authority) = uri.authority() {
        text.push_str(authority.as_str());
    }
    text.push_str(uri.path());
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    text
}

/// Sets the URI.
///
/// # Errors
///
/// [`Error::InvalidHttp`] for text that is none; [`Error::LimitExceeded`] when the host holds as much for the guest as it
/// may; [`Error::BadHandle`] and [`Error::Memory`].
pub fn uri_set(
    call: &mut Call<'_>,
    h: RequestHandle,
    uri: GuestPtr<u8>,
    uri_len: u32,
) -> Result<()> {
    let uri = call.session.held.copy(call.memory.bytes(uri, uri_len)?)?;
    let uri = Uri::from_maybe_shared(uri);
    let uri = uri.map_err(|_| Error::InvalidHttp("the URI is not valid"));
    call.session.requests.get_mut(h)?.uri = uri?;
    Ok(())
}

/// Writes the HTTP version of a request.
///
/// # Errors
///
/// [`Error::BadHandle`] and [`Error::Memory`].
pub fn version_get(
    call: &mut Call<'_>,
    h: RequestHandle,
    version_out: GuestPtr<u32>,
) -> Result<()> {
    let version = version_number(call.session.requests.get(h)?.version)?;
    call.memory.write(version_out, version)?;
    Ok(())
}

/// Sets the HTTP version that the guest sees. The backend's connection decides what is sent.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a version that is none; [`Error::BadHandle`].
pub fn version_set(call: &mut Call<'_>, h: RequestHandle, version: u32) -> Result<()> {
    let version = parse_version(version)?;
    call.session.requests.get_mut(h)?.version = version;
    Ok(())
}

/// Gives a request head up.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn close(call: &mut Call<'_>, h: RequestHandle) -> Result<()> {
    call.session.requests.remove(h).map(drop)
}

/// Says which encodings the host should take off the response: bit 0 is gzip.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for unknown bits; [`Error::BadHandle`].
pub fn auto_decompress_response_set(
    call: &mut Call<'_>,
    h: RequestHandle,
    encodings: u32,
) -> Result<()> {
    const GZIP: u32 = 1;
    if encodings & !GZIP != 0 {
        return Err(Error::InvalidArgument("gzip is the only encoding"));
    }
    call.session.requests.get_mut(h)?.decompress_gzip = encodings & GZIP != 0;
    Ok(())
}

/// Says who frames the body.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a mode that is none; [`Error::BadHandle`].
pub fn framing_headers_mode_set(call: &mut Call<'_>, h: RequestHandle, mode: u32) -> Result<()> {
    let mode = FramingMode::try_from(mode)?;
    call.session.requests.get_mut(h)?.framing = mode;
    Ok(())
}

/// Defines a backend of the session. `name_prefix` is its whole name.
///
/// # Errors
///
/// [`Error::OutOfTurn`] for a name that is taken; [`Error::InvalidArgument`] for a mask with unknown bits, for a text
/// that is empty or too long, for a number of a health check that is out of range, and for a target that is none;
/// [`Error::BadHandle`] for a client's key that is no secret; [`Error::LimitExceeded`] and [`Error::Memory`].
pub fn register_dynamic_backend(
    call: &mut Call<'_>,
    name_prefix: GuestPtr<u8>,
    name_prefix_len: u32,
    target: GuestPtr<u8>,
    target_len: u32,
    backend_config_mask: u32,
    backend_configuration: GuestPtr<DynamicBackendConfig>,
) -> Result<()> {
    let name = call.memory.text(name_prefix, name_prefix_len)?;
    let target = call.memory.text(target, target_len)?;
    let mask = backend_config_mask;
    let secrets = &call.session.secrets;
    let record = backend_configuration;
    let backend = dynamic_backend::read(&call.memory, secrets, name, target, mask, record)?;
    dynamic_backend::register(call.session, backend)
}
