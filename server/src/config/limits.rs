//! `[local_server.limits]`, and `[local_server.cache]`.

use std::time::Duration;

use abi_core::Limits;

use super::reader::{Result, Value};

/// What a run may use, where something was said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitSettings {
    /// Linear memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// From start to end.
    pub wall: Option<Duration>,
    /// While the guest itself runs.
    pub cpu: Option<Duration>,
    /// Requests to backends for one request of a client.
    pub subrequests: Option<u32>,
}

impl LimitSettings {
    /// These settings, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.or(other.memory_bytes),
            wall: self.wall.or(other.wall),
            cpu: self.cpu.or(other.cpu),
            subrequests: self.subrequests.or(other.subrequests),
        }
    }

    /// These settings, and the defaults where they say nothing.
    #[must_use]
    pub fn or_default(self) -> Limits {
        let default = Limits::default();
        Limits {
            memory_bytes: self.memory_bytes.unwrap_or(default.memory_bytes),
            wall: self.wall.unwrap_or(default.wall),
            cpu: self.cpu.unwrap_or(default.cpu),
            subrequests: self.subrequests.or(default.subrequests),
        }
    }
}

impl From<Limits> for LimitSettings {
    fn from(limits: Limits) -> Self {
        Self {
            memory_bytes: Some(limits.memory_bytes),
            wall: Some(limits.wall),
            cpu: Some(limits.cpu),
            subrequests: limits.subrequests,
        }
    }
}

pub(super) fn read(value: &Value<'_>) -> Result<LimitSettings> {
    let mut table = value.table()?;
    let settings = LimitSettings {
        memory_bytes: match table.get("memory_mb") {
            Some(value) => Some(mebibytes(&value)?),
            None => None,
        },
        wall: milliseconds(table.get("wall_ms"))?,
        cpu: milliseconds(table.get("cpu_ms"))?,
        subrequests: match table.get("subrequests") {
            Some(value) => Some(count(&value)?),
            None => None,
        },
    };
    table.refuse_unknown()?;
    Ok(settings)
}

/// Reads `[local_server.cache]`.
pub(super) fn read_cache(value: &Value<'_>) -> Result<Option<u64>> {
    let mut table = value.table()?;
    let bytes = match table.get("size_mb") {
        Some(value) => Some(mebibytes(&value)?),
        None => None,
    };
    table.refuse_unknown()?;
    Ok(bytes)
}

/// A number of MiB, in bytes.
pub(super) fn mebibytes(value: &Value<'_>) -> Result<u64> {
    let number = value.number()?;
    let bytes = number.checked_mul(1024 * 1024).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| value.problem("a limit on bytes is at least 1 MiB"))
}

fn count(value: &Value<'_>) -> Result<u32> {
    let number = value.number()?;
    u32::try_from(number).map_err(|_| value.problem("there are at most 4294967295 requests"))
}

fn milliseconds(value: Option<Value<'_>>) -> Result<Option<Duration>> {
    let Some(value) = value else {
        return Ok(None);
    };
    match value.number()? {
        0 => Err(value.problem("a limit on time is at least 1 ms")),
        number => Ok(Some(Duration::from_millis(number))),
    }
}
