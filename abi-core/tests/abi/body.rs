//! `fastly_http_body`.

use abi_core::Call;
use abi_core::abi::fastly_http_body as body;
use abi_core::body::PIPE_CAPACITY_BYTES;
use abi_core::http::headers::FIELDS_MAX;
use abi_core::table::types::*;
use bytes::Bytes;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUTSIDE, collect};

#[test]
fn writes_go_to_either_end() {
    let mut fixture = Fixture::new();
    let handle = fixture.body_of(b"middle");
    assert_eq!(fixture.write_body(handle, b" end", 0), (0, 4));
    assert_eq!(fixture.write_body(handle, b"start ", 1), (0, 6));
    assert_eq!(
        fixture.write_body(handle, b"x", 2).0,
        2,
        "there is no third end"
    );
    assert_eq!(fixture.read_to_end(handle), b"start middle end");
}

#[test]
fn a_dead_handle_is_bad_everywhere() {
    let mut fixture = Fixture::new();
    let handle = fixture.body_of(b"x");
    assert_eq!(fixture.call(|call| body::close(call, handle)), 0);
    assert_eq!(fixture.call(|call| body::close(call, handle)), 3);
    assert_eq!(fixture.call(|call| body::abandon(call, handle)), 3);
    assert_eq!(fixture.read_body(handle, 1), Err(3));
    assert_eq!(fixture.write_body(handle, b"x", 0).0, 3);
    let out = GuestPtr::new(OUT);
    assert_eq!(
        fixture.call(|call| body::known_length(call, handle, out)),
        3
    );
    let live = fixture.new_body();
    assert_eq!(
        fixture.wait(async |call| body::append(call, live, handle).await),
        3
    );
    assert_eq!(
        fixture.wait(async |call| body::append(call, handle, live).await),
        3
    );
    assert_eq!(
        fixture.call(|call| body::close(call, live)),
        0,
        "a failed append leaves its source"
    );
}

#[test]
fn append_moves_everything_and_consumes() {
    let mut fixture = Fixture::new();
    let destination = fixture.body_of(b"one");
    let source = fixture.body_of(b"two");
    let (name, name_len) = fixture.text("t");
    let (value, value_len) = fixture.text("1");
    let append =
        |call: &mut Call<'_>| body::trailer_append(call, source, name, name_len, value, value_len);
    assert_eq!(fixture.call(append), 0);
    assert_eq!(
        fixture.wait(async |call| body::append(call, destination, source).await),
        0
    );
    assert_eq!(fixture.call(|call| body::close(call, source)), 3);
    assert_eq!(
        fixture.wait(async |call| body::append(call, destination, destination).await),
        3
    );

    let names = |call: &mut Call<'_>| {
        let (buffer, cursor, out) = (
            GuestPtr::new(BUFFER),
            GuestPtr::new(OUT_2),
            GuestPtr::new(OUT),
        );
        body::trailer_names_get(call, destination, buffer, 16, 0, cursor, out)
    };
    assert_eq!(fixture.call(names), 14, "trailers come after the end");
    assert_eq!(fixture.read_to_end(destination), b"onetwo");
    assert_eq!(fixture.call(names), 0);
    assert_eq!(fixture.bytes(BUFFER, 2), b"t\0");
    assert_eq!(fixture.read::<i64>(OUT_2), -1);
}

#[test]
fn the_known_length_is_what_is_left() {
    let mut fixture = Fixture::new();
    let handle = fixture.body_of(b"12345");
    let length = |call: &mut Call<'_>| body::known_length(call, handle, GuestPtr::new(OUT));
    assert_eq!(fixture.call(length), 0);
    assert_eq!(fixture.read::<u64>(OUT), 5);
    assert_eq!(fixture.read_body(handle, 2).unwrap(), b"12");
    assert_eq!(fixture.call(length), 0);
    assert_eq!(fixture.read::<u64>(OUT), 3);
    assert_eq!(
        fixture.call(|call| body::known_length(call, handle, GuestPtr::new(OUT + 4))),
        6
    );
}

#[test]
fn an_output_outside_of_memory_takes_nothing() {
    let mut fixture = Fixture::new();
    let handle = fixture.body_of(b"12345");
    let status = fixture.wait(async |call| {
        body::read(
            call,
            handle,
            GuestPtr::new(BUFFER),
            5,
            GuestPtr::new(OUTSIDE),
        )
        .await
    });
    assert_eq!(status, 2);
    let status = fixture.wait(async |call| {
        body::read(call, handle, GuestPtr::new(OUTSIDE), 5, GuestPtr::new(OUT)).await
    });
    assert_eq!(status, 2);
    assert_eq!(fixture.read_to_end(handle), b"12345");
}

fn stream(fixture: &mut Fixture, body: BodyHandle) {
    let response = fixture.new_response();
    let send = |call: &mut Call<'_>| {
        abi_core::abi::fastly_http_resp::send_downstream(call, response, body, 1)
    };
    assert_eq!(fixture.call(send), 0);
}

#[test]
fn a_streaming_body_is_write_only_and_bounded() {
    let mut fixture = Fixture::new();
    let handle = fixture.body_of(b"head ");
    stream(&mut fixture, handle);
    assert_eq!(fixture.read_body(handle, 1), Err(3));
    assert_eq!(
        fixture.write_body(handle, b"x", 1).0,
        3,
        "it has no front any more"
    );
    let out = GuestPtr::new(OUT);
    assert_eq!(
        fixture.call(|call| body::known_length(call, handle, out)),
        10
    );

    let mut written = 0;
    loop {
        let (status, count) = fixture.write_body(handle, &[b'x'; 0x1000], 0);
        assert_eq!(status, 0);
        written += count as usize;
        if count < 0x1000 || written == PIPE_CAPACITY_BYTES {
            break;
        }
    }
    assert_eq!(written, PIPE_CAPACITY_BYTES, "a full pipe takes no more");
    let ready = |call: &mut Call<'_>| {
        abi_core::abi::fastly_async_io::is_ready(
            call,
            AsyncItemHandle(handle.0),
            GuestPtr::new(OUT),
        )
    };
    assert_eq!(fixture.call(ready), 0);
    assert_eq!(fixture.read::<u32>(OUT), 0);

    let answer = fixture.answer.try_recv().unwrap().unwrap();
    let mut received = answer.body.into_body();
    let first = fixture.world.drive(received.read(usize::MAX)).unwrap();
    assert_eq!(first.unwrap(), "head ");
    fixture.world.drive(received.read(usize::MAX)).unwrap();
    assert_eq!(fixture.call(ready), 0);
    assert_eq!(fixture.read::<u32>(OUT), 1);
}

#[test]
fn closing_ends_a_stream_and_abandoning_breaks_it() {
    for clean in [true, false] {
        let mut fixture = Fixture::new();
        let handle = fixture.new_body();
        stream(&mut fixture, handle);
        assert_eq!(fixture.write_body(handle, b"part", 0), (0, 4));
        assert_eq!(
            fixture.call(|call| if clean {
                body::close(call, handle)
            } else {
                body::abandon(call, handle)
            }),
            0
        );
        let answer = fixture.answer.try_recv().unwrap().unwrap();
        assert_eq!(collect(&fixture, answer), (b"part".to_vec(), clean));
    }
}

#[test]
fn a_guest_that_ends_breaks_its_stream() {
    let mut fixture = Fixture::new();
    let handle = fixture.new_body();
    stream(&mut fixture, handle);
    fixture.write_body(handle, b"part", 0);
    let answer = fixture.answer.try_recv().unwrap().unwrap();
    let ended = std::mem::replace(&mut fixture, Fixture::new());
    drop(ended);
    assert_eq!(collect(&fixture, answer), (b"part".to_vec(), false));
}

#[test]
fn reading_ten_mebibytes_by_eight_kibibytes_moves_nothing() {
    let bytes = Bytes::from(vec![0; 10 * 1024 * 1024]);
    let range = bytes.as_ptr_range();
    let mut body = abi_core::body::Body::from(bytes);
    let world = abi_core::testing::World::new();
    let mut read = 0;
    while let Some(piece) = world.drive(body.read(8192)).unwrap() {
        assert_eq!(
            piece.as_ptr(),
            range.start.wrapping_add(read),
            "every piece lies where it was"
        );
        read += piece.len();
    }
    assert_eq!(read, 10 * 1024 * 1024);
}

/// A body with as many trailers as one may have, whose names begin with `prefix`.
fn full_of_trailers(fixture: &mut Fixture, prefix: &str) -> BodyHandle {
    let handle = fixture.new_body();
    let place = GuestPtr::new(BUFFER);
    for number in 0..FIELDS_MAX {
        let name = format!("{prefix}{number}");
        let length = name.len() as u32;
        let mut memory = fixture.memory();
        let bytes = memory.bytes_mut(place, length).unwrap();
        bytes.copy_from_slice(name.as_bytes());
        let append =
            |call: &mut Call<'_>| body::trailer_append(call, handle, place, length, place, 1);
        assert_eq!(fixture.call(append), 0);
    }
    handle
}

#[test]
fn two_bodies_do_not_join_to_more_trailers_than_one_may_have() {
    let mut fixture = Fixture::new();
    let destination = full_of_trailers(&mut fixture, "a");
    let source = full_of_trailers(&mut fixture, "b");
    assert_eq!(
        fixture.wait(async |call| body::append(call, destination, source).await),
        13
    );
    assert_eq!(
        fixture.call(|call| body::close(call, source)),
        0,
        "a failed append leaves its source"
    );
}
