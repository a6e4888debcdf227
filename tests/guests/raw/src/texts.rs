//! Calls whose texts and buffers are as they should be: whatever is to be said of their other arguments. Which call it is
//! comes first, as several have the same parameters.

use crate::sys::*;

/// Changes fields: handle, name, value or values.
pub type Change = unsafe extern "C" fn(Handle, *const u8, usize, *const u8, usize) -> Status;

/// Reads one value: handle, name, buffer, written.
pub type Value =
    unsafe extern "C" fn(Handle, *const u8, usize, *mut u8, usize, *mut usize) -> Status;

/// Lists names: handle, buffer, cursor, next cursor, written.
pub type Names = unsafe extern "C" fn(Handle, *mut u8, usize, u32, *mut i64, *mut usize) -> Status;

/// Lists values: handle, name, buffer, cursor, next cursor, written.
pub type Values = unsafe extern "C" fn(
    Handle,
    *const u8,
    usize,
    *mut u8,
    usize,
    u32,
    *mut i64,
    *mut usize,
) -> Status;

/// Sends a request: request, body, backend, response, body.
pub type Send =
    unsafe extern "C" fn(Handle, Handle, *const u8, usize, *mut Handle, *mut Handle) -> Status;

/// Sends a request whose failure has a detail: request, body, backend, detail, response, body.
pub type SendDetailed = unsafe extern "C" fn(
    Handle,
    Handle,
    *const u8,
    usize,
    *mut SendErrorDetail,
    *mut Handle,
    *mut Handle,
) -> Status;

/// Begins to send a request: request, body, backend, pending request.
pub type SendAsync = unsafe extern "C" fn(Handle, Handle, *const u8, usize, *mut Handle) -> Status;

pub fn change(
    call: Change,
    handle: Handle,
    name: impl AsRef<[u8]>,
    value: impl AsRef<[u8]>,
) -> Status {
    let (name, value) = (name.as_ref(), value.as_ref());
    unsafe {
        call(
            handle,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    }
}

pub fn value(
    call: Value,
    handle: Handle,
    name: impl AsRef<[u8]>,
    buffer: &mut [u8],
    nwritten: &mut usize,
) -> Status {
    let name = name.as_ref();
    unsafe {
        call(
            handle,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            nwritten,
        )
    }
}

pub fn names(
    call: Names,
    handle: Handle,
    buffer: &mut [u8],
    cursor: u32,
    next: &mut i64,
    nwritten: &mut usize,
) -> Status {
    unsafe {
        call(
            handle,
            buffer.as_mut_ptr(),
            buffer.len(),
            cursor,
            next,
            nwritten,
        )
    }
}

pub fn values(
    call: Values,
    handle: Handle,
    name: impl AsRef<[u8]>,
    buffer: &mut [u8],
    cursor: u32,
    next: &mut i64,
    nwritten: &mut usize,
) -> Status {
    let name = name.as_ref();
    unsafe {
        call(
            handle,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            cursor,
            next,
            nwritten,
        )
    }
}

pub fn send(
    call: Send,
    request: Handle,
    body: Handle,
    backend: impl AsRef<[u8]>,
    response: &mut Handle,
    response_body: &mut Handle,
) -> Status {
    let backend = backend.as_ref();
    unsafe {
        call(
            request,
            body,
            backend.as_ptr(),
            backend.len(),
            response,
            response_body,
        )
    }
}

pub fn send_detailed(
    call: SendDetailed,
    request: Handle,
    body: Handle,
    backend: impl AsRef<[u8]>,
    detail: &mut SendErrorDetail,
    response: &mut Handle,
    response_body: &mut Handle,
) -> Status {
    let backend = backend.as_ref();
    unsafe {
        call(
            request,
            body,
            backend.as_ptr(),
            backend.len(),
            detail,
            response,
            response_body,
        )
    }
}

pub fn send_async(
    call: SendAsync,
    request: Handle,
    body: Handle,
    backend: impl AsRef<[u8]>,
    pending: &mut Handle,
) -> Status {
    let backend = backend.as_ref();
    unsafe { call(request, body, backend.as_ptr(), backend.len(), pending) }
}
