//! What devices send which user agents.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::stores::ContentError;

/// Says what device sends a user agent.
pub trait DeviceDetection: Send + Sync {
    /// What is known about the device, as a JSON object with the objects `user_agent`, `os` and `device`.
    fn lookup(&self, user_agent: &str) -> Option<Bytes>;
}

/// What is known about user agents that are exactly these.
#[derive(Clone, Debug, Default)]
pub struct DeviceTable(HashMap<String, Bytes>);

impl DeviceTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says something about a user agent; replaces what was said about it before.
    pub fn insert(&mut self, user_agent: impl Into<String>, data: &Map<String, Value>) {
        // Objects that are made of JSON values can be written.
        let json = serde_json::to_vec(data).unwrap_or_default();
        self.0.insert(user_agent.into(), json.into());
    }

    /// A table of a JSON object: objects by user agents.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when it is something else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ContentError> {
        let document: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
            ContentError(format!("this is not a JSON object of user agents: {error}"))
        })?;
        let mut table = Self::new();
        for (user_agent, data) in document {
            let data = data
                .as_object()
                .ok_or_else(|| ContentError(format!("`{user_agent}`: this is not an object")))?;
            table.insert(user_agent, data);
        }
        Ok(table)
    }
}

impl DeviceDetection for DeviceTable {
    fn lookup(&self, user_agent: &str) -> Option<Bytes> {
        self.0.get(user_agent).cloned()
    }
}

/// Knows no device.
pub(super) struct NoDevices;

impl DeviceDetection for NoDevices {
    fn lookup(&self, _: &str) -> Option<Bytes> {
        None
    }
}
