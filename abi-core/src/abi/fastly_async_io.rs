//! `fastly_async_io`: waiting for whichever of several things is ready first.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;

use crate::async_item::AsyncItem;
use crate::error::{Error, Result};
use crate::handle::{AsyncItemHandle, Table};
use crate::memory::GuestPtr;
use crate::table::Call;

/// The most handles in one `select`.
pub const SELECT_MAX: u32 = 16_384;

/// The index that `select` gives when its time is up.
pub const TIMED_OUT: u32 = u32::MAX;

/// Waits for the first of `hs` to be ready, at most `timeout_ms` (0 is for ever), and writes its index.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an empty list without a timeout, which would wait for ever, and for a list of more
/// than [`SELECT_MAX`]; [`Error::BadHandle`].
pub async fn select(
    call: &mut Call<'_>,
    hs: GuestPtr<AsyncItemHandle>,
    hs_len: u32,
    timeout_ms: u32,
    done_index_out: GuestPtr<u32>,
) -> Result<()> {
    if hs_len == 0 && timeout_ms == 0 {
        return Err(Error::InvalidArgument(
            "nothing to wait for, and no end to the waiting",
        ));
    }
    if hs_len > SELECT_MAX {
        return Err(Error::InvalidArgument("too many handles to wait for"));
    }
    let handles = call.memory.read_list(hs, hs_len)?;
    call.memory.check(done_index_out)?;
    let items = &mut call.session.items;
    for handle in &handles {
        items.get(*handle)?;
    }

    let mut alarm = (timeout_ms != 0).then(|| {
        let timeout = Duration::from_millis(timeout_ms.into());
        call.session.platform.clock.sleep(timeout)
    });
    let index = poll_fn(|cx| {
        if let Some(index) = first_ready(items, &handles, cx) {
            return Poll::Ready(index);
        }
        match &mut alarm {
            Some(alarm) => alarm.poll_unpin(cx).map(|()| TIMED_OUT),
            None => Poll::Pending,
        }
    })
    .await;

    call.memory.write(done_index_out, index)?;
    Ok(())
}

/// Writes whether `handle` is ready, without waiting: 1 or 0.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn is_ready(
    call: &mut Call<'_>,
    handle: AsyncItemHandle,
    ready_out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(ready_out)?;
    let item = call.session.items.get_mut(handle)?;
    let mut cx = Context::from_waker(Waker::noop());
    let ready = item.poll_ready(&mut cx).is_ready();
    call.memory.write(ready_out, u32::from(ready))?;
    Ok(())
}

/// The index of the first ready item of a list, each of which is in the table; otherwise all are being waited for.
pub(super) fn first_ready(
    items: &mut Table<AsyncItemHandle, AsyncItem>,
    handles: &[AsyncItemHandle],
    cx: &mut Context<'_>,
) -> Option<u32> {
    (0..).zip(handles).find_map(|(index, handle)| {
        let item = items.get_mut(*handle).ok()?;
        item.poll_ready(cx).is_ready().then_some(index)
    })
}
