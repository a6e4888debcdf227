//! What is refused because a table is full has not been done, and has left nothing behind; and how much is held for a
//! guest in all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use abi_core::abi::{
    fastly_cache as cache, fastly_http_body as body, fastly_http_req as req,
    fastly_http_resp as resp, fastly_image_optimizer as images,
};
use abi_core::handle::NO_HANDLE;
use abi_core::images::{ImageError, ImageTransformer, Transform, TransformedImage};
use abi_core::table::types::*;
use abi_core::testing::World;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::fixture::{Fixture, OUT, OUT_2, OUT_3, response};

const FULL: u32 = 13;

/// A world with a backend, and how often that was asked.
fn with_backend() -> (Fixture, Arc<AtomicU32>) {
    let world = World::new();
    world.set_images(Arc::new(NoImages));
    let fixture = Fixture::in_world(world);
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    fixture.world.add_backend("b", move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok(response(200, "")) }
    });
    (fixture, asked)
}

struct NoImages;

impl ImageTransformer for NoImages {
    fn transform(
        &self,
        _: Bytes,
        _: Transform,
    ) -> BoxFuture<'static, Result<TransformedImage, ImageError>> {
        Box::pin(async { Err(ImageError("there are none".to_owned())) })
    }
}

fn fill_responses(fixture: &mut Fixture) -> ResponseHandle {
    loop {
        let status = fixture.call(|call| resp::new(call, GuestPtr::new(OUT)));
        if status != 0 {
            assert_eq!(status, FULL);
            return fixture.read(OUT);
        }
    }
}

fn fill_items(fixture: &mut Fixture) -> BodyHandle {
    loop {
        let status = fixture.call(|call| body::new(call, GuestPtr::new(OUT)));
        if status != 0 {
            assert_eq!(status, FULL);
            return fixture.read(OUT);
        }
    }
}

/// How many things of each kind are held.
fn held(fixture: &Fixture) -> String {
    format!("{:?}", fixture.session)
}

#[test]
fn nothing_is_sent_that_has_no_room_for_its_response() {
    let (mut fixture, asked) = with_backend();
    let (request, content) = (fixture.new_request(), fixture.new_body());
    let other = fixture.new_body();
    let pending = fixture.send_async("b", other);
    let last = fill_responses(&mut fixture);
    let before = held(&fixture);
    let (name, length) = fixture.text("b");
    let (head_out, body_out) = (GuestPtr::new(OUT_2), GuestPtr::new(OUT_3));
    let send = |fixture: &mut Fixture| {
        fixture.wait(async |call| {
            req::send(call, request, content, name, length, head_out, body_out).await
        })
    };
    fixture.world.run_tasks();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(send(&mut fixture), FULL);
    let status = fixture.wait(async |call| {
        let (options, detail) = (GuestPtr::new(0x2000), GuestPtr::new(0x3000));
        images::transform_image_optimizer_request(
            call, request, content, name, length, 0, options, detail, head_out, body_out,
        )
        .await
    });
    assert_eq!(status, FULL);
    // What was sent before is answered, and can be waited for again.
    let wait = |fixture: &mut Fixture| {
        fixture.wait(async |call| req::pending_req_wait(call, pending, head_out, body_out).await)
    };
    assert_eq!(wait(&mut fixture), FULL);
    let status = fixture
        .call(|call| req::pending_req_poll(call, pending, GuestPtr::new(OUT), head_out, body_out));
    assert_eq!(status, FULL);
    let status = fixture.wait(async |call| {
        call.memory.write(GuestPtr::new(0x2000), pending).unwrap();
        let (list, index) = (GuestPtr::new(0x2000), GuestPtr::new(OUT));
        req::pending_req_select(call, list, 1, index, head_out, body_out).await
    });
    assert_eq!(status, FULL);
    assert_eq!(held(&fixture), before);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(fixture.call(|call| resp::close(call, last)), 0);
    assert_eq!(wait(&mut fixture), 0);
    let last = fixture.read::<ResponseHandle>(OUT_2);
    assert_eq!(fixture.call(|call| resp::close(call, last)), 0);
    assert_eq!(send(&mut fixture), 0);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn nothing_is_sent_that_has_no_room_for_its_own_handle() {
    let (mut fixture, asked) = with_backend();
    let (request, content) = (fixture.new_request(), fixture.new_body());
    let last = fill_items(&mut fixture);
    let before = held(&fixture);
    let (name, length) = fixture.text("b");
    let out = GuestPtr::new(OUT_2);
    let send = |fixture: &mut Fixture| {
        fixture.call(|call| req::send_async_streaming(call, request, content, name, length, out))
    };
    assert_eq!(send(&mut fixture), FULL);
    let status = fixture.wait(async |call| {
        let (options, detail) = (GuestPtr::new(0x2000), GuestPtr::new(0x3000));
        let none = BodyHandle(NO_HANDLE);
        let body_out = GuestPtr::new(OUT_3);
        images::transform_image_optimizer_request(
            call,
            request,
            none,
            name,
            length,
            0,
            options,
            detail,
            out.cast(),
            body_out,
        )
        .await
    });
    assert_eq!(status, FULL);
    assert_eq!(held(&fixture), before);
    fixture.world.run_tasks();
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    // The body is still one to read.
    assert_eq!(fixture.read_body(content, 1), Ok(Vec::new()));
    assert_eq!(fixture.call(|call| body::close(call, last)), 0);
    assert_eq!(send(&mut fixture), 0);
    fixture.world.run_tasks();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_whole_body_makes_room_for_what_it_is_sent_for() {
    let (mut fixture, asked) = with_backend();
    let (request, content) = (fixture.new_request(), fixture.new_body());
    fill_items(&mut fixture);
    let (name, length) = fixture.text("b");
    let status = fixture.wait(async |call| {
        let (head_out, body_out) = (GuestPtr::new(OUT_2), GuestPtr::new(OUT_3));
        req::send(call, request, content, name, length, head_out, body_out).await
    });
    assert_eq!(status, 0);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// How many times a hostcall does what it is to do before a guest has had enough held for it, if that is ever.
fn until_too_much(most: usize, mut hostcall: impl FnMut() -> u32) -> usize {
    for done in 0..most {
        match hostcall() {
            0 => {}
            status => {
                assert_eq!(status, FULL);
                return done;
            }
        }
    }
    panic!("it was done {most} times");
}

#[test]
fn changes_to_a_response_that_is_to_come_are_held_for_the_guest() {
    let (mut fixture, _) = with_backend();
    let content = fixture.new_body();
    let pending = fixture.send_async("b", content);
    let name = fixture.text("x");
    let value = fixture.text(vec![b'v'; 256 * 1024]);
    let appended = until_too_much(3000, || {
        fixture.call(|call| {
            req::pending_req_header_append(call, pending, name.0, name.1, value.0, value.1, 1)
        })
    });
    assert!((2000..2050).contains(&appended), "{appended}");
    let long = fixture.text(vec![b'n'; 60_000]);
    let removed = until_too_much(10, || {
        fixture.call(|call| req::pending_req_header_remove(call, pending, long.0, long.1, 1))
    });
    assert!(removed < 5, "the name of one that is removed counts");
    // Whoever waits for the response makes room.
    let status = fixture.wait(async |call| {
        req::pending_req_wait(call, pending, GuestPtr::new(OUT), GuestPtr::new(OUT_2)).await
    });
    assert_eq!(status, 0);
    let head = fixture.read::<ResponseHandle>(OUT);
    assert_eq!(fixture.call(|call| resp::close(call, head)), 0);
    assert_ne!(fixture.body_of(b"again"), BodyHandle(NO_HANDLE));
}

#[test]
fn empty_values_take_their_places() {
    let mut fixture = Fixture::new();
    let (name, values) = (fixture.text("x"), fixture.text([0; 16_384]));
    let set = until_too_much(1000, || {
        let request = fixture.new_request();
        fixture
            .call(|call| req::header_values_set(call, request, name.0, name.1, values.0, values.1))
    });
    assert!((240..260).contains(&set), "{set}");
}

#[test]
fn copies_of_a_head_are_held_for_the_guest() {
    let mut fixture = Fixture::new();
    let (name, values) = (fixture.text("x"), fixture.text([0; 16_384]));
    let request = fixture.new_request();
    let set = fixture
        .call(|call| req::header_values_set(call, request, name.0, name.1, values.0, values.1));
    assert_eq!(set, 0);
    let (record, out) = (0x2000, GuestPtr::new(OUT));
    let options = [request.0, 0, 0];
    fixture
        .memory()
        .write(GuestPtr::new(record), options)
        .unwrap();
    let key = fixture.text("key");
    let looked_up = until_too_much(1000, || {
        let options = GuestPtr::new(record);
        fixture.call(|call| cache::transaction_lookup_async(call, key.0, key.1, 2, options, out))
    });
    assert!((240..260).contains(&looked_up), "{looked_up}");
}

#[test]
fn surrogate_keys_of_an_override_have_a_bound() {
    let mut fixture = Fixture::new();
    let request = fixture.new_request();
    let keys = fixture.text([b'k'; 16 * 1024 + 1]);
    let mut set = |length| {
        fixture.call(|call| req::cache_override_v2_set(call, request, 0, 0, 0, keys.0, length))
    };
    assert_eq!(set(16 * 1024), 0);
    assert_eq!(set(16 * 1024 + 1), 2);
}
