//! `wasi_snapshot_preview1`.

use std::time::Duration;

use abi_core::abi::wasi_snapshot_preview1 as wasi;
use abi_core::platform::Clock;
use abi_core::table::types::*;
use abi_core::table::{Call, Outcome, WasiResult};
use abi_core::{GuestMemory, Stop};

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUTSIDE};

/// Makes a WASI call; gives its errno.
fn wasi(fixture: &mut Fixture, hostcall: impl FnOnce(&mut Call<'_>) -> WasiResult) -> u32 {
    let mut errno = 0;
    fixture.call(|call| {
        errno = hostcall(call).code().expect("the guest goes on");
        Ok(())
    });
    errno
}

#[test]
fn the_environment_is_nine_variables() {
    let mut fixture = Fixture::new();
    let sizes = |call: &mut Call<'_>| {
        wasi::environ_sizes_get(call, GuestPtr::new(OUT), GuestPtr::new(OUT_2))
    };
    assert_eq!(wasi(&mut fixture, sizes), 0);
    let (count, size) = (fixture.read::<u32>(OUT), fixture.read::<u32>(OUT_2));
    assert_eq!(count, 9);
    let get = |call: &mut Call<'_>| {
        wasi::environ_get(call, GuestPtr::new(BUFFER), GuestPtr::new(BUFFER + 0x100))
    };
    assert_eq!(wasi(&mut fixture, get), 0);
    assert_eq!(fixture.read::<u32>(BUFFER), BUFFER + 0x100);
    let text = String::from_utf8(fixture.bytes(BUFFER + 0x100, size)).unwrap();
    let names: Vec<_> = text
        .split_terminator('\0')
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names.len(), 9);
    for name in [
        "FASTLY_CACHE_GENERATION",
        "FASTLY_CUSTOMER_ID",
        "FASTLY_POP",
        "FASTLY_REGION",
        "FASTLY_SERVICE_ID",
        "FASTLY_SERVICE_VERSION",
        "FASTLY_HOSTNAME",
        "FASTLY_IS_STAGING",
        "FASTLY_TRACE_ID",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let get = |call: &mut Call<'_>| {
        wasi::environ_get(call, GuestPtr::new(OUTSIDE), GuestPtr::new(BUFFER))
    };
    assert_eq!(wasi(&mut fixture, get), 21);
}

#[test]
fn there_is_no_file_system() {
    let mut fixture = Fixture::new();
    let null = GuestPtr::new(0);
    assert_eq!(
        wasi(&mut fixture, |call| wasi::fd_prestat_get(call, 3, null)),
        8
    );
    let open = |fd| {
        move |call: &mut Call<'_>| {
            wasi::path_open(
                call,
                fd,
                0,
                GuestPtr::new(0),
                0,
                0,
                0,
                0,
                0,
                GuestPtr::new(OUT),
            )
        }
    };
    assert_eq!(wasi(&mut fixture, open(3)), 8);
    assert_eq!(wasi(&mut fixture, open(1)), 54);
    assert_eq!(
        wasi(&mut fixture, |call| wasi::fd_seek(
            call,
            1,
            0,
            0,
            GuestPtr::new(OUT)
        )),
        70
    );
    assert_eq!(
        wasi(&mut fixture, |call| wasi::sock_shutdown(call, 1, 0)),
        57
    );
    assert_eq!(
        wasi(&mut fixture, |call| wasi::sock_shutdown(call, 9, 0)),
        8
    );
    assert_eq!(
        wasi(&mut fixture, |call| wasi::fd_read(
            call,
            0,
            GuestPtr::new(0),
            0,
            GuestPtr::new(OUT)
        )),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), 0, "standard input is at its end");
    assert_eq!(wasi(&mut fixture, |call| wasi::fd_close(call, 2)), 0);
    assert_eq!(wasi(&mut fixture, |call| wasi::fd_close(call, 2)), 8);
}

fn fd_write(fixture: &mut Fixture, fd: u32, pieces: &[&str]) -> u32 {
    for (offset, piece) in (BUFFER..).step_by(8).zip(pieces) {
        let (pointer, length) = fixture.text(piece);
        fixture
            .memory()
            .write(GuestPtr::new(offset), pointer.offset())
            .unwrap();
        fixture
            .memory()
            .write(GuestPtr::new(offset + 4), length)
            .unwrap();
    }
    let count = pieces.len() as u32;
    wasi(fixture, |call| {
        wasi::fd_write(call, fd, GuestPtr::new(BUFFER), count, GuestPtr::new(OUT))
    })
}

#[test]
fn output_becomes_lines() {
    let mut fixture = Fixture::new();
    assert_eq!(fd_write(&mut fixture, 1, &["one\ntw", "o"]), 0);
    assert_eq!(fixture.read::<u32>(OUT), 7);
    assert_eq!(fd_write(&mut fixture, 2, &["err\n"]), 0);
    assert_eq!(fd_write(&mut fixture, 0, &["x"]), 8);
    assert_eq!(fixture.world.logs(), ["stdout :: one", "stderr :: err"]);
    let world = fixture.world.clone();
    drop(fixture);
    assert_eq!(
        world.logs()[2..],
        ["stdout :: two"],
        "the rest comes at the end"
    );
}

fn subscribe(fixture: &mut Fixture, index: u32, words: [u64; 6]) {
    for (offset, word) in (BUFFER + index * 48..).step_by(8).zip(words) {
        fixture.memory().write(GuestPtr::new(offset), word).unwrap();
    }
}

fn poll(fixture: &mut Fixture, count: u32) -> u32 {
    let mut errno = 0;
    fixture.wait(async |call| {
        let (subscriptions, events) = (GuestPtr::new(BUFFER), GuestPtr::new(0x4000));
        let outcome =
            wasi::poll_oneoff(call, subscriptions, events, count, GuestPtr::new(OUT)).await;
        errno = outcome.code().expect("the guest goes on");
        Ok(())
    });
    errno
}

#[test]
fn sleeping_takes_as_long_as_asked() {
    let mut fixture = Fixture::new();
    assert_eq!(poll(&mut fixture, 0), 28);
    subscribe(&mut fixture, 0, [7, 0, 1, 30_000_000, 0, 0]);
    subscribe(&mut fixture, 1, [8, 0, 0, 10_000_000, 0, 0]);
    assert_eq!(poll(&mut fixture, 2), 0);
    assert_eq!(fixture.world.monotonic(), Duration::from_millis(10));
    assert_eq!(fixture.read::<u32>(OUT), 1, "only the shorter one");
    assert_eq!(fixture.read::<u64>(0x4000), 8);

    subscribe(&mut fixture, 0, [7, 0, 1, 15_000_000, 0, 1]);
    assert_eq!(poll(&mut fixture, 1), 0);
    assert_eq!(
        fixture.world.monotonic(),
        Duration::from_millis(15),
        "an absolute time"
    );

    subscribe(&mut fixture, 1, [9, 2, 77, 0, 0, 0]);
    assert_eq!(poll(&mut fixture, 2), 0);
    assert_eq!(
        fixture.read::<u32>(OUT),
        2,
        "a bad descriptor is an event, and the time has come"
    );
    assert_eq!(fixture.read::<u16>(0x4020 + 8), 8);
}

#[test]
fn clocks_and_randomness_come_from_the_platform() {
    let mut fixture = Fixture::new();
    fixture.world.advance(Duration::from_nanos(1234));
    let now = |id| move |call: &mut Call<'_>| wasi::clock_time_get(call, id, 0, GuestPtr::new(OUT));
    assert_eq!(wasi(&mut fixture, now(1)), 0);
    assert_eq!(fixture.read::<u64>(OUT), 1234);
    assert_eq!(wasi(&mut fixture, now(0)), 0);
    assert!(fixture.read::<u64>(OUT) > 1_700_000_000_000_000_000);
    assert_eq!(wasi(&mut fixture, now(4)), 28);
    assert_eq!(
        wasi(&mut fixture, |call| wasi::random_get(
            call,
            GuestPtr::new(BUFFER),
            4
        )),
        0
    );
    assert_eq!(fixture.bytes(BUFFER, 4), [1, 2, 3, 4]);
    let outside = GuestPtr::new(OUTSIDE);
    assert_eq!(
        wasi(&mut fixture, |call| wasi::random_get(call, outside, 4)),
        21
    );
}

#[test]
fn exit_stops_the_guest_with_its_code() {
    let mut fixture = Fixture::new();
    let mut memory = abi_core::ByteMemory::new(0);
    let mut call = Call::new(memory.data_mut(), &mut fixture.session);
    assert_eq!(wasi::proc_exit(&mut call, 3), Err(Stop::Exit(3)));
}

#[test]
fn a_write_takes_as_much_as_a_pipe_would() {
    let mut fixture = Fixture::new();
    let large = "x".repeat(50_000);
    assert_eq!(fd_write(&mut fixture, 1, &[&large, &large, "y"]), 0);
    assert_eq!(fixture.read::<u32>(OUT), 64 * 1024);
    let world = fixture.world.clone();
    drop(fixture);
    let lines = world.logs();
    let written: usize = lines
        .iter()
        .map(|line| line.len() - "stdout :: ".len())
        .sum();
    assert_eq!(written, 64 * 1024);
}
