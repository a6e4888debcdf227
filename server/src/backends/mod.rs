//! Backends: where guests send requests.
//!
//! * [`BackendSettings`]: what is known about a backend, from the configuration file or the command line;
//! * [`LocalBackend`]: one in this process, for tests and for hosts that are part of a larger program;
//! * [`BackendSet`]: the backends of a service, as guests reach them. Connections are kept and used again, by every
//!   guest of the process; two names of the same place share them.

mod connector;
mod dynamic;
mod errors;
mod fixed;
mod local;
mod request;
mod response;
mod send;
mod settings;
mod simulate;
mod tls;
mod verify;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use abi_core::http::{BackendRequest, BackendResponse, Destination, SendError, SendErrorKind};
use abi_core::platform::Backends;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use crate::world::InRuntime;
use dynamic::DynamicBackends;
pub use fixed::{FixedResponse, FixedResponses};
pub use local::{BackendName, LocalAnswer, LocalBackend, read_body};
use send::{Backend, Client, client};
pub use settings::{BackendSettings, BackendUrl, Health, InvalidUrl};
pub use tls::{ClientCertificate, TlsSettings, TlsSettingsError, TlsVersion};
pub(crate) use tls::{certificates, check_authorities};

/// The backends of a service, by name.
pub struct BackendSet {
    backends: HashMap<String, Arc<Backend>>,
    /// Where requests for backends of any other name go.
    fallback: Option<Arc<Backend>>,
    /// Where requests for backends that guests define go instead.
    intercepted: Option<Arc<Backend>>,
    dynamic: DynamicBackends,
    runtime: Handle,
}

impl BackendSet {
    /// Backends whose connections are kept by `runtime`. Of two with one name, the later one counts.
    #[must_use]
    pub fn new(
        runtime: Handle,
        settings: impl IntoIterator<Item = (String, BackendSettings)>,
    ) -> Self {
        let mut clients: Vec<(BackendSettings, Client)> = Vec::new();
        let mut backends = HashMap::new();
        for (name, settings) in settings {
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
            dynamic: DynamicBackends::default(),
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
                None => self.dynamic.get(definition, &self.runtime),
            },
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

    fn send(
        &self,
        request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        let backend = match self.backend(&request.destination) {
            Ok(backend) => backend,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let sending = simulate::send(backend, request);
        Box::pin(InRuntime::new(self.runtime.clone(), sending))
    }
}

impl fmt::Debug for BackendSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.backends.keys()).finish()
    }
}
