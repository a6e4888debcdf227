//! What a host knows about addresses and user agents.

use std::net::IpAddr;
use std::sync::Arc;

use abi_core::lookups::{DeviceDetection, Geo, GeoTable, Lookups, UserAgentParser};

use super::HostBuilder;
use crate::config::Manifest;
use crate::lookups::{DeviceFunction, GeoFunction, UserAgents};

/// What was given by who embeds the host.
#[derive(Default)]
pub(super) struct GivenLookups {
    geo: Option<Arc<dyn Geo>>,
    devices: Option<Arc<dyn DeviceDetection>>,
    user_agents: Option<Arc<dyn UserAgentParser>>,
}

impl GivenLookups {
    /// These, and where nothing was given those of a configuration.
    pub(super) fn after(self, manifest: &mut Manifest) -> Lookups {
        let configured = manifest.geolocation.take().map(|geo| geo.0);
        let devices = manifest.device_detection.take().unwrap_or_default();
        Lookups {
            geo: self
                .geo
                .or(configured)
                .unwrap_or_else(|| Arc::new(GeoTable::new())),
            devices: self.devices.unwrap_or_else(|| Arc::new(devices)),
            user_agents: self.user_agents.unwrap_or_else(|| Arc::new(UserAgents)),
        }
    }
}

/// Lookups.
impl HostBuilder {
    /// Where addresses are: a [`GeoTable`](crate::GeoTable), a [`GeoDatabase`](crate::GeoDatabase), or whatever else
    /// knows.
    pub fn geo(self, geo: impl Geo + 'static) -> Self {
        self.geo_shared(Arc::new(geo))
    }

    pub(crate) fn geo_shared(mut self, geo: Arc<dyn Geo>) -> Self {
        self.lookups.geo = Some(geo);
        self
    }

    /// Where addresses are, by a function that gives a JSON object. It must not wait.
    ///
    /// ```
    /// let host = fastlike::Host::builder()
    ///     .geo_fn(|address| address.is_ipv4().then(|| r#"{"city": "Vienna"}"#.to_owned()));
    /// ```
    pub fn geo_fn(self, geo: impl Fn(IpAddr) -> Option<String> + Send + Sync + 'static) -> Self {
        self.geo(GeoFunction(geo))
    }

    /// What devices send which user agents: a [`DeviceTable`](crate::DeviceTable),
    /// [`DeviceSettings`](crate::DeviceSettings), or whatever else knows.
    pub fn device_detection(mut self, devices: impl DeviceDetection + 'static) -> Self {
        self.lookups.devices = Some(Arc::new(devices));
        self
    }

    /// What device sends a user agent, by a function that gives a JSON object. It must not wait.
    pub fn device_detection_fn(
        self,
        devices: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.device_detection(DeviceFunction(devices))
    }

    /// What takes user agents apart, in place of [`UserAgents`].
    pub fn user_agent_parser(mut self, parser: impl UserAgentParser + 'static) -> Self {
        self.lookups.user_agents = Some(Arc::new(parser));
        self
    }
}
