//! Backends: where guests send requests.
//!
//! * [`BackendSettings`]: what is known about a backend, from the configuration file or the command line;
//! * [`LocalBackend`]: one in this process, for tests and for hosts that are part of a larger program;
//! * [`BackendSet`]: the backends of a service, as guests reach them. Connections are kept and used again, by every
//!   guest of the process; two names of the same place share them.

mod ciphers;
mod connector;
mod dynamic;
mod errors;
mod fixed;
mod hand_off;
mod health;
mod info;
mod local;
mod request;
mod resendable;
mod response;
mod send;
mod settings;
mod simulate;
mod tls;
mod verify;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use abi_core::http::{
    BackendInfo, BackendRequest, BackendResponse, Destination, SendError, SendErrorKind, ShieldSite,
};
use abi_core::platform::Backends;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;

use crate::heads;
use crate::world::{InRuntime, Turns};
pub(crate) use ciphers::{asked_for, known_ciphers};
use dynamic::DynamicBackends;
pub use fixed::{FixedResponse, FixedResponses};
pub(crate) use hand_off::{HandedOff, join};
pub use local::{BackendName, LocalAnswer, LocalBackend, read_body};
use send::{Backend, Client, client};
pub(crate) use settings::host_field;
pub use settings::{BackendSettings, BackendUrl, Health, InvalidUrl};
pub use tls::{ClientCertificate, TlsSettings, TlsSettingsError, TlsVersion};
pub(crate) use tls::{certificates, check_authorities};

/// Where every node that passes a request on leaves its name: RFC 8586.
pub(crate) const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// Addresses of hosts for which the system is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostAddresses(HashMap<Place, Vec<IpAddr>>);

/// A host in lower case, and one port or all that nothing is said of.
type Place = (String, Option<u16>);

impl HostAddresses {
    /// Of two lists for one host and port, the later one counts. Upper and lower case are the same in names.
    pub(crate) fn insert(&mut self, host: &str, port: Option<u16>, addresses: Vec<IpAddr>) {
        self.0.insert((host.to_ascii_lowercase(), port), addresses);
    }

    /// Has a backend know its addresses, if it has said none itself.
    pub(crate) fn give(&self, settings: &mut BackendSettings) {
        if self.0.is_empty() || !settings.addresses.is_empty() {
            return;
        }
        let host = settings.url.authority().host().to_ascii_lowercase();
        let mut place = (host, Some(settings.url.port()));
        let mut known = self.0.get(&place);
        if known.is_none() {
            place.1 = None;
            known = self.0.get(&place);
        }
        if let Some(addresses) = known {
            settings.addresses.clone_from(addresses);
        }
    }
}

/// The backends of a service, by name.
pub struct BackendSet {
    backends: HashMap<String, Arc<Backend>>,
    /// Where requests for backends of any other name go.
    fallback: Option<Arc<Backend>>,
    /// Where requests for backends that guests define go instead.
    intercepted: Option<Arc<Backend>>,
    dynamic: Arc<DynamicBackends>,
    /// Whose addresses are known.
    hosts: HostAddresses,
    shields: HashMap<String, ShieldSite>,
    grip_proxy: Option<SocketAddr>,
    /// What is added to `CDN-Loop`, so that a request that comes back is recognised.
    loop_token: Option<HeaderValue>,
    /// Who lets others go first before something is sent.
    turns: Option<Turns>,
    runtime: Handle,
}

impl BackendSet {
    /// Backends whose connections are kept by `runtime`. Of two with one name, the later one counts.
    #[must_use]
    pub fn new(
        runtime: Handle,
        settings: impl IntoIterator<Item = (String, BackendSettings)>,
    ) -> Self {
        Self::after(None, runtime, settings)
    }

    /// The same, where they take the place of others: connections that serve as well are used on, and a backend of which
    /// nothing has changed stays what it is.
    #[must_use]
    pub fn after(
        previous: Option<&Self>,
        runtime: Handle,
        settings: impl IntoIterator<Item = (String, BackendSettings)>,
    ) -> Self {
        let of_previous = previous.iter().flat_map(|set| set.backends.values());
        let mut clients: Vec<(BackendSettings, Client)> = of_previous
            .map(|backend| (backend.settings().clone(), backend.client().clone()))
            .collect();
        let mut backends = HashMap::new();
        for (name, settings) in settings {
            let before = previous.and_then(|set| set.backends.get(&name));
            if let Some(before) = before.filter(|before| *before.settings() == settings) {
                backends.insert(name, before.clone());
                continue;
            }
            let shared = clients
                .iter()
                .find(|(other, _)| other.connects_like(&settings));
            let client = if let Some((_, client)) = shared {
                client.clone()
            } else {
                let client = client(&runtime, &settings);
                clients.push((settings.clone(), client.clone()));
                client
            };
            backends.insert(
                name,
                Arc::new(Backend::new(settings, client, runtime.clone())),
            );
        }
        Self {
            backends,
            fallback: None,
            intercepted: None,
            dynamic: previous.map_or_else(Arc::default, |set| set.dynamic.clone()),
            hosts: previous.map(|set| set.hosts.clone()).unwrap_or_default(),
            shields: HashMap::new(),
            grip_proxy: None,
            loop_token: None,
            turns: None,
            runtime,
        }
    }

    /// The same with a backend for every name that no other one has.
    #[must_use]
    pub fn with_fallback(mut self, settings: BackendSettings) -> Self {
        self.fallback = Some(self.alone(settings));
        self
    }

    /// The same with a backend that gets the requests for all backends that guests define at run time.
    #[must_use]
    pub fn with_dynamic_backends(mut self, settings: BackendSettings) -> Self {
        self.intercepted = Some(self.alone(settings));
        self
    }

    /// The same, where these are the addresses of backends that guests define.
    #[must_use]
    pub(crate) fn with_hosts(mut self, hosts: HostAddresses) -> Self {
        if self.hosts != hosts {
            // What has been defined before would stay where it was.
            self.dynamic = Arc::default();
            self.hosts = hosts;
        }
        self
    }

    /// The same with places where the requests of a service come together.
    #[must_use]
    pub fn with_shields(mut self, shields: impl IntoIterator<Item = (String, ShieldSite)>) -> Self {
        self.shields.extend(shields);
        self
    }

    /// The same with a proxy that holds clients' connections for publishing (GRIP).
    #[must_use]
    pub fn with_grip_proxy(mut self, address: SocketAddr) -> Self {
        self.grip_proxy = Some(address);
        self
    }

    /// The same with a word that every request carries in `CDN-Loop` (RFC 8586).
    #[must_use]
    pub fn with_loop_token(mut self, token: HeaderValue) -> Self {
        self.loop_token = Some(token);
        self
    }

    /// The same, where each request lets others go first, so that several are sent together.
    #[must_use]
    pub(crate) fn with_turns(mut self, turns: Turns) -> Self {
        self.turns = Some(turns);
        self
    }

    /// Whether requests for a backend of `previous` get somewhere else here, or nowhere.
    pub(crate) fn answers_otherwise_than(&self, previous: &Self) -> bool {
        let same =
            |one: &Backend, another: &Backend| one.settings().answers_like(another.settings());
        let moved = previous.backends.iter().any(|(name, before)| {
            let now = self.backends.get(name).or(self.fallback.as_ref());
            now.is_none_or(|now| !same(before, now))
        });
        moved
            || match (&previous.fallback, &self.fallback) {
                (Some(before), Some(now)) => !same(before, now),
                (before, _) => before.is_some(),
            }
    }

    fn alone(&self, settings: BackendSettings) -> Arc<Backend> {
        let client = client(&self.runtime, &settings);
        Arc::new(Backend::new(settings, client, self.runtime.clone()))
    }

    fn backend(&self, destination: &Destination) -> Result<Arc<Backend>, SendError> {
        match destination {
            Destination::Static(name) => {
                let backend = self.backends.get(name).or(self.fallback.as_ref());
                backend.cloned().ok_or_else(|| {
                    SendError::new(SendErrorKind::DestinationNotFound)
                        .with_source(format!("`{name}`"))
                })
            }
            Destination::Dynamic(definition) => match &self.intercepted {
                Some(backend) => Ok(backend.clone()),
                None => self.dynamic.get(definition, &self.hosts, &self.runtime),
            },
        }
    }

    /// A head that is full goes without: the backend will refuse it anyway.
    fn add_loop_token(&self, headers: &mut HeaderMap) {
        if let Some(token) = &self.loop_token {
            let _ = headers.try_append(CDN_LOOP, token.clone());
        }
    }

    /// The names of the backends, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.backends.keys().map(String::as_str)
    }
}

impl Backends for BackendSet {
    fn exists(&self, name: &str) -> bool {
        self.backends.contains_key(name) || self.fallback.is_some()
    }

    fn info(&self, destination: &Destination) -> Option<BackendInfo> {
        let backend = self.backend(destination).ok()?;
        Some(info::of(&backend))
    }

    fn shield(&self, name: &str) -> Option<ShieldSite> {
        self.shields.get(name).cloned()
    }

    fn has_grip_proxy(&self) -> bool {
        self.grip_proxy.is_some()
    }

    fn send(
        &self,
        mut request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        self.add_loop_token(&mut request.head.headers);
        let backend = match self.backend(&request.destination) {
            Ok(backend) => backend,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        if let Some(monitor) = backend.monitor() {
            monitor.used(&backend);
        }
        let shown = heads::are_shown().then(|| request.destination.name().to_owned());
        if let Some(name) = &shown {
            heads::request("to", name, &request.head);
        }
        let turns = self.turns.clone();
        let sending = simulate::send(backend, request);
        let sending = async move {
            if let Some(turns) = turns {
                turns.give().await;
            }
            let outcome = sending.await;
            if let (Some(name), Ok(response)) = (&shown, &outcome) {
                heads::response("from", name, &response.head);
            }
            outcome
        };
        Box::pin(InRuntime::new(self.runtime.clone(), sending))
    }
}

impl fmt::Debug for BackendSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.backends.keys()).finish()
    }
}
