//! Routes that go wrong on purpose. The functions are not inlined where a test looks for their names
//! in the backtrace.

use fastly::handle::{BodyHandle, ResponseHandle};
use std::hint::black_box;

/// Panics, which ends in a trap.
#[inline(never)]
pub fn panic_route() -> ! {
    panic!("this route panics on purpose")
}

/// Computes for ever without calling the host. `black_box` is what keeps the compiler from seeing
/// that nothing comes of it.
#[inline(never)]
pub fn endless_loop() -> ! {
    let mut number = 0u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

/// Takes memory for ever, a mebibyte at a time, and writes to all of it: a limit has to apply to
/// memory that is really used.
#[inline(never)]
pub fn memory_bomb() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1u8; 1024 * 1024]));
    }
}

/// Answers twice, through handles, which know nothing of each other. The host refuses the second
/// answer and the SDK makes a panic of that; the client keeps the first.
pub fn two_answers() {
    ResponseHandle::new().send_to_client(BodyHandle::from("first"));
    ResponseHandle::new().send_to_client(BodyHandle::from("second"));
}
