//! [`Host`] as a service of the tower ecosystem, for frameworks such as axum.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::task::{Context, Poll};

use abi_core::body::OutgoingBody;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tower_service::Service;

use super::Host;

/// Answers every request; what goes wrong in the guest is a response too.
///
/// It is always ready. Put a limit such as tower's `ConcurrencyLimit` around it where requests may come faster than
/// guests answer.
impl<B> Service<Request<B>> for Host
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<OutgoingBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let host = self.clone();
        Box::pin(async move { Ok(host.handle(request).await) })
    }
}
