//! What devices send which user agents.

use abi_core::lookups::{DeviceDetection, DeviceTable};
use bytes::Bytes;

use super::UserAgents;

/// What is known about devices: a table of user agents, and for those that are not in it maybe what they say by
/// themselves.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DeviceSettings {
    /// What is known about user agents that are exactly these.
    pub table: DeviceTable,
    /// Whether any other user agent is taken apart by [`UserAgents`].
    pub from_user_agent: bool,
}

impl DeviceSettings {
    /// A table alone.
    #[must_use]
    pub fn new(table: DeviceTable) -> Self {
        Self {
            table,
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
