//! What an embedder can put in the place of the world: backends in its own process, and its own logs.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use abi_core::body::OutgoingBody;
use abi_core::platform::{LogSource, Logs};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use tower_service::Service;

use super::{HostBuilder, HostError};
use crate::backends::{BackendSettings, LocalAnswer, LocalBackend};
use crate::identity::ClientSettings;
use crate::world::{LogFiles, check_endpoint};

/// Backends in this process.
impl HostBuilder {
    /// A backend that answers as an asynchronous function does.
    ///
    /// ```
    /// let host = fastlike::Host::builder()
    ///     .backend_fn("origin", async |request| format!("you asked for {}", request.uri().path()));
    /// ```
    pub fn backend_fn<F, R>(self, name: impl Into<String>, answer: F) -> Self
    where
        F: Fn(Request<OutgoingBody>) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: LocalAnswer,
    {
        self.backend_with(name, LocalBackend::from_fn(answer))
    }

    /// A backend that is a service of the tower ecosystem, such as an axum router.
    pub fn backend_service<S, B>(self, name: impl Into<String>, service: S) -> Self
    where
        S: Service<Request<OutgoingBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.backend_with(name, LocalBackend::service(service))
    }

    /// The `Host` of every request to a backend, whatever the guest set; it may be a backend of the configuration file.
    /// That there is none of that name is an error of [`build`](Self::build).
    pub fn override_host(mut self, name: impl Into<String>, host: HeaderValue) -> Self {
        self.hooks.override_hosts.push((name.into(), host));
        self
    }

    /// The backend of every name that no other one has: a [`LocalBackend`], or settings.
    ///
    /// A local one learns the name from the request's extension [`BackendName`](crate::backends::BackendName).
    pub fn default_backend(mut self, backend: impl Into<BackendSettings>) -> Self {
        self.hooks.default_backend = Some(backend.into());
        self
    }

    /// What gets the requests for all backends that guests define at run time, instead of the places they name.
    pub fn dynamic_backends(mut self, backend: impl Into<BackendSettings>) -> Self {
        self.hooks.dynamic_backends = Some(backend.into());
        self
    }
}

/// Logs of one's own.
impl HostBuilder {
    /// Where the messages of one log endpoint go. Those of the others go where [`logs`](Self::logs) says.
    ///
    /// It is called on the thread that runs the guest, and must not wait.
    pub fn log_endpoint(
        mut self,
        name: impl Into<String>,
        write: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> Self {
        self.hooks
            .log_endpoints
            .insert(name.into(), Box::new(write));
        self
    }

    /// The same with a file, to whose end each message is written as a line. It is made where it is not there, and
    /// several endpoints may have the same one.
    pub fn log_file(mut self, name: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        self.hooks.log_files.push((name.into(), file.into()));
        self
    }
}

/// Who clients are.
impl HostBuilder {
    /// What is claimed about clients. What is said here goes before what the configuration says.
    pub fn client(mut self, settings: ClientSettings) -> Self {
        self.client = settings.or(self.client);
        self
    }

    /// A value of the header `Fastly-Key` that counts as valid.
    pub fn fake_fastly_key(mut self, key: impl Into<String>) -> Self {
        self.client.valid_fastly_keys.insert(key.into());
        self
    }

    /// Which requests are to be seen as if they had come over TLS: for an embedder that knows better, such as one
    /// behind a proxy. They get `https` in their URI and the header `fastly-ssl`.
    pub fn secure_when(
        mut self,
        is_secure: impl Fn(&http::request::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.client.secure = Some(Arc::new(is_secure));
        self
    }
}

/// What was hooked into a host.
#[derive(Default)]
pub(super) struct Hooks {
    pub default_backend: Option<BackendSettings>,
    pub dynamic_backends: Option<BackendSettings>,
    pub override_hosts: Vec<(String, HeaderValue)>,
    pub log_endpoints: HashMap<String, WriteLog>,
    pub log_files: Vec<(String, PathBuf)>,
}

impl Hooks {
    /// Logs with all endpoints that have a place of their own; `configured` are files of the configuration. Functions
    /// go before files, and later files before earlier ones.
    pub(super) fn logs(
        self,
        others: Arc<dyn Logs>,
        configured: Vec<(String, PathBuf)>,
    ) -> Result<Arc<dyn Logs>, HostError> {
        let (mut files, mut endpoints) = (LogFiles::default(), HashMap::new());
        for (name, path) in configured.into_iter().chain(self.log_files) {
            check_endpoint(&name).map_err(|error| HostError::LogEndpoint {
                endpoint: name.clone(),
                error,
            })?;
            let file = files.open(&path).map_err(|error| HostError::LogFile {
                endpoint: name.clone(),
                file: path,
                error,
            })?;
            let write: WriteLog = Box::new(move |message| file.write(message));
            endpoints.insert(name, write);
        }
        endpoints.extend(self.log_endpoints);
        Ok(hooked(others, endpoints))
    }
}

/// Sets what was said of the hosts of backends.
pub(super) fn override_hosts(
    backends: &mut [(String, BackendSettings)],
    hosts: Vec<(String, HeaderValue)>,
) -> Result<(), HostError> {
    for (backend, host) in hosts {
        let mut found = false;
        for (name, settings) in backends.iter_mut() {
            if *name == backend {
                settings.override_host = Some(host.clone());
                found = true;
            }
        }
        if !found {
            let known = backends.iter().map(|(name, _)| format!("`{name}`"));
            return Err(HostError::UnknownBackend {
                known: match known.collect::<Vec<_>>().join(", ") {
                    known if known.is_empty() => "there are none".to_owned(),
                    known => format!("there are: {known}"),
                },
                backend,
            });
        }
    }
    Ok(())
}

/// What is done with a message of an endpoint.
pub(super) type WriteLog = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Logs that hand the messages of some endpoints to functions.
fn hooked(others: Arc<dyn Logs>, endpoints: HashMap<String, WriteLog>) -> Arc<dyn Logs> {
    if endpoints.is_empty() {
        return others;
    }
    Arc::new(HookedLogs { endpoints, others })
}

struct HookedLogs {
    endpoints: HashMap<String, WriteLog>,
    others: Arc<dyn Logs>,
}

impl Logs for HookedLogs {
    fn write(&self, source: LogSource<'_>, message: &[u8]) {
        if let LogSource::Endpoint(name) = source
            && let Some(write) = self.endpoints.get(name)
        {
            return write(message);
        }
        self.others.write(source, message);
    }
}
