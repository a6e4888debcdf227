//! `[local_server.reuse]`.

use std::time::Duration;

use abi_core::reuse::ReuseLimits;

use super::reader::{Result, Value};

/// How far sandboxes are used again, where something was said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReuseSettings {
    /// How many requests a sandbox may serve after its first one.
    pub further_requests: Option<u32>,
    /// How many sandboxes may wait for a request at once.
    pub waiting_sandboxes: Option<usize>,
    /// How long a sandbox may wait for a request.
    pub wait: Option<Duration>,
}

impl ReuseSettings {
    /// These settings, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            further_requests: self.further_requests.or(other.further_requests),
            waiting_sandboxes: self.waiting_sandboxes.or(other.waiting_sandboxes),
            wait: self.wait.or(other.wait),
        }
    }

    /// These settings, and the defaults where they say nothing.
    #[must_use]
    pub fn or_default(self) -> ReuseLimits {
        let default = ReuseLimits::default();
        ReuseLimits {
            further_requests: self.further_requests.unwrap_or(default.further_requests),
            waiting_sandboxes: self.waiting_sandboxes.unwrap_or(default.waiting_sandboxes),
            wait: self.wait.unwrap_or(default.wait),
        }
    }
}

impl From<ReuseLimits> for ReuseSettings {
    fn from(limits: ReuseLimits) -> Self {
        Self {
            further_requests: Some(limits.further_requests),
            waiting_sandboxes: Some(limits.waiting_sandboxes),
            wait: Some(limits.wait),
        }
    }
}

pub(super) fn read(value: &Value<'_>) -> Result<ReuseSettings> {
    let mut table = value.table()?;
    let settings = ReuseSettings {
        further_requests: table.get("requests").map(number).transpose()?,
        waiting_sandboxes: table.get("waiting").map(number).transpose()?,
        wait: match table.get("wait_ms") {
            Some(value) => Some(Duration::from_millis(value.number()?)),
            None => None,
        },
    };
    table.refuse_unknown()?;
    Ok(settings)
}

fn number<T: TryFrom<u64>>(value: Value<'_>) -> Result<T> {
    let number = T::try_from(value.number()?);
    number.map_err(|_| value.problem("this number is too large"))
}
