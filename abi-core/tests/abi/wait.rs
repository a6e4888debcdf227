//! `fastly_async_io`, logs, and stores.

use std::time::Duration;

use abi_core::Call;
use abi_core::abi::{
    fastly_async_io as async_io, fastly_config_store, fastly_dictionary, fastly_log,
};
use abi_core::http::SendError;
use abi_core::platform::Clock;
use abi_core::table::types::*;

use crate::fixture::{BUFFER, Fixture, OUT, OUTSIDE};

fn select(fixture: &mut Fixture, handles: &[u32], timeout_ms: u32) -> (u32, u32) {
    for (offset, handle) in (BUFFER..).step_by(4).zip(handles) {
        fixture
            .memory()
            .write(GuestPtr::new(offset), *handle)
            .unwrap();
    }
    let count = handles.len() as u32;
    let status = fixture.wait(async |call| {
        async_io::select(
            call,
            GuestPtr::new(BUFFER),
            count,
            timeout_ms,
            GuestPtr::new(OUT),
        )
        .await
    });
    (status, fixture.read(OUT))
}

fn never_answered(fixture: &mut Fixture) -> u32 {
    fixture
        .world
        .add_backend("never", |_| std::future::pending::<Result<_, SendError>>());
    let body = fixture.new_body();
    fixture.send_async("never", body).0
}

#[test]
fn select_waits_for_the_first_or_for_its_time() {
    let mut fixture = Fixture::new();
    let never = never_answered(&mut fixture);
    let body = fixture.body_of(b"ready").0;
    assert_eq!(select(&mut fixture, &[], 0).0, 2);
    assert_eq!(select(&mut fixture, &[never, 4_000_000], 0).0, 3);
    assert_eq!(select(&mut fixture, &[never, body], 0), (0, 1));
    let before = fixture.world.monotonic();
    assert_eq!(select(&mut fixture, &[never], 250), (0, u32::MAX));
    assert_eq!(
        fixture.world.monotonic() - before,
        Duration::from_millis(250)
    );
    assert_eq!(select(&mut fixture, &[], 10), (0, u32::MAX));
    let ready =
        |call: &mut Call<'_>| async_io::is_ready(call, AsyncItemHandle(never), GuestPtr::new(OUT));
    assert_eq!(fixture.call(ready), 0);
    assert_eq!(fixture.read::<u32>(OUT), 0);
}

#[test]
fn select_refuses_lists_outside_of_memory() {
    let mut fixture = Fixture::new();
    for (pointer, count) in [(OUTSIDE, 1), (0xF_F000, 16_384), (BUFFER, u32::MAX)] {
        let status = fixture.wait(async |call| {
            async_io::select(call, GuestPtr::new(pointer), count, 1, GuestPtr::new(OUT)).await
        });
        assert_eq!(status, 2);
    }
    let status = fixture.wait(async |call| {
        async_io::select(call, GuestPtr::new(BUFFER + 1), 1, 1, GuestPtr::new(OUT)).await
    });
    assert_eq!(status, 6, "misaligned");
}

#[test]
fn log_lines_go_to_their_endpoints() {
    let mut fixture = Fixture::new();
    let mut endpoint = |name: &str| {
        let (name, name_len) = fixture.text(name);
        let status =
            fixture.call(|call| fastly_log::endpoint_get(call, name, name_len, GuestPtr::new(OUT)));
        (status, LogEndpointHandle(fixture.read(OUT)))
    };
    for reserved in ["stdout", "STDERR", "fst_managed_x", "Fst_Managed_"] {
        assert_eq!(endpoint(reserved).0, 2, "{reserved}");
    }
    assert_eq!(endpoint(&"x".repeat(1024)).0, 0);
    assert_eq!(endpoint(&"x".repeat(1025)).0, 2, "too long");
    let (status, first) = endpoint("access");
    assert_eq!(status, 0);
    assert_eq!(endpoint("access"), (0, first), "one handle for one name");
    assert_ne!(endpoint("fst_managed").1, first);

    let mut write = |handle, message: &str| {
        let (message, message_len) = fixture.text(message);
        let status = fixture
            .call(|call| fastly_log::write(call, handle, message, message_len, GuestPtr::new(OUT)));
        (status, fixture.read::<u32>(OUT))
    };
    assert_eq!(write(first, "one\n"), (0, 4));
    assert_eq!(write(first, "two\nthree"), (0, 9));
    assert_eq!(write(first, "\n"), (0, 1));
    assert_eq!(write(LogEndpointHandle(99), "x").0, 3);
    assert_eq!(
        fixture.world.logs(),
        ["access :: one", "access :: two\\nthree"]
    );
}

#[test]
fn dictionaries_and_config_stores_are_the_same_stores() {
    let mut fixture = Fixture::new();
    fixture
        .world
        .add_store("strings", &[("greeting", "hello"), ("empty", "")]);
    let (missing, missing_len) = fixture.text("missing");
    let open = |call: &mut Call<'_>| {
        fastly_config_store::open(call, missing, missing_len, GuestPtr::new(OUT))
    };
    assert_eq!(fixture.call(open), 3);
    let (name, name_len) = fixture.text("strings");
    let open =
        |call: &mut Call<'_>| fastly_dictionary::open(call, name, name_len, GuestPtr::new(OUT));
    assert_eq!(fixture.call(open), 0);
    let handle: DictionaryHandle = fixture.read(OUT);

    let mut get = |key: &str, capacity| {
        let (key, key_len) = fixture.text(key);
        let status = fixture.call(|call| {
            let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
            fastly_dictionary::get(call, handle, key, key_len, buffer, capacity, out)
        });
        (status, fixture.read::<u32>(OUT))
    };
    assert_eq!(get("greeting", 5), (0, 5));
    assert_eq!(get("greeting", 4), (4, 5));
    assert_eq!(get("empty", 0), (0, 0), "empty is not absent");
    assert_eq!(get("absent", 5).0, 10);
    assert_eq!(fixture.bytes(BUFFER, 5), b"hello");
}
