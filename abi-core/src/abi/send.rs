//! What the send and pending-request hostcalls have in common.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::FutureExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use crate::async_item::PendingRequest;
use crate::body::{OutgoingBody, gunzip};
use crate::error::{Error, Result};
use crate::handle::{BodyHandle, Handle, PendingRequestHandle, RequestHandle, ResponseHandle};
use crate::http::cache::{Readthrough, Sending};
use crate::http::{BackendRequest, BackendResponse, RequestHead, SendError, SendErrorKind};
use crate::memory::{GuestPtr, GuestValue, Memory};
use crate::platform::Platform;
use crate::reuse::RequestsOfRun;
use crate::sent::Sent;
use crate::session::Session;
use crate::table::Call;
use crate::table::types::SendErrorDetail;

/// Whether the guest goes on writing the body after the request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyMode {
    Whole,
    Streaming,
}

/// Whether a cache between guest and backend may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    Use,
    Bypass,
}

/// What a guest wants sent, as the send hostcalls say it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Send {
    pub request: RequestHandle,
    pub body: BodyHandle,
    pub backend: GuestPtr<u8>,
    pub backend_len: u32,
    pub body_mode: BodyMode,
    pub cache: Cache,
}

impl Send {
    /// What a hostcall's parameters say; the backend is its name's place and length.
    pub(super) fn new(
        request: RequestHandle,
        body: BodyHandle,
        (backend, backend_len): (GuestPtr<u8>, u32),
        body_mode: BodyMode,
        cache: Cache,
    ) -> Self {
        Self {
            request,
            body,
            backend,
            backend_len,
            body_mode,
            cache,
        }
    }

    /// Makes the request, and consumes its handles. From here on an error, also that of an unknown backend, finds them
    /// consumed.
    fn take(self, call: &mut Call<'_>) -> Result<Result<BackendRequest, SendError>> {
        let backend = backend_name(&call.memory, self.backend, self.backend_len)?;
        let session = &mut *call.session;
        session.items.body_mut(self.body)?;
        let head = session.requests.remove(self.request)?;
        let body = match self.body_mode {
            BodyMode::Whole => session.items.take_whole(self.body)?,
            BodyMode::Streaming => session.items.begin_streaming(self.body)?,
        };
        request(session, &backend, head, body, self.cache)
    }

    /// How many async items sending removes.
    fn freed(&self) -> u16 {
        match self.body_mode {
            BodyMode::Whole => 1,
            BodyMode::Streaming => 0,
        }
    }
}

/// The name of a backend, as guests give it.
pub(super) fn backend_name(memory: &Memory<'_>, name: GuestPtr<u8>, length: u32) -> Result<String> {
    let name = std::str::from_utf8(memory.bytes(name, length)?);
    let name = name.map_err(|_| Error::InvalidHttp("the backend's name is not UTF-8"))?;
    Ok(name.to_owned())
}

/// A request that is about to be sent, which counts from here on.
pub(super) fn request(
    session: &mut Session,
    backend: &str,
    head: RequestHead,
    body: OutgoingBody,
    cache: Cache,
) -> Result<Result<BackendRequest, SendError>> {
    session.count_subrequest()?;
    let Some(destination) = session.backend(backend) else {
        let sent = Arc::new(Sent::to_nowhere(backend.as_bytes()));
        session.requests_of_run().note_sent(sent);
        let error = SendError::new(SendErrorKind::DestinationNotFound);
        return Ok(Err(error.with_source(format!("`{backend}`"))));
    };
    Ok(Ok(BackendRequest {
        destination,
        head,
        body,
        bypass_cache: cache == Cache::Bypass,
    }))
}

/// Where a response goes: both handles, and for the newer hostcalls the detail of a failure.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseOut {
    pub response: GuestPtr<ResponseHandle>,
    pub body: GuestPtr<BodyHandle>,
    pub error_detail: Option<GuestPtr<SendErrorDetail>>,
}

impl ResponseOut {
    pub(super) fn new(
        response: GuestPtr<ResponseHandle>,
        body: GuestPtr<BodyHandle>,
        error_detail: Option<GuestPtr<SendErrorDetail>>,
    ) -> Self {
        Self {
            response,
            body,
            error_detail,
        }
    }

    pub(super) fn check(self, memory: &Memory<'_>) -> Result<Self> {
        memory.check(self.response)?;
        memory.check(self.body)?;
        if let Some(detail) = self.error_detail {
            memory.check(detail.cast::<ErrorDetail>())?;
        }
        Ok(self)
    }

    /// Gives the guest the outcome of a request. After a failure both handles are "none".
    pub(super) fn write(
        self,
        call: &mut Call<'_>,
        outcome: Result<BackendResponse, SendError>,
    ) -> Result<()> {
        let detail = ErrorDetail::of(outcome.as_ref().err());
        if let Some(out) = self.error_detail {
            call.memory.write(out.cast(), detail)?;
        }
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                self.write_none(&mut call.memory)?;
                return Err(error.into());
            }
        };
        let (head, body) = call.session.insert_response(response)?;
        call.memory.write(self.response, head)?;
        call.memory.write(self.body, body)?;
        Ok(())
    }

    /// Says that there is no response, or none yet.
    pub(super) fn write_none(self, memory: &mut Memory<'_>) -> Result<()> {
        memory.write(self.response, ResponseHandle::NONE)?;
        memory.write(self.body, BodyHandle::NONE)?;
        Ok(())
    }
}

/// Sends a request, and waits for the head of the response.
pub(super) async fn send(call: &mut Call<'_>, send: Send, out: ResponseOut) -> Result<()> {
    let out = out.check(&call.memory)?;
    // What is refused for want of room must not have been sent.
    call.session.check_room_for_response(send.freed())?;
    let outcome = match send.take(call)? {
        Ok(request) => {
            let of_run = call.session.requests_of_run().clone();
            let sending = answer_to(&call.session.platform, of_run, request);
            let offload = call.session.offload().cloned();
            match (sending, offload) {
                (Sending::Done(outcome), _) => outcome,
                // What sends is not polled on the guest's stack.
                (Sending::Waiting(sending), Some(offload)) => offload.wait(sending).await,
                (Sending::Waiting(sending), None) => sending.await,
            }
        }
        Err(error) => Err(error),
    };
    out.write(call, outcome)
}

/// Sends a request that goes on by itself.
pub(super) fn send_async(
    call: &mut Call<'_>,
    send: Send,
    out: GuestPtr<PendingRequestHandle>,
) -> Result<()> {
    call.memory.check(out)?;
    call.session
        .items
        .check_room(1_u16.saturating_sub(send.freed()))?;
    let request = send.take(call)??;
    let pending = start(call.session, request);
    let handle = call.session.items.insert_pending(pending)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Sends, and takes gzip off the response where the guest asked for that. What the cache does is noted.
pub(super) fn answer_to(
    platform: &Platform,
    of_run: Arc<RequestsOfRun>,
    request: BackendRequest,
) -> Sending {
    let decompress_gzip = request.head.decompress_gzip;
    match Readthrough::send_on(platform, Some(of_run), request) {
        Sending::Done(outcome) => {
            Sending::Done(outcome.and_then(|response| received(response, decompress_gzip)))
        }
        Sending::Waiting(sending) => {
            let sending = async move { received(sending.await?, decompress_gzip) };
            Sending::Waiting(sending.boxed())
        }
    }
}

/// A response as its guest gets it.
fn received(
    mut response: BackendResponse,
    decompress_gzip: bool,
) -> Result<BackendResponse, SendError> {
    if response.head.status.is_informational() {
        // Interim ones are not told, and nobody has asked for another protocol.
        let error = SendError::new(SendErrorKind::HttpResponseStatusInvalid);
        return Err(error.with_source(format!("the final status is {}", response.head.status)));
    }
    let headers = &mut response.head.headers;
    if decompress_gzip
        && headers
            .get(CONTENT_ENCODING)
            .is_some_and(|value| value == "gzip")
    {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        response.body = gunzip(response.body);
    }
    Ok(response)
}

/// How long a request goes on whose guest no longer waits for it.
const UNATTENDED_MAX: Duration = Duration::from_secs(15);

/// Sends a request that goes on without its guest: also after the guest has given it up or has ended, so that a guest can
/// send something and return, but then not for ever.
fn start(session: &Session, request: BackendRequest) -> PendingRequest {
    let of_run = session.requests_of_run().clone();
    let mut sending = match answer_to(&session.platform, of_run, request) {
        Sending::Waiting(sending) => sending,
        Sending::Done(outcome) => return PendingRequest::done(outcome),
    };
    let (mut outcome_out, outcome) = oneshot::channel();
    let clock = session.platform.clock.clone();
    session.platform.executor.spawn(Box::pin(async move {
        let mut unattended = None;
        let finished = poll_fn(|cx| {
            if let Poll::Ready(outcome) = sending.poll_unpin(cx) {
                return Poll::Ready(Some(outcome));
            }
            if unattended.is_none() && outcome_out.poll_canceled(cx).is_ready() {
                unattended = Some(clock.sleep(UNATTENDED_MAX));
            }
            match &mut unattended {
                Some(alarm) => alarm.poll_unpin(cx).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await;
        if let Some(finished) = finished {
            drop(outcome_out.send(finished));
        }
    }));
    PendingRequest::new(outcome)
}

/// witx `send_error_detail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ErrorDetail {
    tag: u32,
    mask: u32,
    dns_rcode: u16,
    tls_alert: u8,
    h2_frame: u8,
    h2_code: u32,
}

impl ErrorDetail {
    const TAG_OK: u32 = 1;
    const MASK_DNS_RCODE: u32 = 1 << 1;
    const MASK_TLS_ALERT: u32 = 1 << 3;
    const MASK_H2_ERROR: u32 = 1 << 4;

    fn of(error: Option<&SendError>) -> Self {
        let mut detail = Self {
            tag: Self::TAG_OK,
            mask: 0,
            dns_rcode: 0,
            tls_alert: 0,
            h2_frame: 0,
            h2_code: 0,
        };
        let Some(error) = error else {
            return detail;
        };
        detail.tag = error.kind.tag();
        if let Some(rcode) = error.dns_rcode {
            detail.mask |= Self::MASK_DNS_RCODE;
            detail.dns_rcode = rcode;
        }
        if let Some(alert) = error.tls_alert {
            detail.mask |= Self::MASK_TLS_ALERT;
            detail.tls_alert = alert;
        }
        if let Some((frame, code)) = error.h2_error {
            detail.mask |= Self::MASK_H2_ERROR;
            (detail.h2_frame, detail.h2_code) = (frame, code);
        }
        detail
    }
}

impl GuestValue for ErrorDetail {
    const SIZE: u32 = 20;
    const ALIGN: u32 = 4;

    fn read(bytes: &[u8]) -> Self {
        let field = |start, end| bytes.get(start..end).unwrap_or_default();
        Self {
            tag: u32::read(field(0, 4)),
            mask: u32::read(field(4, 8)),
            dns_rcode: u16::read(field(8, 10)),
            tls_alert: u8::read(field(12, 13)),
            h2_frame: u8::read(field(13, 14)),
            h2_code: u32::read(field(16, 20)),
        }
    }

    fn write(self, bytes: &mut [u8]) {
        bytes.fill(0);
        self.tag.write(&mut bytes[0..4]);
        self.mask.write(&mut bytes[4..8]);
        self.dns_rcode.write(&mut bytes[8..10]);
        self.tls_alert.write(&mut bytes[12..13]);
        self.h2_frame.write(&mut bytes[13..14]);
        self.h2_code.write(&mut bytes[16..20]);
    }
}

/// The handle under which `select` and `is_ready` know a pending request.
pub(super) fn as_async_item(handle: PendingRequestHandle) -> crate::handle::AsyncItemHandle {
    crate::handle::AsyncItemHandle::from_number(handle.number())
}
