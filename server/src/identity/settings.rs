//! What is claimed about clients.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use abi_core::client::{Bot, ClientClaims};
use http::header::HeaderName;
use http::request::Parts;

/// What is claimed about clients, whoever they are. By default nothing is.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientSettings {
    /// The address that every client has.
    pub address: Option<IpAddr>,
    /// The header that has the address of a client, for a host behind a proxy that can be trusted. Of several addresses
    /// the first counts, and where there is none, that of the connection.
    pub address_header: Option<HeaderName>,
    /// The address that every client has connected to.
    pub server_address: Option<IpAddr>,
    /// What is claimed about clients of no particular kind.
    pub profile: Option<ClientProfile>,
    /// What is claimed about clients whose `User-Agent` has a text in it. The first counts.
    pub user_agents: Vec<(String, ClientProfile)>,
    /// The region whose rules apply to every client, whatever profiles claim.
    pub compliance_region: Option<String>,
    /// The values of `Fastly-Key` that count as valid.
    pub valid_fastly_keys: HashSet<String>,
    /// Requests that are to be seen as if they had come over TLS.
    pub(crate) secure: Option<SecureHook>,
}

/// Says of a request that it is to be seen as if it had come over TLS.
pub(crate) type SecureHook = Arc<dyn Fn(&Parts) -> bool + Send + Sync>;

/// What is claimed about the clients of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientProfile {
    /// What a network would know about them.
    pub claims: Arc<ClientClaims>,
    /// Whether they are bots.
    pub bot: Option<Arc<Bot>>,
}

/// The longest name of a region, in bytes.
const REGION_LENGTH_MAX: usize = 64;

/// Checks the name of a region. The platform has no closed list of them, and SDKs hand on those that they do not know, so that
/// whatever is written as such names are is one.
///
/// # Errors
///
/// What is expected, when the text is none.
pub(crate) fn region(text: &str) -> Result<String, String> {
    let may_be_in_one =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_one = (1..=REGION_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(may_be_in_one)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_one {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is no region; there are `none`, `us`, `eu` and `us-eu`, and others are written as these are: in lower-case \
         letters, digits and `-`",
        text.escape_debug()
    ))
}

impl ClientSettings {
    /// These settings, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.user_agents.extend(other.user_agents);
        self.valid_fastly_keys.extend(other.valid_fastly_keys);
        let merged = Self {
            address: self.address.or(other.address),
            address_header: self.address_header.or(other.address_header),
            server_address: self.server_address.or(other.server_address),
            profile: self.profile.or(other.profile),
            user_agents: self.user_agents,
            compliance_region: self.compliance_region.or(other.compliance_region),
            valid_fastly_keys: self.valid_fastly_keys,
            secure: self.secure.or(other.secure),
        };
        merged.with_region()
    }

    /// Has every profile claim the region that goes before what they claim.
    fn with_region(mut self) -> Self {
        let Some(region) = &self.compliance_region else {
            return self;
        };
        let everyone = self.profile.get_or_insert_default();
        let kinds = self.user_agents.iter_mut().map(|(_, profile)| profile);
        for profile in kinds.chain([everyone]) {
            let claims = Arc::make_mut(&mut profile.claims);
            claims.compliance_region.clone_from(region);
        }
        self
    }
}

impl fmt::Debug for ClientSettings {
    /// Keys are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("address", &self.address)
            .field("address_header", &self.address_header)
            .field("server_address", &self.server_address)
            .field("profile", &self.profile)
            .field("user_agents", &self.user_agents)
            .finish_non_exhaustive()
    }
}
