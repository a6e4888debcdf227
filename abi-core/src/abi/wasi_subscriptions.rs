//! What `wasi_snapshot_preview1.poll_oneoff` waits for.

use std::time::Duration;

use super::wasi_snapshot_preview1::read_clock;
use crate::session::Session;
use crate::status::Errno;

/// witx `eventtype`, and the variant of a subscription.
mod event {
    pub(super) const CLOCK: u64 = 0;
    pub(super) const FD_READ: u64 = 1;
    pub(super) const FD_WRITE: u64 = 2;
}

/// A decoded `subscription`.
pub(super) struct Subscription {
    userdata: u64,
    kind: u64,
    /// How long to wait, or why not to.
    ready: Result<Duration, Errno>,
}

impl Subscription {
    /// Decodes the six words of a `subscription`. Descriptors are always ready: input is at its end, and output never
    /// waits.
    pub(super) fn decode(session: &Session, words: &[u64; 6]) -> Self {
        let kind = words[1] & 0xff;
        // The low halves of words: a descriptor or a clock id, and the flags of a clock.
        let id = words[2] as u32;
        let ready = match kind {
            event::CLOCK => clock_delay(session, id, words[3], words[5] & 1 != 0),
            event::FD_READ | event::FD_WRITE => match session.stdio.descriptor(id) {
                Some(_) => Ok(Duration::ZERO),
                None => Err(Errno::Badf),
            },
            _ => Err(Errno::Inval),
        };
        Self {
            userdata: words[0],
            kind,
            ready,
        }
    }

    pub(super) fn delay(&self) -> Duration {
        self.ready.unwrap_or_default()
    }

    /// The four words of the `event` for this subscription.
    pub(super) fn event(&self) -> [u64; 4] {
        let errno = self.ready.map_or_else(|errno| errno as u64, |_| 0);
        [self.userdata, errno | self.kind << 16, 0, 0]
    }
}

fn clock_delay(
    session: &Session,
    id: u32,
    timeout_ns: u64,
    absolute: bool,
) -> Result<Duration, Errno> {
    let now = read_clock(session, id)?;
    let timeout = Duration::from_nanos(timeout_ns);
    Ok(if absolute {
        timeout.saturating_sub(now)
    } else {
        timeout
    })
}
