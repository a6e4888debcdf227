//! Clients whose guests do not answer them: they are joined with a backend.

use abi_core::ClientResponse;
use abi_core::body::OutgoingBody;
use abi_core::http::{HandOff, ResponseHead, SendError, SendErrorKind};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use crate::backends::{BackendSet, HandedOff, join};
use crate::host::Host;

/// What a client gets that was handed over.
pub(super) enum HandedOver {
    /// The backend's word that it speaks another protocol.
    Upgraded(Response<OutgoingBody>),
    /// A response like any other.
    Answered(ClientResponse),
}

impl HandedOver {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Upgraded(response) => response.status(),
            Self::Answered(response) => response.head.status,
        }
    }
}

/// Hands a client over, and has both connections joined when the backend agrees.
pub(super) async fn hand_off(
    host: &Host,
    backends: &BackendSet,
    hand_off: HandOff,
    client: Option<OnUpgrade>,
) -> HandedOver {
    match (backends.hand_off(hand_off).await, client) {
        (Ok(HandedOff::Answered(response)), _) => HandedOver::Answered(response),
        (Ok(HandedOff::Upgraded { response, backend }), Some(client)) => {
            let ending = host.ending().clone();
            host.spawn(async move {
                // A host that ends cannot wait for it: such a connection has no end of its own.
                ending.run_until_cancelled(join(client, backend)).await;
            });
            HandedOver::Upgraded(response)
        }
        (Ok(HandedOff::Upgraded { .. }), None) => {
            let error = SendError::new(SendErrorKind::HttpUpgradeFailed);
            let why = "the client's connection can speak nothing but HTTP";
            HandedOver::Answered(failed(&error.with_source(why)))
        }
        (Err(error), _) => HandedOver::Answered(failed(&error)),
    }
}

fn failed(error: &SendError) -> ClientResponse {
    tracing::warn!("a client could not be handed to a backend: {error}");
    let mut head = ResponseHead::new();
    head.status = match error.kind {
        SendErrorKind::HttpResponseTimeout | SendErrorKind::ConnectionTimeout => {
            StatusCode::GATEWAY_TIMEOUT
        }
        _ => StatusCode::BAD_GATEWAY,
    };
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    head.headers.insert(CONTENT_TYPE, text);
    ClientResponse::new(head, Bytes::from(format!("{}\n", error.kind.meaning())))
}
