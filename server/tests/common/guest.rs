//! Guests without an engine: scripts that make hostcalls.

use std::sync::Arc;

use abi_core::abi::{fastly_http_body, fastly_http_req, fastly_http_resp};
use abi_core::engine::{Ended, Exit, Limits, Program};
use abi_core::handle::{BodyHandle, ResponseHandle};
use abi_core::{Call, GuestPtr, Session};
use fastlike::{Host, HostBuilder, ProgramSource};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// A guest that runs a script.
struct Script<S>(S);

impl<S, F> Program for Script<S>
where
    S: Fn(Guest) -> F + Send + Sync,
    F: Future<Output = Exit> + Send + 'static,
{
    fn run(&self, session: Box<Session>, _: Limits) -> BoxFuture<'static, Ended> {
        let running = (self.0)(Guest {
            session: *session,
            memory: vec![0; 64 * 1024],
        });
        running
            .map(|exit| Ended {
                exit,
                memory_bytes: 64 * 1024,
            })
            .boxed()
    }
}

/// A host whose guests run `script`.
pub fn host<S, F>(script: S) -> HostBuilder
where
    S: Fn(Guest) -> F + Send + Sync + 'static,
    F: Future<Output = Exit> + Send + 'static,
{
    // What is tested here is what happens between guest and backend.
    Host::builder()
        .http_cache(fastlike::HttpCacheSettings::disabled())
        .program(ProgramSource::Compiled(Arc::new(Script(script)), "script"))
}

/// A running guest.
pub struct Guest {
    session: Session,
    memory: Vec<u8>,
}

impl Guest {
    fn call(&mut self) -> Call<'_> {
        Call::new(&mut self.memory, &mut self.session)
    }

    /// Answers with a whole body.
    pub async fn answer(&mut self, body: &str) {
        let handle = self.body();
        self.write(handle, body).await;
        self.send(handle, false);
    }

    /// Answers with a body that is written later.
    pub fn answer_streaming(&mut self) -> BodyHandle {
        let handle = self.body();
        self.send(handle, true);
        handle
    }

    /// Writes to a body.
    pub async fn write(&mut self, handle: BodyHandle, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let length = rest.len().min(1024);
            self.memory[8..8 + length].copy_from_slice(&rest[..length]);
            let (at, written_out) = (GuestPtr::new(8), GuestPtr::new(0));
            let mut call = self.call();
            fastly_http_body::write(&mut call, handle, at, length as u32, 0, written_out)
                .await
                .unwrap();
            let written = call.memory.read(written_out).unwrap();
            rest = &rest[written as usize..];
        }
    }

    /// Ends a streaming body.
    pub fn close(&mut self, handle: BodyHandle) {
        fastly_http_body::close(&mut self.call(), handle).unwrap();
    }

    /// Gives a streaming body up.
    pub fn abandon(&mut self, handle: BodyHandle) {
        fastly_http_body::abandon(&mut self.call(), handle).unwrap();
    }

    /// The names of the client's header fields, as they were sent, with spaces between.
    pub fn original_header_names(&mut self) -> String {
        let (names, cursor_out, written_out) =
            (GuestPtr::new(16), GuestPtr::new(0), GuestPtr::new(8));
        let mut call = self.call();
        fastly_http_req::original_header_names_get(
            &mut call,
            names,
            1024,
            0,
            cursor_out,
            written_out,
        )
        .unwrap();
        let written = call.memory.read(written_out).unwrap();
        let names = call.memory.bytes(names, written).unwrap();
        let names = names.strip_suffix(b"\0").unwrap_or(names);
        String::from_utf8(names.to_vec())
            .unwrap()
            .replace('\0', " ")
    }

    fn body(&mut self) -> BodyHandle {
        let out = GuestPtr::new(0);
        let mut call = self.call();
        fastly_http_body::new(&mut call, out).unwrap();
        call.memory.read(out).unwrap()
    }

    fn send(&mut self, body: BodyHandle, streaming: bool) {
        let out = GuestPtr::<ResponseHandle>::new(0);
        let mut call = self.call();
        fastly_http_resp::new(&mut call, out).unwrap();
        let response = call.memory.read(out).unwrap();
        fastly_http_resp::send_downstream(&mut call, response, body, streaming.into()).unwrap();
    }
}
