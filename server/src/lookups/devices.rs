//! What devices send which user agents.

use std::fmt;
use std::sync::Arc;

use abi_core::lookups::{DeviceDetection, DeviceTable};
use bytes::Bytes;

use super::UserAgents;

/// What is known about devices: a table of user agents, and for those that are not in it maybe what they say by
/// themselves.
#[derive(Clone)]
#[non_exhaustive]
pub struct DeviceSettings {
    /// What is known about user agents that are exactly these.
    pub table: Arc<dyn DeviceDetection>,
    /// Whether any other user agent is taken apart by [`UserAgents`].
    pub from_user_agent: bool,
}

impl DeviceSettings {
    /// A table alone.
    #[must_use]
    pub fn new(table: impl DeviceDetection + 'static) -> Self {
        Self {
            table: Arc::new(table),
            from_user_agent: false,
        }
    }

    /// The same, and what user agents say by themselves.
    #[must_use]
    pub fn with_user_agents(mut self) -> Self {
        self.from_user_agent = true;
        self
    }
}

impl Default for DeviceSettings {
    /// Knows no device.
    fn default() -> Self {
        Self::new(DeviceTable::new())
    }
}

impl fmt::Debug for DeviceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceSettings")
            .field("from_user_agent", &self.from_user_agent)
            .finish_non_exhaustive()
    }
}

impl DeviceDetection for DeviceSettings {
    fn lookup(&self, user_agent: &str) -> Option<Bytes> {
        let known = self.table.lookup(user_agent);
        known.or_else(|| {
            if self.from_user_agent {
                UserAgents.device(user_agent)
            } else {
                None
            }
        })
    }
}
