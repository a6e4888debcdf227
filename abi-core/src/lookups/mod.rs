//! What guests can ask about addresses and user agents: where an address is, what device sends a user agent, and what
//! a user agent is made of.
//!
//! Each kind is a small trait, so that a host can bring its own. Tables in memory are beside them.

mod device;
mod geo;
mod user_agent;

use std::fmt;
use std::sync::Arc;

pub use device::{DeviceDetection, DeviceTable};
pub use geo::{Geo, GeoTable, LOOPBACK_GEO};
pub use user_agent::{UserAgent, UserAgentParser};

use device::NoDevices;
use user_agent::NoParser;

/// The lookups of a service. By default only loopback addresses and private networks are known, and no devices and user agents.
#[derive(Clone)]
pub struct Lookups {
    /// Where addresses are.
    pub geo: Arc<dyn Geo>,
    /// What devices send which user agents.
    pub devices: Arc<dyn DeviceDetection>,
    /// What user agents are made of.
    pub user_agents: Arc<dyn UserAgentParser>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            geo: Arc::new(GeoTable::default()),
            devices: Arc::new(NoDevices),
            user_agents: Arc::new(NoParser),
        }
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups").finish_non_exhaustive()
    }
}
