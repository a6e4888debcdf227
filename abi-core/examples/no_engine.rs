//! The ABI without an engine: a guest that is a Rust function, hostcalls that are function calls, a world that is a script.
//!
//! That is how one would bring the ABI to an engine that has no adapter yet, or test what a hostcall does. Nothing here
//! waits for real time, opens a socket or needs an asynchronous runtime.
//!
//! ```sh
//! cargo run --package abi-core --example no_engine
//! ```

use std::sync::Arc;

use abi_core::abi::{fastly_http_req, fastly_http_resp};
use abi_core::body::Body;
use abi_core::engine::{Ended, Exit, Limits};
use abi_core::handle::{BodyHandle, RequestHandle, ResponseHandle};
use abi_core::http::{BackendResponse, RequestHead, ResponseHead};
use abi_core::testing::World;
use abi_core::{Call, ClientRequest, GuestPtr, Program, Result, Service, Session};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// The memory of the guest, and where in it things are.
const MEMORY_BYTES: usize = 64 * 1024;
const REQUEST: GuestPtr<RequestHandle> = GuestPtr::new(0);
const RESPONSE: GuestPtr<ResponseHandle> = GuestPtr::new(4);
const BODY: GuestPtr<BodyHandle> = GuestPtr::new(8);
const BACKEND: GuestPtr<u8> = GuestPtr::new(64);

/// What stands for a compiled program: it passes the client's request to a backend, and the answer back.
struct Proxy;

impl Program for Proxy {
    fn run(&self, session: Box<Session>, _: Limits) -> BoxFuture<'static, Ended> {
        async move {
            let exit = match proxy(*session).await {
                Ok(()) => Exit::Returned,
                Err(error) => Exit::Failed(error.to_string()),
            };
            Ended {
                exit,
                memory_bytes: MEMORY_BYTES as u64,
            }
        }
        .boxed()
    }
}

/// What a guest does through its SDK, one hostcall after the other.
async fn proxy(mut session: Session) -> Result<()> {
    let mut memory = vec![0; MEMORY_BYTES];
    let name = b"origin";
    memory[64..64 + name.len()].copy_from_slice(name);
    // Memory and session are lent to each hostcall, as an adapter does it.
    let mut call = Call::new(&mut memory, &mut session);

    fastly_http_req::body_downstream_get(&mut call, REQUEST, BODY)?;
    let (request, body) = (call.memory.read(REQUEST)?, call.memory.read(BODY)?);
    let length = name.len() as u32;
    fastly_http_req::send(&mut call, request, body, BACKEND, length, RESPONSE, BODY).await?;
    let (response, body) = (call.memory.read(RESPONSE)?, call.memory.read(BODY)?);
    fastly_http_resp::send_downstream(&mut call, response, body, 0)
}

pub(crate) fn main() {
    let world = World::new();
    world.add_backend("origin", async |request| {
        Ok(BackendResponse {
            head: ResponseHead::new(),
            body: Body::from(Bytes::from(format!(
                "you asked for {}",
                request.head.uri.path()
            ))),
        })
    });
    let service = Service::new(Arc::new(Proxy), world.platform());

    let mut head = RequestHead::new();
    head.uri = http::Uri::from_static("http://localhost/some/path");
    let mut run = service.start(ClientRequest::new(head, Body::empty()));
    let answer = world.drive(run.answer());
    let mut body = answer.body.into_body();
    let text = world.drive(body.read(usize::MAX));
    let text = text.ok().flatten().unwrap_or_default();
    println!("{}: {}", answer.head.status, String::from_utf8_lossy(&text));
    assert_eq!(text, "you asked for /some/path");

    let report = world.drive(run.finish());
    println!("the guest ended: {}", report.exit);
    assert!(report.exit.is_success());
}
