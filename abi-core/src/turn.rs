//! Giving others a turn.

use std::future::poll_fn;
use std::task::Poll;

/// Lets other tasks of the same thread run, then goes on.
pub async fn give_turn() {
    let mut given = false;
    poll_fn(|cx| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
