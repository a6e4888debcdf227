//! From a client's connection to a guest run, and back.
//!
//! * `listen`: accepts connections, and stops gracefully; `protocol`: what is spoken on them; `http2`: that of HTTP/2;
//! * `request`, `response`: between what HTTP libraries hold and what guests see; `noted`: what is noted of the bytes
//!   that are read; `original_names`: header names as they were sent; `expect`: clients that wait to be asked for their
//!   body; `early_hints`: interim responses; `flush`: the beginning of a response that breaks off; `send_timeout`: clients
//!   that do not read;
//! * `hand_off`: clients that are joined with a backend;
//! * `tls`: connections that are encrypted;
//! * `run`: one request on its way through a guest; `report`: the line about it; `trace`: its hostcalls.

mod early_hints;
mod expect;
mod flush;
mod hand_off;
mod http2;
mod listen;
mod noted;
mod original_names;
mod protocol;
mod report;
mod request;
mod response;
mod run;
mod send_timeout;
mod tls;
mod trace;
mod unread;

use std::error::Error as StdError;
use std::sync::Arc;

use abi_core::ClientResponse;
use abi_core::body::OutgoingBody;
use abi_core::http::cache::{is_purge, purge_url};
use abi_core::session::EarlyHints;
use bytes::Bytes;
use futures_util::future::{self, Either};
use http::{Method, Request, Response, Version};
use hyper::upgrade::OnUpgrade;

pub(crate) use listen::serve;
pub use request::ConnectionAddresses;
pub(crate) use request::client_request;
pub use tls::{ServerTls, ServerTlsError};
pub use trace::Trace;

use crate::heads;
use crate::host::{Deployment, FinishedSender, Host};
use hand_off::HandedOver;
use report::RequestLine;
use request::Refused;
use run::Attended;

/// What is known about the connection that a request came on.
pub(crate) struct ClientConnection {
    pub addresses: ConnectionAddresses,
    /// The header names as they were sent. Where they are not known, they are made from the headers.
    pub original_names: Option<Vec<Bytes>>,
    /// Where interim responses go, where they can.
    pub early_hints: Option<Arc<dyn EarlyHints>>,
}

impl ClientConnection {
    /// A connection of which nothing but its ends is known.
    pub(crate) fn of(addresses: ConnectionAddresses) -> Self {
        Self {
            addresses,
            original_names: None,
            early_hints: None,
        }
    }
}

/// Answers one request.
pub(crate) fn answer<B>(
    host: &Host,
    request: Request<B>,
    connection: ClientConnection,
) -> impl Future<Output = Response<OutgoingBody>> + Send + use<B>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    answer_and_report(host, request, connection, None)
}

/// [`answer`], and tells `finished` how the run went when it has ended.
///
/// The run is made at once, and begins when it is waited for: many guests wait at the same time, and what a run is made of
/// would take room beside each of them.
pub(crate) fn answer_and_report<B>(
    host: &Host,
    mut request: Request<B>,
    connection: ClientConnection,
    finished: Option<FinishedSender>,
) -> impl Future<Output = Response<OutgoingBody>> + Send + use<B>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let at_once = |response| Either::Left(future::ready(response));
    let version = request.version();
    if host.has_passed_on(request.headers()) {
        return at_once(Refused::of_loop().into_response());
    }
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let deployment = host.current();
    let settings = &deployment.settings;
    let made = client_request(request, connection, host.ids(), &settings.client);
    let request = match made {
        Ok(request) => request,
        Err(refused) => return at_once(refused.into_response()),
    };
    let platform = &deployment.service.platform;
    if platform.http_cache.client_purge && is_purge(&request.head.method) {
        let (head, body) = purge_url(platform, &request.head);
        let answer = ClientResponse::new(head, body);
        let method = &request.head.method;
        return at_once(response::outgoing(host, answer, method, version));
    }
    heads::request("from", heads::CLIENT, &request.head);
    let line = RequestLine::of(&request, deployment.engine_name);
    let method = request.head.method.clone();
    let run = match settings.trace.observer(&request) {
        None => deployment.service.start(request),
        observer => deployment.service.start_observed(request, observer),
    };
    let on_disconnect = settings.policy.on_disconnect;
    let mut running = Running {
        attended: Attended::new(host.clone(), on_disconnect, run, line, finished),
        host: host.clone(),
        deployment,
        method,
        version,
        upgrade,
    };
    Either::Right(async move { running.answer().await })
}

/// A request that a guest answers.
struct Running {
    attended: Attended,
    host: Host,
    deployment: Arc<Deployment>,
    method: Method,
    version: Version,
    upgrade: Option<OnUpgrade>,
}

impl Running {
    async fn answer(&mut self) -> Response<OutgoingBody> {
        let (mut answer, told) = self.attended.answer().await;
        if let Some(hand_off) = answer.hand_off.take() {
            let backends = &self.deployment.settings.backends;
            let upgrade = self.upgrade.take();
            let handing = hand_off::hand_off(&self.host, backends, *hand_off, upgrade);
            // It is rare and large, and every request would have room for it.
            let handed = Box::pin(handing).await;
            if let Some(told) = told {
                // The run is written about when it has ended, if it is not given up before.
                let _ = told.send(handed.status());
            }
            match handed {
                HandedOver::Upgraded(response) => return response,
                HandedOver::Answered(response) => answer = response,
            }
        }
        response::outgoing(&self.host, answer, &self.method, self.version)
    }
}
