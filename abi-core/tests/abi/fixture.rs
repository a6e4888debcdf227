//! A session on a memory of bytes, with calls that give statuses.

use std::pin::Pin;
use std::task::{Context, Poll};

use abi_core::body::{Body, BodyError};
use abi_core::http::cache::HttpCacheSettings;
use abi_core::http::{BackendResponse, RequestHead, ResponseHead};
use abi_core::memory::GuestValue;
use abi_core::platform::Platform;
use abi_core::session::{ClientRequest, GuestEnvironment};
use abi_core::table::types::*;
use abi_core::testing::World;
use abi_core::{ByteMemory, Call, ClientResponse, Memory, Result, Session, abi};
use bytes::Bytes;
use futures_channel::oneshot;
use http_body::{Frame, SizeHint};

/// Where tests have a hostcall put its results: far apart, in a memory of a mebibyte.
pub const OUT: u32 = 0x100;
pub const OUT_2: u32 = 0x110;
pub const OUT_3: u32 = 0x120;
pub const BUFFER: u32 = 0x1000;
pub const TEXT: u32 = 0x8000;
/// Behind the end of memory.
pub const OUTSIDE: u32 = 0x20_0000;

pub struct Fixture {
    pub world: World,
    pub session: Session,
    pub answer: oneshot::Receiver<ClientResponse>,
    memory: ByteMemory,
    text_end: u32,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with_request(RequestHead::new(), Body::empty())
    }

    pub fn with_request(head: RequestHead, body: Body) -> Self {
        Self::with_client(ClientRequest::new(head, body))
    }

    pub fn with_client(request: ClientRequest) -> Self {
        Self::with(World::new(), request)
    }

    /// A session in a world that is there already.
    pub fn in_world(world: World) -> Self {
        Self::with(world, ClientRequest::new(RequestHead::new(), Body::empty()))
    }

    /// A session whose requests to backends go through a cache.
    pub fn with_cache() -> Self {
        let world = World::new();
        let platform = Platform {
            http_cache: HttpCacheSettings::default(),
            ..world.platform()
        };
        let request = ClientRequest::new(RequestHead::new(), Body::empty());
        Self::on(world, platform, request)
    }

    fn with(world: World, request: ClientRequest) -> Self {
        let platform = world.platform();
        Self::on(world, platform, request)
    }

    fn on(world: World, platform: Platform, request: ClientRequest) -> Self {
        let environment = GuestEnvironment::default().into();
        let (session, answer) = Session::new(platform, environment, request);
        Self {
            world,
            session,
            answer,
            memory: ByteMemory::new(0x10_0000),
            text_end: TEXT,
        }
    }

    /// Makes a hostcall that never waits; gives its status.
    pub fn call(&mut self, hostcall: impl FnOnce(&mut Call<'_>) -> Result<()>) -> u32 {
        let mut memory = self.memory.lend();
        let mut call = Call::new(
            abi_core::GuestMemory::data_mut(&mut memory),
            &mut self.session,
        );
        status(hostcall(&mut call))
    }

    /// Makes a hostcall that may wait; gives its status.
    pub fn wait(&mut self, hostcall: impl AsyncFnOnce(&mut Call<'_>) -> Result<()>) -> u32 {
        let mut memory = self.memory.lend();
        let mut call = Call::new(
            abi_core::GuestMemory::data_mut(&mut memory),
            &mut self.session,
        );
        status(self.world.drive(hostcall(&mut call)))
    }

    pub fn memory(&mut self) -> Memory<'_> {
        self.memory.lend()
    }

    /// Puts text into memory; gives what a hostcall takes for it.
    pub fn text(&mut self, text: impl AsRef<[u8]>) -> (GuestPtr<u8>, u32) {
        let text = text.as_ref();
        let pointer = GuestPtr::new(self.text_end);
        let length = text.len() as u32;
        let mut memory = self.memory.lend();
        memory
            .bytes_mut(pointer, length)
            .unwrap()
            .copy_from_slice(text);
        self.text_end += length.next_multiple_of(8);
        (pointer, length)
    }

    pub fn read<T: GuestValue>(&mut self, offset: u32) -> T {
        self.memory.lend().read(GuestPtr::new(offset)).unwrap()
    }

    pub fn bytes(&mut self, offset: u32, length: u32) -> Vec<u8> {
        self.memory
            .lend()
            .bytes(GuestPtr::new(offset), length)
            .unwrap()
            .to_vec()
    }

    pub fn new_body(&mut self) -> BodyHandle {
        assert_eq!(
            self.call(|call| abi::fastly_http_body::new(call, GuestPtr::new(OUT))),
            0
        );
        self.read(OUT)
    }

    /// A body that holds `bytes`.
    pub fn body_of(&mut self, bytes: &[u8]) -> BodyHandle {
        let body = self.new_body();
        assert_eq!(self.write_body(body, bytes, 0), (0, bytes.len() as u32));
        body
    }

    pub fn write_body(&mut self, body: BodyHandle, bytes: &[u8], end: u32) -> (u32, u32) {
        let (pointer, length) = self.text(bytes);
        let status = self.wait(async |call| {
            abi::fastly_http_body::write(call, body, pointer, length, end, GuestPtr::new(OUT)).await
        });
        (status, self.read(OUT))
    }

    /// Reads once; the bytes, or the status of the failure.
    pub fn read_body(&mut self, body: BodyHandle, max: u32) -> Result<Vec<u8>, u32> {
        let status = self.wait(async |call| {
            abi::fastly_http_body::read(call, body, GuestPtr::new(BUFFER), max, GuestPtr::new(OUT))
                .await
        });
        let length = self.read(OUT);
        if status == 0 {
            Ok(self.bytes(BUFFER, length))
        } else {
            Err(status)
        }
    }

    pub fn read_to_end(&mut self, body: BodyHandle) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.read_body(body, 0x1000).unwrap() {
                bytes if bytes.is_empty() => return all,
                bytes => all.extend(bytes),
            }
        }
    }

    pub fn new_request(&mut self) -> RequestHandle {
        assert_eq!(
            self.call(|call| abi::fastly_http_req::new(call, GuestPtr::new(OUT))),
            0
        );
        self.read(OUT)
    }

    pub fn new_response(&mut self) -> ResponseHandle {
        assert_eq!(
            self.call(|call| abi::fastly_http_resp::new(call, GuestPtr::new(OUT))),
            0
        );
        self.read(OUT)
    }

    /// Starts a request with the whole body `body`; gives the pending handle.
    pub fn send_async(&mut self, backend: &str, body: BodyHandle) -> PendingRequestHandle {
        let request = self.new_request();
        let (name, length) = self.text(backend);
        let out = GuestPtr::new(OUT);
        let status = self
            .call(|call| abi::fastly_http_req::send_async(call, request, body, name, length, out));
        assert_eq!(status, 0);
        self.read(OUT)
    }
}

/// What a guest gets for the result of a hostcall.
fn status(result: Result<()>) -> u32 {
    match result {
        Ok(()) => 0,
        Err(error) => error.status().expect("the guest goes on").code(),
    }
}

/// A response with a body, as a backend gives it.
pub fn response(status: u16, body: &'static str) -> BackendResponse {
    let mut head = ResponseHead::new();
    head.status = status.try_into().unwrap();
    BackendResponse {
        head,
        body: Body::from(Bytes::from_static(body.as_bytes())),
    }
}

/// All bytes of an answer's body, and whether it ended cleanly.
pub fn collect(fixture: &Fixture, answer: ClientResponse) -> (Vec<u8>, bool) {
    let mut body = answer.body.into_body();
    let mut all = Vec::new();
    loop {
        match fixture.world.drive(body.read(usize::MAX)) {
            Ok(Some(bytes)) => all.extend_from_slice(&bytes),
            Ok(None) => return (all, true),
            Err(_) => return (all, false),
        }
    }
}

/// One of the pieces that [`Pieces`] have.
pub const PIECE: &[u8] = &[b'x'; 16 * 1024];

/// A body of so many pieces, which may break off after them.
pub struct Pieces {
    pub left: usize,
    pub length: Option<u64>,
    pub breaks_off: bool,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.left > 0 {
            self.left -= 1;
            let piece = Frame::data(Bytes::from_static(PIECE));
            return Poll::Ready(Some(Ok(piece)));
        }
        let broken_off = std::mem::take(&mut self.breaks_off);
        Poll::Ready(broken_off.then_some(Err(BodyError::Incomplete)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
