//! Handing the client's connection to a backend, or to a proxy that holds it.

use crate::error::{Error, Result};
use crate::handle::RequestHandle;
use crate::http::{HandOff, HandOffTarget, RequestHead, for_connection};
use crate::memory::GuestPtr;
use crate::session::{ClientResponse, NO_BACKEND, Session};
use crate::table::Call;

/// Who the client is handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    Backend,
    Grip,
}

/// Answers the client by handing it over: with its own request, or with one that the guest has made for it.
pub(super) fn hand_off(
    call: &mut Call<'_>,
    proxy: Proxy,
    made: Option<RequestHandle>,
    (name, name_len): (GuestPtr<u8>, u32),
) -> Result<()> {
    let name = call.memory.text(name, name_len)?;
    let session = &mut *call.session;
    session.check_unanswered()?;
    let target = match proxy {
        Proxy::Backend => HandOffTarget::Backend(session.backend(name).ok_or(NO_BACKEND)?),
        Proxy::Grip if session.platform.backends.has_grip_proxy() => {
            HandOffTarget::GripProxy(name.to_owned())
        }
        Proxy::Grip => return Err(Error::Unsupported("no GRIP proxy is configured")),
    };
    let head = head(session, made)?;
    let body = session.items.take_body(session.downstream.body);
    session.answer(ClientResponse::hand_off(HandOff {
        target,
        head,
        // A guest that has used the body up, or handed it on, has left nothing of it.
        body: body.unwrap_or_default(),
    }))
}

fn head(session: &Session, made: Option<RequestHandle>) -> Result<RequestHead> {
    let downstream = &session.downstream;
    let received = downstream.upgrade_head.as_deref();
    match (made, received) {
        (Some(made), received) => {
            let made = session.requests.get(made)?.clone();
            Ok(match received {
                Some(received) => for_connection(made, &received.headers),
                None => made,
            })
        }
        (None, Some(received)) => Ok(received.clone()),
        (None, None) => {
            let head = session.requests.get(downstream.request);
            head.cloned()
                .map_err(|_| Error::OutOfTurn("the client's request was sent elsewhere before"))
        }
    }
}
