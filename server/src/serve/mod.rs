//! From a client's connection to a guest run, and back.
//!
//! * `listen`: accepts connections, and stops gracefully;
//! * `request`, `response`: between what HTTP libraries hold and what guests see; `original_names`: header names as they
//!   were sent; `flush`: the beginning of a response that breaks off;
//! * `run`: one request on its way through a guest; `report`: the line about it.

mod flush;
mod listen;
mod original_names;
mod report;
mod request;
mod response;
mod run;

use std::error::Error as StdError;

use abi_core::body::OutgoingBody;
use bytes::Bytes;
use http::{Request, Response};

pub(crate) use listen::serve;
pub use request::ConnectionAddresses;
pub(crate) use request::client_request;

use crate::host::{FinishedSender, Host};
use report::RequestLine;
use run::Attended;

/// Answers one request. Where its header names as they were sent are not known, they are made from its headers.
pub(crate) async fn answer<B>(
    host: &Host,
    request: Request<B>,
    addresses: ConnectionAddresses,
    original_names: Option<Vec<Bytes>>,
) -> Response<OutgoingBody>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    answer_and_report(host, request, addresses, original_names, None).await
}

/// [`answer`], and tells `finished` how the run went when it has ended.
pub(crate) async fn answer_and_report<B>(
    host: &Host,
    request: Request<B>,
    addresses: ConnectionAddresses,
    original_names: Option<Vec<Bytes>>,
    finished: Option<FinishedSender>,
) -> Response<OutgoingBody>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let version = request.version();
    let request = match client_request(request, addresses, original_names, host) {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    let line = RequestLine::of(&request);
    let method = request.head.method.clone();
    let run = host.service().start(request);
    let answer = Attended::new(host.clone(), run, line, finished)
        .answer()
        .await;
    response::outgoing(host, answer, &method, version)
}
