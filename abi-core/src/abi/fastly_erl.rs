//! `fastly_erl`: counting events, and refusing who makes too many.
//!
//! Counters and penalty boxes need not be made: one that nothing was put into has nothing in it.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::memory::GuestPtr;
use crate::stores::{RateCheck, RateWindow, penalty_time};
use crate::table::Call;

/// The longest name of a counter or box, and the longest entry, in bytes.
const TEXT_BYTES_MAX: u32 = 1024;

/// Counts `delta` events of `entry`; writes 1 if the entry is in the penalty box, or is put there for `ttl` seconds
/// because it has made more than `limit` events a second over the window, and 0 otherwise.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a window other than 1, 10 and 60 seconds, a time of less than a minute or more than
/// an hour, and a name or entry of more than 1024 bytes; [`Error::Memory`].
pub fn check_rate(
    call: &mut Call<'_>,
    rc: GuestPtr<u8>,
    rc_len: u32,
    entry: GuestPtr<u8>,
    entry_len: u32,
    delta: u32,
    window: u32,
    limit: u32,
    pb: GuestPtr<u8>,
    pb_len: u32,
    ttl: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    let check = RateCheck {
        counter: text(call, rc, rc_len)?,
        entry: text(call, entry, entry_len)?,
        delta,
        window: RateWindow::of_rate(window).ok_or(BAD_WINDOW)?,
        limit,
        penalty_box: text(call, pb, pb_len)?,
        penalty: penalty_time(ttl).ok_or(BAD_PENALTY)?,
    };
    call.memory.check(out)?;
    let refused = check.is_refused(&*call.session.platform.stores.rates, now(call));
    call.memory.write(out, u32::from(refused))?;
    Ok(())
}

/// Counts `delta` events of `entry`.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a name or entry of more than 1024 bytes; [`Error::Memory`].
pub fn ratecounter_increment(
    call: &mut Call<'_>,
    rc: GuestPtr<u8>,
    rc_len: u32,
    entry: GuestPtr<u8>,
    entry_len: u32,
    delta: u32,
) -> Result<()> {
    let counter = text(call, rc, rc_len)?;
    let entry = text(call, entry, entry_len)?;
    let rates = &call.session.platform.stores.rates;
    rates.increment(counter, entry, delta, now(call));
    Ok(())
}

/// Writes how many events of `entry` there were in a second, on average over the window of 1, 10 or 60 seconds.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for another window, and for a name or entry of more than 1024 bytes; [`Error::Memory`].
pub fn ratecounter_lookup_rate(
    call: &mut Call<'_>,
    rc: GuestPtr<u8>,
    rc_len: u32,
    entry: GuestPtr<u8>,
    entry_len: u32,
    window: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    let window = RateWindow::of_rate(window).ok_or(BAD_WINDOW)?;
    let count = count(call, (rc, rc_len), (entry, entry_len), window, out)?;
    let rate = count / u64::from(window.seconds());
    call.memory
        .write(out, u32::try_from(rate).unwrap_or(u32::MAX))?;
    Ok(())
}

/// Writes how many events of `entry` there were in the last 10, 20, 30, 40, 50 or 60 seconds.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for another time, and for a name or entry of more than 1024 bytes; [`Error::Memory`].
pub fn ratecounter_lookup_count(
    call: &mut Call<'_>,
    rc: GuestPtr<u8>,
    rc_len: u32,
    entry: GuestPtr<u8>,
    entry_len: u32,
    duration: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    let window = RateWindow::of_count(duration).ok_or(BAD_WINDOW)?;
    let count = count(call, (rc, rc_len), (entry, entry_len), window, out)?;
    call.memory
        .write(out, u32::try_from(count).unwrap_or(u32::MAX))?;
    Ok(())
}

fn count(
    call: &Call<'_>,
    (counter, counter_len): (GuestPtr<u8>, u32),
    (entry, entry_len): (GuestPtr<u8>, u32),
    window: RateWindow,
    out: GuestPtr<u32>,
) -> Result<u64> {
    let counter = text(call, counter, counter_len)?;
    let entry = text(call, entry, entry_len)?;
    call.memory.check(out)?;
    let rates = &call.session.platform.stores.rates;
    Ok(rates.count(counter, entry, window, now(call)))
}

/// Puts `entry` into a penalty box for `ttl` seconds, of which whole minutes count.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for less than a minute or more than an hour, and for a name or entry of more than 1024
/// bytes; [`Error::Memory`].
pub fn penaltybox_add(
    call: &mut Call<'_>,
    pb: GuestPtr<u8>,
    pb_len: u32,
    entry: GuestPtr<u8>,
    entry_len: u32,
    ttl: u32,
) -> Result<()> {
    let penalty_box = text(call, pb, pb_len)?;
    let entry = text(call, entry, entry_len)?;
    let penalty = penalty_time(ttl).ok_or(BAD_PENALTY)?;
    let now = now(call);
    let until = now.saturating_add(penalty);
    let rates = &call.session.platform.stores.rates;
    rates.penalize(penalty_box, entry, until, now);
    Ok(())
}

/// Writes whether `entry` is in a penalty box: 1 or 0.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a name or entry of more than 1024 bytes; [`Error::Memory`].
pub fn penaltybox_has(
    call: &mut Call<'_>,
    pb: GuestPtr<u8>,
    pb_len: u32,
    entry: GuestPtr<u8>,
    entry_len: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    let penalty_box = text(call, pb, pb_len)?;
    let entry = text(call, entry, entry_len)?;
    call.memory.check(out)?;
    let rates = &call.session.platform.stores.rates;
    let has = rates.is_penalized(penalty_box, entry, now(call));
    call.memory.write(out, u32::from(has))?;
    Ok(())
}

const BAD_WINDOW: Error = Error::InvalidArgument("events are not counted over this time");

const BAD_PENALTY: Error = Error::InvalidArgument("a penalty is from a minute to an hour");

fn text<'a>(call: &'a Call<'_>, text: GuestPtr<u8>, length: u32) -> Result<&'a str> {
    if length > TEXT_BYTES_MAX {
        return Err(Error::InvalidArgument("the name or entry is too long"));
    }
    Ok(call.memory.text(text, length)?)
}

fn now(call: &Call<'_>) -> Duration {
    call.session.platform.clock.monotonic()
}
