//! Joining a client's connection with a backend's.

use std::net::SocketAddr;
use std::sync::Arc;

use abi_core::ClientResponse;
use abi_core::body::OutgoingBody;
use abi_core::http::{
    BackendRequest, Destination, HandOff, HandOffTarget, RequestHead, ResponseHead, SendError,
    SendErrorKind,
};
use http::header::{HOST, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::connector::Connector;
use super::send::Backend;
use super::settings::{BackendSettings, BackendUrl};
use super::tls::Alpn;
use super::{BackendSet, errors, response, simulate};

/// By which the GRIP proxy finds the backend.
const PUSHPIN_ROUTE: HeaderName = HeaderName::from_static("pushpin-route");

/// What a backend has said to a client that was handed to it.
pub(crate) enum HandedOff {
    /// It speaks another protocol from here on.
    Upgraded {
        response: Response<OutgoingBody>,
        backend: OnUpgrade,
    },
    /// A response like any other.
    Answered(ClientResponse),
}

impl BackendSet {
    /// Sends a client's request on, and waits for the head of the response.
    pub(crate) async fn hand_off(&self, hand_off: HandOff) -> Result<HandedOff, SendError> {
        let HandOff {
            target,
            mut head,
            body,
        } = hand_off;
        self.add_loop_token(&mut head.headers);
        let (settings, connector) = match target {
            HandOffTarget::Backend(destination) => {
                let backend = self.backend(&destination)?;
                if backend.settings().local.is_some() {
                    return answered_locally(backend, destination, head, body.into()).await;
                }
                let connector = backend.hand_off_connector().clone();
                (backend.settings().clone(), connector)
            }
            HandOffTarget::GripProxy(name) => {
                let proxy = self.grip_proxy.ok_or_else(no_proxy)?;
                let route = HeaderValue::from_str(&name).map_err(|error| {
                    SendError::new(SendErrorKind::HttpProtocolError).with_source(error)
                })?;
                head.headers.insert(PUSHPIN_ROUTE, route);
                let settings = settings_of(proxy)?;
                // Without TLS there is nothing in it that is worth keeping.
                let connector = Connector::with_alpn(&settings, Alpn::Http1);
                (settings, connector)
            }
        };
        let request = request(&settings, head, body.into())?;
        exchange(&settings, connector, request, &self.runtime).await
    }
}

fn no_proxy() -> SendError {
    SendError::new(SendErrorKind::DestinationNotFound).with_source(
        "no GRIP proxy is configured; `[local_server.pushpin]` in fastly.toml and \
         `--local-pushpin-proxy-port` say where it listens",
    )
}

fn settings_of(proxy: SocketAddr) -> Result<BackendSettings, SendError> {
    let url = format!("http://{proxy}").parse();
    let url: BackendUrl = url.map_err(|error: super::InvalidUrl| {
        SendError::new(SendErrorKind::HttpRequestUriInvalid).with_source(error)
    })?;
    Ok(BackendSettings::new(url))
}

/// A backend in this process cannot speak anything but HTTP.
async fn answered_locally(
    backend: Arc<Backend>,
    destination: Destination,
    head: RequestHead,
    body: OutgoingBody,
) -> Result<HandedOff, SendError> {
    let request = BackendRequest {
        destination,
        head,
        body,
        bypass_cache: true,
    };
    let response = simulate::send(backend, request).await?;
    Ok(HandedOff::Answered(ClientResponse::new(
        response.head,
        response.body,
    )))
}

/// The request as the client sent it, but for where it goes.
fn request(
    settings: &BackendSettings,
    head: RequestHead,
    body: OutgoingBody,
) -> Result<Request<OutgoingBody>, SendError> {
    let invalid = |error: http::Error| {
        SendError::new(SendErrorKind::HttpRequestUriInvalid).with_source(error)
    };
    let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = format!("{}{path}", settings.url.prefix());
    let host = match &settings.override_host {
        Some(host) => host.clone(),
        None => HeaderValue::from_str(settings.url.authority().as_str())
            .map_err(|error| invalid(error.into()))?,
    };
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = path
        .parse()
        .map_err(|error: http::uri::InvalidUri| invalid(error.into()))?;
    *request.headers_mut() = head.headers;
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

/// Sends the request on a connection of its own, whose task ends with it.
async fn exchange(
    settings: &BackendSettings,
    mut connector: Connector,
    request: Request<OutgoingBody>,
    runtime: &tokio::runtime::Handle,
) -> Result<HandedOff, SendError> {
    let stream = connector.call(http::Uri::default()).await;
    let stream = stream.map_err(errors::connect_error)?;
    let handshake = hyper::client::conn::http1::handshake(stream).await;
    let (mut sender, connection) = handshake.map_err(errors::exchange_error)?;
    runtime.spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!("the connection that a client was handed to ended early: {error}");
        }
    });
    let sending = sender.send_request(request);
    let response = match settings.first_byte_timeout {
        None => sending.await,
        Some(limit) => tokio::time::timeout(limit, sending)
            .await
            .map_err(|_| simulate::timed_out(limit))?,
    };
    let response = response.map_err(errors::exchange_error)?;
    Ok(told(settings, response, runtime))
}

fn told(
    settings: &BackendSettings,
    mut response: Response<Incoming>,
    runtime: &tokio::runtime::Handle,
) -> HandedOff {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let backend = hyper::upgrade::on(&mut response);
        let (parts, _) = response.into_parts();
        let mut response = Response::new(OutgoingBody::empty());
        *response.status_mut() = parts.status;
        *response.headers_mut() = parts.headers;
        return HandedOff::Upgraded { response, backend };
    }
    let response = response::incoming(response, settings.between_bytes_timeout, runtime);
    let head = ResponseHead {
        backend_address: None,
        ..response.head
    };
    HandedOff::Answered(ClientResponse::new(head, response.body))
}

/// Carries bytes both ways until one side closes, with a buffer of 8 KiB each way.
pub(crate) async fn join(client: OnUpgrade, backend: OnUpgrade) {
    let both = futures_util::future::try_join(client, backend).await;
    let (client, backend): (Upgraded, Upgraded) = match both {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!("a client could not be joined with its backend: {error}");
            return;
        }
    };
    let (mut client, mut backend) = (TokioIo::new(client), TokioIo::new(backend));
    match tokio::io::copy_bidirectional(&mut client, &mut backend).await {
        Ok((sent, received)) => {
            tracing::debug!("a joined connection carried {sent} bytes there and {received} back");
        }
        Err(error) => tracing::debug!("a joined connection broke: {error}"),
    }
}
