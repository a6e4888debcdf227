//! What is claimed about the client of one request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use abi_core::ClientIdentity;
use abi_core::client::Bot;
use http::HeaderMap;
use http::header::{HeaderName, USER_AGENT};
use http::request::Parts;

use super::{ClientProfile, ClientSettings};
use crate::serve::ConnectionAddresses;

const FASTLY_KEY: HeaderName = HeaderName::from_static("fastly-key");

impl ClientSettings {
    /// The addresses that a guest is to see.
    pub(crate) fn addresses(
        &self,
        seen: ConnectionAddresses,
        headers: &HeaderMap,
    ) -> ConnectionAddresses {
        let named = self.address_header.as_ref();
        let named = named.and_then(|name| address_in(headers, name));
        let with = |address: SocketAddr, ip: Option<IpAddr>| match ip {
            Some(ip) => SocketAddr::new(ip, address.port()),
            None => address,
        };
        ConnectionAddresses {
            client: with(seen.client, self.address.or(named)),
            server: with(seen.server, self.server_address),
        }
    }

    /// Whether a request came over TLS, or is to be seen as if it had.
    pub(crate) fn is_secure(&self, identity: &ClientIdentity, request: &Parts) -> bool {
        identity.tls.is_some() || self.secure.as_ref().is_some_and(|hook| hook(request))
    }

    /// Adds what is claimed about a client to what its connection shows.
    pub(crate) fn claim(&self, identity: &mut ClientIdentity, headers: &HeaderMap) {
        if let Some(profile) = self.profile_of(headers) {
            identity.claims = profile.claims.clone();
            identity.bot.clone_from(&profile.bot);
        }
        if let Some(bot) = Bot::of_headers(headers) {
            identity.bot = Some(Arc::new(bot));
        }
        if !self.valid_fastly_keys.is_empty() {
            let key = headers.get(FASTLY_KEY).and_then(|key| key.to_str().ok());
            identity.has_valid_fastly_key =
                key.is_some_and(|key| self.valid_fastly_keys.contains(key));
        }
    }

    fn profile_of(&self, headers: &HeaderMap) -> Option<&ClientProfile> {
        if self.user_agents.is_empty() {
            return self.profile.as_ref();
        }
        let agent = headers.get(USER_AGENT);
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let agent = agent.unwrap_or_default();
        let mut kinds = self.user_agents.iter();
        let kind = kinds.find(|(text, _)| agent.contains(text.as_str()));
        kind.map(|(_, profile)| profile).or(self.profile.as_ref())
    }
}

/// The first address in a header, with or without a port.
fn address_in(headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
    let value = headers.get(name)?.to_str().ok()?;
    let first = value.split(',').next().unwrap_or(value).trim();
    let address = first.parse().ok();
    let address = address.or_else(|| Some(first.parse::<SocketAddr>().ok()?.ip()));
    if address.is_none() {
        tracing::debug!("the header {name} has no address: {first:?}");
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi_core::client::ClientClaims;
    use http::HeaderValue;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields.iter();
        fields
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn an_address_comes_from_the_connection_a_header_or_the_settings() {
        let seen = ConnectionAddresses::default();
        let mut settings = ClientSettings::default();
        let behind = |value| headers(&[("x-forwarded-for", value)]);
        let ip = |settings: &ClientSettings, value| {
            settings
                .addresses(seen, &behind(value))
                .client
                .ip()
                .to_string()
        };
        assert_eq!(ip(&settings, "10.0.0.1"), "127.0.0.1", "nobody trusts it");
        settings.address_header = Some(HeaderName::from_static("x-forwarded-for"));
        for (value, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            (" 10.0.0.1 , 10.0.0.2", "10.0.0.1"),
            ("10.0.0.1:80", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("unknown", "127.0.0.1"),
            ("", "127.0.0.1"),
        ] {
            assert_eq!(ip(&settings, value), expected, "{value}");
        }
        settings.address = Some([192, 0, 2, 1].into());
        settings.server_address = Some([192, 0, 2, 2].into());
        assert_eq!(ip(&settings, "10.0.0.1"), "192.0.2.1");
        let server = settings.addresses(seen, &behind("")).server;
        assert_eq!(server.ip().to_string(), "192.0.2.2");
    }

    #[test]
    fn claims_depend_on_the_user_agent() {
        let of_region = |region: &str| ClientProfile {
            claims: Arc::new(ClientClaims {
                compliance_region: region.to_owned(),
                ..ClientClaims::default()
            }),
            bot: None,
        };
        let settings = ClientSettings {
            profile: Some(of_region("us")),
            user_agents: vec![
                ("Spider".to_owned(), of_region("eu")),
                ("Spi".to_owned(), of_region("never")),
            ],
            valid_fastly_keys: ["key".to_owned()].into(),
            ..ClientSettings::default()
        };
        for (fields, region, is_valid) in [
            (&[("user-agent", "a Spider/1")][..], "eu", false),
            (
                &[("user-agent", "spider"), ("fastly-key", "key")],
                "us",
                true,
            ),
            (&[("fastly-key", "other")], "us", false),
        ] {
            let mut identity = ClientIdentity::default();
            settings.claim(&mut identity, &headers(fields));
            assert_eq!(identity.claims.compliance_region, region);
            assert_eq!(identity.has_valid_fastly_key, is_valid);
        }
    }
}
