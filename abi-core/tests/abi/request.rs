//! `fastly_http_req`, and what becomes of requests that are sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_core::Call;
use abi_core::abi::{fastly_async_io as async_io, fastly_http_req as req};
use abi_core::http::{BackendRequest, Destination, SendError, SendErrorKind};
use abi_core::platform::Clock;
use abi_core::table::types::*;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUT_3, OUTSIDE, response};

const NONE: u32 = 0xFFFF_FFFE;

#[test]
fn a_new_request_is_get_slash() {
    let mut fixture = Fixture::new();
    let handle = fixture.new_request();
    let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    assert_eq!(
        fixture.call(|call| req::method_get(call, handle, buffer, 2, out)),
        4
    );
    assert_eq!(fixture.read::<u32>(OUT), 3, "the size it needs");
    assert_eq!(
        fixture.call(|call| req::method_get(call, handle, buffer, 3, out)),
        0
    );
    assert_eq!(fixture.bytes(BUFFER, 3), b"GET");
    assert_eq!(
        fixture.call(|call| req::uri_get(call, handle, buffer, 9, out)),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), 1);
    assert_eq!(fixture.bytes(BUFFER, 1), b"/");
    assert_eq!(fixture.call(|call| req::version_get(call, handle, out)), 0);
    assert_eq!(fixture.read::<u32>(OUT), 2);
}

#[test]
fn what_is_set_must_be_valid() {
    let mut fixture = Fixture::new();
    let handle = fixture.new_request();
    let (bad_method, bad_method_len) = fixture.text("GE T");
    let (bad_uri, bad_uri_len) = fixture.text("http://[");
    assert_eq!(
        fixture.call(|call| req::method_set(call, handle, bad_method, bad_method_len)),
        1
    );
    for (length, status) in [(1024, 0), (1025, 2)] {
        let (method, method_len) = fixture.text("M".repeat(length));
        let set = |call: &mut Call<'_>| req::method_set(call, handle, method, method_len);
        assert_eq!(fixture.call(set), status, "{length}");
    }
    assert_eq!(
        fixture.call(|call| req::uri_set(call, handle, bad_uri, bad_uri_len)),
        1
    );
    assert_eq!(fixture.call(|call| req::version_set(call, handle, 9)), 2);
    assert_eq!(
        fixture.call(|call| req::framing_headers_mode_set(call, handle, 2)),
        2
    );
    assert_eq!(
        fixture.call(|call| req::auto_decompress_response_set(call, handle, 2)),
        2
    );
    assert_eq!(
        fixture.call(|call| req::cache_override_set(call, handle, 1 << 5, 0, 0)),
        2
    );
    let dead = RequestHandle(999);
    assert_eq!(fixture.call(|call| req::version_set(call, dead, 2)), 3);
    assert_eq!(fixture.call(|call| req::close(call, dead)), 3);
}

#[test]
fn header_values_are_listed_by_cursor() {
    let mut fixture = Fixture::new();
    let handle = fixture.new_request();
    let (name, name_len) = fixture.text("X-List");
    let (values, values_len) = fixture.text("one\0two\0three\0dropped");
    let set = |call: &mut Call<'_>| {
        req::header_values_set(call, handle, name, name_len, values, values_len)
    };
    assert_eq!(fixture.call(set), 0);

    let mut list = |capacity, cursor| {
        let status = fixture.call(|call| {
            let (buffer, ending, out) = (
                GuestPtr::new(BUFFER),
                GuestPtr::new(OUT_2),
                GuestPtr::new(OUT),
            );
            req::header_values_get(
                call, handle, name, name_len, buffer, capacity, cursor, ending, out,
            )
        });
        let written = fixture.read::<u32>(OUT);
        let bytes = fixture.bytes(BUFFER, if status == 0 { written } else { 0 });
        (status, written, fixture.read::<i64>(OUT_2), bytes)
    };
    assert_eq!(list(64, 0), (0, 14, -1, b"one\0two\0three\0".to_vec()));
    assert_eq!(list(8, 0), (0, 8, 2, b"one\0two\0".to_vec()));
    assert_eq!(list(8, 2), (0, 6, -1, b"three\0".to_vec()));
    assert_eq!(list(3, 0), (4, 4, -1, vec![]));
    assert_eq!(list(64, 3), (0, 0, -1, vec![]));
}

/// Sends and gives the status, the two handles and the tag of the error detail.
fn send(fixture: &mut Fixture, backend: &str) -> (u32, u32, u32, u32) {
    let (request, body) = (fixture.new_request(), fixture.new_body());
    let (name, name_len) = fixture.text(backend);
    let status = fixture.wait(async |call| {
        let (response, body_out) = (GuestPtr::new(OUT), GuestPtr::new(OUT_2));
        req::send_v2(
            call,
            request,
            body,
            name,
            name_len,
            GuestPtr::new(OUT_3),
            response,
            body_out,
        )
        .await
    });
    let dead = fixture.call(|call| req::close(call, request));
    assert_eq!(dead, 3, "a send consumes its request");
    assert_eq!(fixture.read_body(body, 1), Err(3), "and its body");
    (
        status,
        fixture.read(OUT),
        fixture.read(OUT_2),
        fixture.read(OUT_3),
    )
}

#[test]
fn a_send_gives_the_backends_response() {
    let mut fixture = Fixture::new();
    fixture
        .world
        .add_backend("origin", async |_| Ok(response(201, "made")));
    let (status, _response, body, tag) = send(&mut fixture, "origin");
    assert_eq!((status, tag), (0, 1));
    assert_eq!(fixture.read_to_end(BodyHandle(body)), b"made");
}

#[test]
fn a_failed_send_says_why() {
    let mut fixture = Fixture::new();
    fixture.world.add_backend("refused", async |_| {
        Err(SendError::new(SendErrorKind::ConnectionRefused))
    });
    fixture.world.add_backend("alert", async |_| {
        let mut error = SendError::new(SendErrorKind::TlsAlertReceived);
        error.tls_alert = Some(40);
        Err(error)
    });
    fixture.world.add_backend("cut", async |_| {
        Err(SendError::new(SendErrorKind::HttpIncompleteResponse))
    });
    fixture
        .world
        .add_backend("switches", async |_| Ok(response(101, "")));
    assert_eq!(send(&mut fixture, "switches"), (12, NONE, NONE, 17));
    assert_eq!(send(&mut fixture, "nowhere"), (2, NONE, NONE, 4));
    assert_eq!(send(&mut fixture, "refused"), (1, NONE, NONE, 7));
    assert_eq!(send(&mut fixture, "alert"), (1, NONE, NONE, 23));
    assert_eq!(fixture.read::<u32>(OUT_3 + 4), 1 << 3);
    assert_eq!(fixture.read::<u8>(OUT_3 + 12), 40);
    assert_eq!(send(&mut fixture, "cut"), (9, NONE, NONE, 13));
}

#[test]
fn a_bad_output_pointer_consumes_nothing() {
    let mut fixture = Fixture::new();
    fixture
        .world
        .add_backend("origin", async |_| Ok(response(200, "")));
    let (request, body) = (fixture.new_request(), fixture.new_body());
    let (name, name_len) = fixture.text("origin");
    let status = fixture.wait(async |call| {
        req::send(
            call,
            request,
            body,
            name,
            name_len,
            GuestPtr::new(OUT),
            GuestPtr::new(OUTSIDE),
        )
        .await
    });
    assert_eq!(status, 2);
    assert_eq!(fixture.call(|call| req::close(call, request)), 0);
    assert_eq!(fixture.read_to_end(body), b"");
}

#[test]
fn a_streaming_send_goes_on_as_the_guest_writes() {
    let mut fixture = Fixture::new();
    let received = Arc::new(Mutex::new(Vec::new()));
    let sink = received.clone();
    fixture
        .world
        .add_backend("origin", move |request: BackendRequest| {
            let sink = sink.clone();
            async move {
                let mut body = request.body.into_body();
                while let Ok(Some(bytes)) = body.read(usize::MAX).await {
                    sink.lock().unwrap().extend_from_slice(&bytes);
                }
                Ok(response(200, "done"))
            }
        });
    let (request, body) = (fixture.new_request(), fixture.body_of(b"first "));
    let (name, name_len) = fixture.text("origin");
    let start = |call: &mut Call<'_>| {
        req::send_async_streaming(call, request, body, name, name_len, GuestPtr::new(OUT))
    };
    assert_eq!(fixture.call(start), 0);
    let pending = PendingRequestHandle(fixture.read(OUT));
    assert_eq!(poll(&mut fixture, pending), (0, 0, NONE));
    assert_eq!(fixture.write_body(body, b"second", 0), (0, 6));
    assert_eq!(poll(&mut fixture, pending), (0, 0, NONE));
    assert_eq!(
        fixture.call(|call| abi_core::abi::fastly_http_body::close(call, body)),
        0
    );
    let status = fixture.wait(async |call| {
        req::pending_req_wait(call, pending, GuestPtr::new(OUT), GuestPtr::new(OUT_2)).await
    });
    assert_eq!(status, 0);
    assert_eq!(*received.lock().unwrap(), b"first second");
}

/// Polls a pending request: status, done, response handle.
fn poll(fixture: &mut Fixture, pending: PendingRequestHandle) -> (u32, u32, u32) {
    fixture.world.run_tasks();
    let status = fixture.call(|call| {
        req::pending_req_poll(
            call,
            pending,
            GuestPtr::new(OUT),
            GuestPtr::new(OUT_2),
            GuestPtr::new(OUT_3),
        )
    });
    (status, fixture.read(OUT), fixture.read(OUT_2))
}

#[test]
fn select_gives_the_first_and_tells_failures_by_sentinels() {
    let mut fixture = Fixture::new();
    let clock = fixture.world.clone();
    fixture.world.add_backend("slow", move |_| {
        let sleep = clock.sleep(Duration::from_secs(5));
        async move {
            sleep.await;
            Ok(response(200, "slow"))
        }
    });
    fixture.world.add_backend("broken", async |_| {
        Err(SendError::new(SendErrorKind::DnsError))
    });
    let bodies = [fixture.new_body(), fixture.new_body()];
    let slow = fixture.send_async("slow", bodies[0]);
    let broken = fixture.send_async("broken", bodies[1]);
    let list = BUFFER;
    fixture.memory().write(GuestPtr::new(list), slow).unwrap();
    fixture
        .memory()
        .write(GuestPtr::new(list + 4), broken)
        .unwrap();

    let mut select = |count| {
        let status = fixture.wait(async |call| {
            let (response, body) = (GuestPtr::new(OUT_2), GuestPtr::new(OUT_3));
            req::pending_req_select(
                call,
                GuestPtr::new(list),
                count,
                GuestPtr::new(OUT),
                response,
                body,
            )
            .await
        });
        (status, fixture.read::<u32>(OUT), fixture.read::<u32>(OUT_2))
    };
    assert_eq!(select(0).0, 2, "an empty list");
    assert_eq!(select(2), (0, 1, NONE), "the failed one was first");
    assert_eq!(select(2).0, 3, "its handle is consumed");
    let (status, index, response) = select(1);
    assert_eq!((status, index), (0, 0));
    assert_ne!(response, NONE);
}

#[test]
fn what_the_cache_has_is_there_at_once() {
    let mut fixture = Fixture::with_cache();
    fixture.world.add_backend("origin", async |_| {
        let mut response = response(200, "kept");
        let fresh = "max-age=60".parse().unwrap();
        response.head.headers.insert("cache-control", fresh);
        Ok(response)
    });
    for is_ready in [0, 1] {
        let body = fixture.new_body();
        let pending = fixture.send_async("origin", body);
        // Nothing runs beside the guest until it waits.
        let item = AsyncItemHandle(pending.0);
        assert_eq!(
            fixture.call(|call| async_io::is_ready(call, item, GuestPtr::new(OUT))),
            0
        );
        assert_eq!(fixture.read::<u32>(OUT), is_ready);
        let status = fixture.wait(async |call| {
            let (response, body) = (GuestPtr::new(OUT), GuestPtr::new(OUT_2));
            req::pending_req_wait(call, pending, response, body).await
        });
        assert_eq!(status, 0);
        let body = BodyHandle(fixture.read(OUT_2));
        assert_eq!(fixture.read_to_end(body), b"kept");
    }
}

#[test]
fn gzip_is_taken_off_when_asked() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"plain").unwrap();
    let encoded = bytes::Bytes::from(encoder.finish().unwrap());
    let mut fixture = Fixture::new();
    fixture.world.add_backend("origin", move |_| {
        let mut response = response(200, "");
        response
            .head
            .headers
            .insert("content-encoding", "gzip".parse().unwrap());
        response.body = encoded.clone().into();
        async { Ok(response) }
    });
    for (encodings, text) in [(0, &b"\x1f\x8b"[..]), (1, b"plain")] {
        let (request, body) = (fixture.new_request(), fixture.new_body());
        let ask = |call: &mut Call<'_>| req::auto_decompress_response_set(call, request, encodings);
        assert_eq!(fixture.call(ask), 0);
        let (name, name_len) = fixture.text("origin");
        let status = fixture.wait(async |call| {
            let (response, body_out) = (GuestPtr::new(OUT), GuestPtr::new(OUT_2));
            req::send(call, request, body, name, name_len, response, body_out).await
        });
        assert_eq!(status, 0);
        let body = BodyHandle(fixture.read(OUT_2));
        assert!(fixture.read_to_end(body).starts_with(text));
    }
}

/// Registers `name` with one text option; gives the status.
fn register(fixture: &mut Fixture, name: &str, mask: u32, fields: &[(u32, u32)]) -> u32 {
    for (offset, value) in fields {
        fixture
            .memory()
            .write(GuestPtr::new(BUFFER + offset), *value)
            .unwrap();
    }
    let (name, name_len) = fixture.text(name);
    let (target, target_len) = fixture.text("example.com:8080");
    fixture.call(|call| {
        let configuration = GuestPtr::new(BUFFER);
        req::register_dynamic_backend(
            call,
            name,
            name_len,
            target,
            target_len,
            mask,
            configuration,
        )
    })
}

#[test]
fn a_dynamic_backend_is_one_of_the_sessions() {
    let mut fixture = Fixture::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    fixture
        .world
        .add_backend("example.com:8080", move |request: BackendRequest| {
            sink.lock().unwrap().push(request.destination);
            async { Ok(response(200, "")) }
        });
    fixture
        .world
        .add_backend("static", async |_| Ok(response(200, "")));
    let (host, host_len) = fixture.text("host.example");
    let fields = [(0, host.offset()), (4, host_len), (8, 1500)];
    assert_eq!(
        register(&mut fixture, "static", 0, &[]),
        1,
        "the name is taken"
    );
    assert_eq!(
        register(&mut fixture, "new", 1, &[]),
        2,
        "a reserved option"
    );
    assert_eq!(
        register(&mut fixture, "new", 1 << 19, &[]),
        2,
        "an unknown option"
    );
    assert_eq!(
        register(
            &mut fixture,
            "new",
            1 << 5 | 1 << 13,
            &[(60, host.offset()), (64, host_len)]
        ),
        3,
        "a client certificate with a key that is no secret"
    );
    assert_eq!(register(&mut fixture, "", 0, &[]), 2);
    assert_eq!(
        register(&mut fixture, "new", 1 << 1, &[(4, 0)]),
        2,
        "an empty text"
    );
    assert_eq!(
        register(&mut fixture, "new", 1 << 5 | 1 << 6, &[(20, 4)]),
        2,
        "no TLS version"
    );
    assert_eq!(register(&mut fixture, "new", 1 << 1 | 1 << 2, &fields), 0);
    assert_eq!(
        register(&mut fixture, "new", 1 << 1 | 1 << 2, &fields),
        1,
        "once"
    );
    assert_eq!(send(&mut fixture, "new").0, 0);
    let [Destination::Dynamic(backend)] = &seen.lock().unwrap()[..] else {
        panic!("the request went to the backend that was defined");
    };
    assert_eq!(backend.override_host.as_deref(), Some("host.example"));
    assert_eq!(backend.connect_timeout, Some(Duration::from_millis(1500)));
    assert_eq!((backend.first_byte_timeout, &backend.tls), (None, &None));
    let (name, name_len) = fixture.text("new");
    let exists = |call: &mut Call<'_>| {
        abi_core::abi::fastly_backend::exists(call, name, name_len, GuestPtr::new(OUT))
    };
    assert_eq!(fixture.call(exists), 0);
    assert_eq!(fixture.read::<u32>(OUT), 1);
}

#[test]
fn a_request_outlives_its_guest_but_not_for_ever() {
    let mut fixture = Fixture::new();
    let (sender, mut dropped) = futures_channel::oneshot::channel::<()>();
    let sender = Arc::new(Mutex::new(Some(sender)));
    fixture.world.add_backend("never", move |_| {
        let held = sender.lock().unwrap().take();
        async move {
            let _held = held;
            std::future::pending().await
        }
    });
    let body = fixture.new_body();
    fixture.send_async("never", body);
    let world = fixture.world.clone();
    drop(fixture);
    world.run_tasks();
    assert_eq!(dropped.try_recv(), Ok(None), "it goes on without its guest");
    world.advance(Duration::from_secs(15));
    world.run_tasks();
    assert!(dropped.try_recv().is_err(), "and is given up in the end");
}

#[test]
fn what_the_host_holds_for_a_guest_has_a_bound() {
    let mut fixture = Fixture::new();
    let request = fixture.new_request();
    // Counts with every value, but is in memory once.
    let (name, name_len) = fixture.text("n".repeat(65_535));
    let (value, value_len) = fixture.text("v");
    let mut append =
        || fixture.call(|call| req::header_append(call, request, name, name_len, value, value_len));
    let appended = (0..).take_while(|_| append() == 0).count();
    assert_eq!(appended, 512 * 1024 * 1024 / (65_535 + 1 + 128));
    assert_eq!(append(), 13);
    let body = fixture.new_body();
    assert_eq!(fixture.write_body(body, &[b'x'; 4096], 0).0, 13);
    assert_eq!(fixture.call(|call| req::close(call, request)), 0);
    assert_eq!(fixture.write_body(body, &[b'x'; 4096], 0), (0, 4096));
}
