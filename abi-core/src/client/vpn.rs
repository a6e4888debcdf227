//! What is known about the network that a client's address belongs to.

/// What is known about the network that a client's address belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpnProxy {
    /// It hides who the client is, in one of the ways below.
    pub is_anonymous: bool,
    /// It is the exit of a VPN.
    pub is_anonymous_vpn: bool,
    /// It belongs to a hosting provider or data centre.
    pub is_hosting_provider: bool,
    /// A proxy was found behind a VPN.
    pub is_proxy_over_vpn: bool,
    /// It is the exit of a public proxy.
    pub is_public_proxy: bool,
    /// It is the exit of a relay.
    pub is_relay_proxy: bool,
    /// It belongs to a household whose devices pass on the traffic of others.
    pub is_residential_proxy: bool,
    /// It is a proxy that is reached by answers of a name server.
    pub is_smart_dns_proxy: bool,
    /// It is an exit of Tor.
    pub is_tor_exit_node: bool,
    /// It is a VPN in a data centre.
    pub is_vpn_datacenter: bool,
    /// The name of the VPN service.
    pub vpn_service_name: Option<String>,
}
