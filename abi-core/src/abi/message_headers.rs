//! The header hostcalls that requests and responses have in common.
//!
//! `fastly_http_req` and `fastly_http_resp` have the same seven of them; they differ only in whose headers they are.

use bytes::Bytes;
use http::HeaderMap;

use crate::error::Result;
use crate::handle::{RequestHandle, ResponseHandle};
use crate::http::headers;
use crate::memory::GuestPtr;
use crate::session::Session;
use crate::table::Call;

use super::buffer::{OutBuffer, OutList};

/// A handle that names something with headers.
pub(super) trait HasHeaders: Copy {
    fn headers(self, session: &Session) -> Result<&HeaderMap>;
    fn headers_mut(self, session: &mut Session) -> Result<&mut HeaderMap>;
}

impl HasHeaders for RequestHandle {
    fn headers(self, session: &Session) -> Result<&HeaderMap> {
        Ok(&session.requests.get(self)?.headers)
    }

    fn headers_mut(self, session: &mut Session) -> Result<&mut HeaderMap> {
        Ok(&mut session.requests.get_mut(self)?.headers)
    }
}

impl HasHeaders for ResponseHandle {
    fn headers(self, session: &Session) -> Result<&HeaderMap> {
        Ok(&session.responses.get(self)?.headers)
    }

    fn headers_mut(self, session: &mut Session) -> Result<&mut HeaderMap> {
        Ok(&mut session.responses.get_mut(self)?.headers)
    }
}

pub(super) fn names_get(call: &mut Call<'_>, h: impl HasHeaders, out: OutList) -> Result<()> {
    let out = out.check(&call.memory)?;
    let names = h.headers(call.session)?.keys();
    out.write(&mut call.memory, names.map(|name| name.as_str().as_bytes()))
}

pub(super) fn value_get(
    call: &mut Call<'_>,
    h: impl HasHeaders,
    name: GuestPtr<u8>,
    name_len: u32,
    out: OutBuffer,
) -> Result<()> {
    let out = out.check(&call.memory)?;
    let headers = h.headers(call.session)?;
    let value = headers::first_value(headers, call.memory.bytes(name, name_len)?)?;
    out.write(&mut call.memory, value.as_bytes())
}

pub(super) fn values_get(
    call: &mut Call<'_>,
    h: impl HasHeaders,
    name: GuestPtr<u8>,
    name_len: u32,
    out: OutList,
) -> Result<()> {
    let out = out.check(&call.memory)?;
    let headers = h.headers(call.session)?;
    let name = headers::parse_name(call.memory.bytes(name, name_len)?)?;
    let values = headers.get_all(name);
    out.write(
        &mut call.memory,
        values.iter().map(|value| value.as_bytes()),
    )
}

/// What [`change`] does with a name and a value.
type Change = fn(&mut HeaderMap, &[u8], Bytes) -> Result<()>;

pub(super) fn change(
    call: &mut Call<'_>,
    h: impl HasHeaders,
    name: (GuestPtr<u8>, u32),
    value: (GuestPtr<u8>, u32),
    change: Change,
) -> Result<()> {
    h.headers(call.session)?;
    let name = call.memory.bytes(name.0, name.1)?;
    let value = call.memory.bytes(value.0, value.1)?;
    let value = call.session.held.copy_field(name, value)?;
    change(h.headers_mut(call.session)?, name, value)
}

pub(super) fn values_set(
    call: &mut Call<'_>,
    h: impl HasHeaders,
    name: (GuestPtr<u8>, u32),
    values: (GuestPtr<u8>, u32),
) -> Result<()> {
    h.headers(call.session)?;
    let name = call.memory.bytes(name.0, name.1)?;
    let values = call.memory.bytes(values.0, values.1)?;
    let mut headers = std::mem::take(h.headers_mut(call.session)?);
    let held = &call.session.held;
    let set = headers::set_values(&mut headers, name, values, |value| {
        held.copy_field(name, value)
    });
    *h.headers_mut(call.session)? = headers;
    set
}

pub(super) fn remove(
    call: &mut Call<'_>,
    h: impl HasHeaders,
    name: GuestPtr<u8>,
    name_len: u32,
) -> Result<()> {
    let headers = h.headers_mut(call.session)?;
    headers::remove(headers, call.memory.bytes(name, name_len)?)
}
