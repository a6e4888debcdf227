//! Who a client is: what its connection shows, and what is known or claimed about it.
//!
//! Everything here is given by the host with each [`ClientRequest`](crate::ClientRequest); a guest only reads it.

mod bot;
mod inspection;
mod tls;
mod vpn;

use std::sync::Arc;

pub use bot::{Bot, BotCategory, UnknownBotCategory};
pub use inspection::Inspection;
pub use tls::{ClientTls, VerifyResult};
pub use vpn::VpnProxy;

/// Who a client is. The default is a client without TLS of whom nothing is known.
#[derive(Clone, Debug, Default)]
pub struct ClientIdentity {
    /// What was found out when the connection was encrypted; `None` when it is not.
    pub tls: Option<Arc<ClientTls>>,
    /// How the client began its HTTP/2 connection: settings, window, priorities and order of pseudo-headers.
    pub h2_fingerprint: Option<Arc<str>>,
    /// The fingerprint of the original headers.
    pub original_headers_fingerprint: Option<Arc<str>>,
    /// Whether the request has a key that may purge.
    pub has_valid_fastly_key: bool,
    /// Whether the client is a bot; `None` when nobody has looked.
    pub bot: Option<Arc<Bot>>,
    /// What is claimed about the client. Clients of a kind share it.
    pub claims: Arc<ClientClaims>,
}

/// What a network knows about a client and a connection does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientClaims {
    /// Whether the request is part of an attack.
    pub ddos_detected: bool,
    /// The region whose rules the request is subject to; `none` when it is no particular one.
    pub compliance_region: String,
    /// What is known about the client's address; `None` when nothing is.
    pub vpn_proxy: Option<VpnProxy>,
    /// How often the client has used this service; `None` where nobody counts.
    pub visits_this_service: Option<u32>,
    /// How often the client has used this point of presence; `None` where nobody counts.
    pub visits_this_pop: Option<u32>,
    /// What an inspection of the request comes to.
    pub inspection: Inspection,
}

impl Default for ClientClaims {
    fn default() -> Self {
        Self {
            ddos_detected: false,
            compliance_region: "none".to_owned(),
            vpn_proxy: None,
            visits_this_service: None,
            visits_this_pop: None,
            inspection: Inspection::default(),
        }
    }
}
