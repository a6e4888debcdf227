//! Handing a client over to a backend, or to a proxy that holds its connection.

use crate::error::{Error, Result};
use crate::handle::RequestHandle;
use crate::memory::GuestPtr;
use crate::table::Call;

use crate::abi::hand_off::{Proxy, hand_off};

/// Would make the client's connection a websocket. What a guest could do with it was never finished, neither in the ABI
/// nor in an SDK; [`redirect_to_websocket_proxy_v2`] is what programs use.
///
/// # Errors
///
/// Always [`Error::Unsupported`].
pub fn upgrade_websocket(
    _call: &mut Call<'_>,
    _backend_name: GuestPtr<u8>,
    _backend_name_len: u32,
) -> Result<()> {
    Err(Error::Unsupported(
        "a guest cannot speak on a websocket; redirect_to_websocket_proxy_v2 joins the client with a backend",
    ))
}

/// Answers the client by joining it with a backend, which gets the client's request as it was received.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an unknown backend; [`Error::OutOfTurn`] when the client was answered before, or its
/// request was sent elsewhere; [`Error::Memory`].
pub fn redirect_to_websocket_proxy(
    call: &mut Call<'_>,
    backend_name: GuestPtr<u8>,
    backend_name_len: u32,
) -> Result<()> {
    hand_off(call, Proxy::Backend, None, (backend_name, backend_name_len))
}

/// [`redirect_to_websocket_proxy`] with a request of the guest's own, which stays the guest's. What it says about the
/// connection is taken from the client's.
///
/// # Errors
///
/// Those of [`redirect_to_websocket_proxy`], [`Error::BadHandle`].
pub fn redirect_to_websocket_proxy_v2(
    call: &mut Call<'_>,
    h: RequestHandle,
    backend_name: GuestPtr<u8>,
    backend_name_len: u32,
) -> Result<()> {
    hand_off(
        call,
        Proxy::Backend,
        Some(h),
        (backend_name, backend_name_len),
    )
}

/// Answers the client by joining it with the proxy that holds connections for publishing (GRIP), which sends the
/// client's request on to the backend of this name.
///
/// # Errors
///
/// [`Error::Unsupported`] where no such proxy is configured; [`Error::OutOfTurn`] when the client was answered before,
/// or its request was sent elsewhere; [`Error::Memory`].
pub fn redirect_to_grip_proxy(
    call: &mut Call<'_>,
    backend_name: GuestPtr<u8>,
    backend_name_len: u32,
) -> Result<()> {
    hand_off(call, Proxy::Grip, None, (backend_name, backend_name_len))
}

/// [`redirect_to_grip_proxy`] with a request of the guest's own, which stays the guest's.
///
/// # Errors
///
/// Those of [`redirect_to_grip_proxy`], [`Error::BadHandle`].
pub fn redirect_to_grip_proxy_v2(
    call: &mut Call<'_>,
    h: RequestHandle,
    backend_name: GuestPtr<u8>,
    backend_name_len: u32,
) -> Result<()> {
    hand_off(call, Proxy::Grip, Some(h), (backend_name, backend_name_len))
}
