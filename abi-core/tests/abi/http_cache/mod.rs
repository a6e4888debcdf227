//! The cache of responses, driven by guests: between sessions, and as time passes.

mod bodies;
mod lookups;
mod responses;
mod transactions;

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use abi_core::abi::{
    fastly_async_io as async_io, fastly_http_body as http_body, fastly_http_cache as cache,
    fastly_http_req as http_req, fastly_http_resp as http_resp,
};
use abi_core::body::{Body, OutgoingBody};
use abi_core::cache::Purge;
use abi_core::http::cache::{HttpCacheSettings, Readthrough};
use abi_core::http::{BackendRequest, Destination, RequestHead};
use abi_core::session::{ClientRequest, GuestEnvironment};
use abi_core::table::types::*;
use abi_core::{Platform, Session};
use http::Uri;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUT_3, OUTSIDE, response};

const RECORD: u32 = 0x200;
const RECORD_2: u32 = 0x280;

const FOUND: u32 = 3;
const STALE: u32 = 4;
const MUST_INSERT: u32 = 8;
const USABLE_IF_ERROR: u32 = 16;

const OK: u32 = 0;
const INVAL: u32 = 2;
const BADF: u32 = 3;
const BUFLEN: u32 = 4;
const UNSUPPORTED: u32 = 5;
const NONE: u32 = 10;
const LIMIT_EXCEEDED: u32 = 13;

const INSERT: u32 = 0;
const UPDATE: u32 = 1;
const DO_NOT_STORE: u32 = 2;
const RECORD_UNCACHEABLE: u32 = 3;

type Fields<'a> = &'a [(&'a str, &'a str)];

const URL: &str = "http://origin.example/path";

const fn out<T>() -> GuestPtr<T> {
    GuestPtr::new(OUT)
}

/// What a guest says when it writes.
#[derive(Clone, Copy, Default)]
struct Write<'a> {
    max_age: u64,
    revalidate: u64,
    if_error: u64,
    vary: Option<&'a str>,
    keys: Option<&'a str>,
    length: Option<u64>,
    sensitive: bool,
}

fn platform(fixture: &Fixture, settings: HttpCacheSettings) -> Platform {
    Platform {
        http_cache: settings,
        ..fixture.world.platform()
    }
}

/// A guest with a cache of responses.
struct Guest(Fixture);

impl Deref for Guest {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.0
    }
}

impl DerefMut for Guest {
    fn deref_mut(&mut self) -> &mut Fixture {
        &mut self.0
    }
}

fn start() -> Guest {
    Guest::with(&Fixture::new(), HttpCacheSettings::default())
}

impl Guest {
    /// A guest in the world of another, with these settings.
    fn with(other: &Fixture, settings: HttpCacheSettings) -> Self {
        Self::on(other, platform(other, settings))
    }

    fn on(other: &Fixture, platform: Platform) -> Self {
        let mut fixture = Fixture::in_world(other.world.clone());
        let request = ClientRequest::new(RequestHead::new(), Body::empty());
        let environment = GuestEnvironment::default().into();
        let (session, answer) = Session::new(platform, environment, request);
        fixture.session = session;
        fixture.answer = answer;
        Self(fixture)
    }

    /// A guest of the same service.
    fn beside(&self) -> Self {
        Self::with(self, HttpCacheSettings::default())
    }

    fn request_of(&mut self, method: &str, url: &str, fields: Fields<'_>) -> RequestHandle {
        let request = self.new_request();
        let (method, method_len) = self.text(method);
        self.call(|call| http_req::method_set(call, request, method, method_len));
        let (url, url_len) = self.text(url);
        assert_eq!(
            self.call(|call| http_req::uri_set(call, request, url, url_len)),
            OK
        );
        for (name, value) in fields {
            let ((name, name_len), (value, value_len)) = (self.text(name), self.text(value));
            self.call(|call| {
                http_req::header_insert(call, request, name, name_len, value, value_len)
            });
        }
        request
    }

    fn response_of(&mut self, status: u32, fields: Fields<'_>) -> ResponseHandle {
        let response = self.new_response();
        self.call(|call| http_resp::status_set(call, response, status));
        for (name, value) in fields {
            let ((name, name_len), (value, value_len)) = (self.text(name), self.text(value));
            self.call(|call| {
                http_resp::header_insert(call, response, name, name_len, value, value_len)
            });
        }
        response
    }

    fn status_and_field(&mut self, response: ResponseHandle, name: &str) -> (u16, String) {
        assert_eq!(
            self.call(|call| http_resp::status_get(call, response, out())),
            OK
        );
        let status = self.read(OUT);
        let (name, length) = self.text(name);
        let (value, written) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
        let got = self.call(|call| {
            http_resp::header_value_get(call, response, name, length, value, 0x1000, written)
        });
        let length = self.read(OUT);
        match got {
            OK => (
                status,
                String::from_utf8(self.bytes(BUFFER, length)).unwrap(),
            ),
            _ => (status, String::new()),
        }
    }

    fn begin(&mut self, request: RequestHandle) -> HttpCacheHandle {
        let options = GuestPtr::new(RECORD);
        let status = self.call(|call| cache::transaction_lookup(call, request, 0, options, out()));
        assert_eq!(status, OK);
        self.read(OUT)
    }

    fn get(&mut self) -> HttpCacheHandle {
        let request = self.request_of("GET", URL, &[]);
        self.begin(request)
    }

    fn is_ready(&mut self, handle: HttpCacheHandle) -> bool {
        let item = AsyncItemHandle(handle.0);
        assert_eq!(self.call(|call| async_io::is_ready(call, item, out())), OK);
        self.read::<u32>(OUT) == 1
    }

    fn state(&mut self, handle: HttpCacheHandle) -> u32 {
        let status = self.wait(async |call| cache::get_state(call, handle, out()).await);
        assert_eq!(status, OK);
        self.read(OUT)
    }

    /// Puts a record of write options into memory; gives its mask.
    fn record(&mut self, write: Write<'_>) -> u32 {
        let second = 1_000_000_000;
        let (vary, vary_len) = self.text(write.vary.unwrap_or_default());
        let (keys, keys_len) = self.text(write.keys.unwrap_or_default());
        let mut put = |offset, number: u64| {
            let at = GuestPtr::<u64>::new(RECORD + offset);
            self.memory().write(at, number).unwrap();
        };
        let text = |pointer: GuestPtr<u8>, length: u32| {
            u64::from(pointer.offset()) | u64::from(length) << 32
        };
        put(0, write.max_age * second);
        put(8, text(vary, vary_len));
        put(16, 0);
        put(24, write.revalidate * second);
        put(32, text(keys, keys_len));
        put(40, write.length.unwrap_or_default());
        put(48, write.if_error * second);
        let bit = |bit, is_set| u32::from(is_set) << bit;
        bit(1, write.vary.is_some())
            | bit(3, true)
            | bit(4, write.keys.is_some())
            | bit(5, write.length.is_some())
            | bit(6, write.sensitive)
            | bit(7, true)
    }

    /// Inserts a response; gives the body to write to, and the handle to answer by.
    fn insert(
        &mut self,
        handle: HttpCacheHandle,
        response: ResponseHandle,
        write: Write<'_>,
    ) -> Result<(BodyHandle, HttpCacheHandle), u32> {
        let mask = self.record(write);
        let (record, back) = (GuestPtr::new(RECORD), GuestPtr::new(OUT_2));
        let status = self.wait(async |call| {
            cache::transaction_insert_and_stream_back(
                call,
                handle,
                response,
                mask,
                record,
                out(),
                back,
            )
            .await
        });
        match status {
            OK => Ok((self.read(OUT), self.read(OUT_2))),
            status => Err(status),
        }
    }

    /// Inserts a whole response; gives the handle to answer by.
    fn insert_whole(
        &mut self,
        handle: HttpCacheHandle,
        fields: Fields<'_>,
        write: Write<'_>,
        body: &[u8],
    ) -> HttpCacheHandle {
        let response = self.response_of(200, fields);
        let (writer, back) = self.insert(handle, response, write).unwrap();
        self.write_body(writer, body, 0);
        assert_eq!(self.call(|call| http_body::close(call, writer)), OK);
        back
    }

    fn found(
        &mut self,
        handle: HttpCacheHandle,
        transform: u32,
    ) -> Result<(ResponseHandle, BodyHandle), u32> {
        let body = GuestPtr::new(OUT_2);
        let status = self.wait(async |call| {
            cache::get_found_response(call, handle, transform, out(), body).await
        });
        match status {
            OK => Ok((self.read(OUT), self.read(OUT_2))),
            status => Err(status),
        }
    }

    fn found_text(&mut self, handle: HttpCacheHandle) -> Result<String, u32> {
        let (_, body) = self.found(handle, 1)?;
        Ok(String::from_utf8(self.read_to_end(body)).unwrap())
    }

    fn prepare(
        &mut self,
        handle: HttpCacheHandle,
        response: ResponseHandle,
    ) -> (u32, ResponseHandle) {
        let prepared = GuestPtr::new(OUT_2);
        let status = self.wait(async |call| {
            cache::prepare_response_for_storage(call, handle, response, out(), prepared).await
        });
        assert_eq!(status, OK);
        (self.read(OUT), self.read(OUT_2))
    }

    /// Asks for all suggestions, with room for so many bytes of vary rule and surrogate keys. Gives status, mask, max age in
    /// seconds, and both texts' lengths.
    fn suggest(
        &mut self,
        handle: HttpCacheHandle,
        response: ResponseHandle,
        room: u32,
    ) -> (u32, u32, u64, u32, u32) {
        let words = [
            0,
            0,
            BUFFER,
            room,
            0,
            0,
            0,
            0,
            BUFFER + 0x800,
            room,
            0,
            0,
            0,
            0_u32,
        ];
        self.memory().write(GuestPtr::new(RECORD), words).unwrap();
        let (mask_out, record) = (GuestPtr::new(OUT_3), GuestPtr::new(RECORD));
        let status = self.wait(async |call| {
            let options_out = GuestPtr::new(RECORD_2);
            cache::get_suggested_cache_options(
                call,
                handle,
                response,
                0xff,
                record,
                mask_out,
                options_out,
            )
            .await
        });
        let words: [u32; 14] = self.read(RECORD_2);
        let max_age = self.read::<u64>(RECORD_2) / 1_000_000_000;
        (status, self.read(OUT_3), max_age, words[3], words[9])
    }

    fn suggested_request(&mut self, handle: HttpCacheHandle) -> RequestHandle {
        let status =
            self.wait(async |call| cache::get_suggested_backend_request(call, handle, out()).await);
        assert_eq!(status, OK);
        self.read(OUT)
    }

    fn request_field(&mut self, request: RequestHandle, name: &str) -> Option<String> {
        let (name, length) = self.text(name);
        let (value, written) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
        let status = self.call(|call| {
            http_req::header_value_get(call, request, name, length, value, 0x1000, written)
        });
        let length = self.read(OUT);
        (status == OK).then(|| String::from_utf8(self.bytes(BUFFER, length)).unwrap())
    }

    fn record_not_cacheable(&mut self, handle: HttpCacheHandle, max_age: u64) -> u32 {
        let write = Write {
            max_age,
            ..Write::default()
        };
        let mask = self.record(write);
        self.wait(async |call| {
            let record = GuestPtr::new(RECORD);
            cache::transaction_record_not_cacheable(call, handle, mask, record).await
        })
    }

    fn choose_stale(&mut self, handle: HttpCacheHandle) -> u32 {
        self.wait(async |call| cache::transaction_choose_stale(call, handle).await)
    }
}

const MINUTE: Write<'_> = Write {
    max_age: 60,
    revalidate: 0,
    if_error: 0,
    vary: None,
    keys: None,
    length: None,
    sensitive: false,
};
