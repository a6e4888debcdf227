//! [`HostBuilder`]: a host from its program and what it needs.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use abi_core::cache::CACHE_BYTES_DEFAULT;
use abi_core::engine::{EngineOptions, GuestProfiles, UnknownImports};
use abi_core::http::ShieldSite;
use abi_core::http::cache::HttpCacheSettings;
use abi_core::images::ImageTransformer;
use abi_core::platform::Logs;
use abi_core::reuse::WaitingSandboxes;
use abi_core::session::GuestEnvironment;
use abi_core::{Limits, Platform, Service};
use tokio::runtime::Handle;

use super::deployment::{Deployment, Settings, Started, Successor};
use super::hooks::{Hooks, override_hosts};
use super::lasting::Lasting;
use super::lookups::GivenLookups;
use super::stores::{GivenStores, KeptStores, OpenedStores};
use super::{Host, HostError, OnDisconnect, Policy};
use crate::backends::{BackendSet, BackendSettings, HostAddresses, InvalidUrl};
use crate::config::{LimitSettings, Manifest, ReuseSettings};
use crate::identity::ClientSettings;
use crate::program::ProgramSource;
use crate::serve::{ServerTls, Trace};
use crate::world::{SystemRandom, TracingLogs};

type PlatformChange = Box<dyn FnOnce(Platform) -> Platform + Send>;

/// The name of the backend that stands for all that are not there.
pub(crate) const ALL_OTHERS: &str = "*";

/// Collects what a [`Host`] needs.
///
/// What is set here goes before what the configuration file says.
#[derive(Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct HostBuilder {
    pub(super) engine: Option<String>,
    pub(super) program: Option<ProgramSource>,
    config: Option<PathBuf>,
    backends: Vec<(String, BackendSettings)>,
    hosts: HostAddresses,
    pub(super) stores: GivenStores,
    limits: LimitSettings,
    environment: Vec<(String, String)>,
    arguments: Option<Vec<String>>,
    logs: Option<Arc<dyn Logs>>,
    pub(super) engine_options: EngineOptions,
    on_disconnect: OnDisconnect,
    drain_timeout: Option<Duration>,
    send_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    cache_bytes: Option<u64>,
    http_cache: HttpCacheSettings,
    platform: Option<PlatformChange>,
    pub(super) client: ClientSettings,
    pub(super) lookups: GivenLookups,
    reuse: ReuseSettings,
    grip_proxy: Option<SocketAddr>,
    shields: Vec<(String, ShieldSite)>,
    tls: Option<ServerTls>,
    trace: Trace,
    pub(super) hooks: Hooks,
}

impl HostBuilder {
    /// How long requests may take to finish after a host was told to stop, where nothing else was said.
    pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

    /// How long a client may take nothing of what it is sent, where nothing else was said.
    pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);

    /// How long a client's connection may be without a request, where nothing else was said.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

    /// The engine to run the program with, by its name or [`AUTO`](crate::engines::AUTO); otherwise the first one that was compiled in.
    pub fn engine(mut self, name: impl Into<String>) -> Self {
        self.engine = Some(name.into());
        self
    }

    /// The program: bytes, a file, or one that was compiled before.
    pub fn program(mut self, program: impl Into<ProgramSource>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// A `fastly.toml`.
    pub fn config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// A backend of which only the URL is known.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`].
    pub fn backend(self, name: impl Into<String>, url: &str) -> Result<Self, InvalidUrl> {
        let settings = BackendSettings::new(url.parse()?);
        Ok(self.backend_with(name, settings))
    }

    /// A backend: what is known about it, or a [`LocalBackend`](crate::backends::LocalBackend).
    pub fn backend_with(
        mut self,
        name: impl Into<String>,
        settings: impl Into<BackendSettings>,
    ) -> Self {
        self.backends.push((name.into(), settings.into()));
        self
    }

    /// What each run may use.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits.into();
        self
    }

    /// What each run may use, where something is said about it.
    pub fn limit_settings(mut self, limits: LimitSettings) -> Self {
        self.limits = limits;
        self
    }

    /// The addresses of a host, in the order in which they are tried: the system is not asked for those of backends there,
    /// neither of given ones nor of those that guests define. A backend whose settings have addresses keeps them.
    pub fn resolve(
        mut self,
        host: impl AsRef<str>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let addresses = addresses.into_iter().collect();
        self.hosts.insert(host.as_ref(), None, addresses);
        self
    }

    /// The same for one port of a host, which goes before what is said of all of its ports.
    pub fn resolve_port(
        mut self,
        host: impl AsRef<str>,
        port: u16,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let addresses = addresses.into_iter().collect();
        self.hosts.insert(host.as_ref(), Some(port), addresses);
        self
    }

    /// An environment variable of the guest.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The program's arguments, its name first.
    pub fn arguments(mut self, arguments: Vec<String>) -> Self {
        self.arguments = Some(arguments);
        self
    }

    /// Where guests' log lines go; otherwise they become events of `tracing`.
    pub fn logs(mut self, logs: impl Logs + 'static) -> Self {
        self.logs = Some(Arc::new(logs));
        self
    }

    pub(crate) fn logs_shared(mut self, logs: Arc<dyn Logs>) -> Self {
        self.logs = Some(logs);
        self
    }

    /// Which requests are traced, hostcall by hostcall; otherwise none.
    pub fn trace(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }

    /// What to do about imports that no hostcall answers to.
    pub fn unknown_imports(mut self, unknown_imports: UnknownImports) -> Self {
        self.engine_options.unknown_imports = unknown_imports;
        self
    }

    /// A folder in which compiled programs are kept for later processes, on the engines that can do that. It is made where
    /// there is none, and has to be one that no other user may write to: what is in it is run. Otherwise none are kept.
    pub fn artifact_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.engine_options.artifact_folder = Some(folder.into());
        self
    }

    /// How many instances the engine keeps room for, where it pools them.
    pub fn pooled_instances(mut self, instances: u32) -> Self {
        self.engine_options.pooled_instances = instances;
        self
    }

    /// Whether guests' functions are made known to `perf`, on the engines that can do that; see
    /// [`EngineOptions::perf_map`].
    pub fn perf_map(mut self, perf_map: bool) -> Self {
        self.engine_options.perf_map = perf_map;
        self
    }

    /// Writes profiles of guest runs, on the engines that can do that; see [`EngineOptions::guest_profiles`].
    pub fn guest_profiles(mut self, profiles: GuestProfiles) -> Self {
        self.engine_options.guest_profiles = Some(profiles);
        self
    }

    /// What becomes of a guest whose client leaves before it has been answered.
    pub fn on_disconnect(mut self, on_disconnect: OnDisconnect) -> Self {
        self.on_disconnect = on_disconnect;
        self
    }

    /// With what [`Host::serve`] speaks TLS, beside plain HTTP on the same port: a connection that begins with a TLS
    /// handshake is encrypted.
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How long requests may take to finish after the host was told to stop.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = Some(timeout);
        self
    }

    /// How long a client may take nothing of what it is sent before [`Host::serve`] closes its connection, or on HTTP/2 gives
    /// up the response; otherwise [`SEND_TIMEOUT`](Self::SEND_TIMEOUT). It is no limit on how long a response takes: a client
    /// that is slow takes something each time.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = Some(timeout);
        self
    }

    /// How long a client's connection to [`Host::serve`] may be without a request before it is closed, and how long the head
    /// of one may take to arrive; otherwise [`IDLE_TIMEOUT`](Self::IDLE_TIMEOUT). On HTTP/2 nothing but a request counts: a
    /// client that only pings is told to leave (`GOAWAY`), and loses its connection when it stays for as long again. For
    /// HTTP/1.1 it is the time that was said when the host began to serve, also after a reload.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// How many bytes the cache may hold; otherwise [`CACHE_BYTES_DEFAULT`].
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = Some(bytes);
        self
    }

    /// How far sandboxes serve several requests.
    pub fn reuse(mut self, limits: impl Into<ReuseSettings>) -> Self {
        self.reuse = limits.into().or(self.reuse);
        self
    }

    /// A place where the requests of a service come together.
    pub fn shield(mut self, name: impl Into<String>, site: ShieldSite) -> Self {
        self.shields.push((name.into(), site));
        self
    }

    /// The proxy that holds clients' connections for publishing (GRIP), such as Pushpin.
    pub fn grip_proxy(mut self, address: SocketAddr) -> Self {
        self.grip_proxy = Some(address);
        self
    }

    /// How responses of backends are kept for later requests; otherwise as the platform does it.
    ///
    /// ```
    /// # use fastlike::{Host, HttpCacheSettings};
    /// // Every request of a guest goes to its backend.
    /// let builder = Host::builder().http_cache(HttpCacheSettings::disabled());
    /// ```
    pub fn http_cache(mut self, settings: HttpCacheSettings) -> Self {
        self.http_cache = settings;
        self
    }

    /// Changes the world that guests run in: another clock, backends in this process.
    pub fn platform(mut self, change: impl FnOnce(Platform) -> Platform + Send + 'static) -> Self {
        self.platform = Some(Box::new(change));
        self
    }

    /// Reads the configuration, compiles the program, and makes the host.
    ///
    /// A compiler that optimises may take minutes for a function of megabytes, and goes on when the future is dropped.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn build(self) -> Result<Host, HostError> {
        let runtime = Handle::current();
        let random = SystemRandom::new()?;
        let building = runtime.clone();
        // Reading files and compiling block.
        let built = runtime.spawn_blocking(move || self.build_blocking(building, random));
        built.await.map_err(HostError::Interrupted)?
    }

    pub(crate) fn build_blocking(
        mut self,
        runtime: Handle,
        random: SystemRandom,
    ) -> Result<Host, HostError> {
        let manifest = self.manifest()?;
        let lasting = Lasting::new(runtime, random, self.cache_bytes_or(&manifest));
        let loaded = self.load(manifest, &lasting, &KeptStores::default(), None)?;
        Ok(Host::new(lasting, loaded))
    }

    /// Reads the configuration.
    pub(super) fn manifest(&mut self) -> Result<Manifest, HostError> {
        let manifest = match self.config.take() {
            Some(file) => Manifest::read(&file)?,
            None => Manifest::default(),
        };
        for warning in &manifest.warnings {
            tracing::warn!("{warning}");
        }
        Ok(manifest)
    }

    pub(super) fn cache_bytes_or(&self, manifest: &Manifest) -> u64 {
        let bytes = self.cache_bytes.or(manifest.cache_bytes);
        bytes.unwrap_or(CACHE_BYTES_DEFAULT)
    }

    /// Compiles the program and makes what it runs in. What guests see of `kept` changes only when the result is put in
    /// place.
    pub(super) fn load(
        mut self,
        mut manifest: Manifest,
        lasting: &Lasting,
        kept: &KeptStores,
        previous: Option<&BackendSet>,
    ) -> Result<Loaded, HostError> {
        let limits = self.limits.or(manifest.limits).or_default();
        self.engine_options.memory_bytes_max = limits.memory_bytes;
        let compiled = self.compile()?;
        let environment = environment(&self, &manifest);
        let sandboxes = WaitingSandboxes::new(self.reuse.or(manifest.reuse).or_default());
        let client = std::mem::take(&mut self.client).or(std::mem::take(&mut manifest.client));
        let backends = Arc::new(backends(&mut self, &mut manifest, lasting, previous)?);
        let settings = Settings {
            policy: Policy {
                on_disconnect: self.on_disconnect,
                drain_timeout: self.drain_timeout.unwrap_or(Self::DRAIN_TIMEOUT),
                send_timeout: self.send_timeout.unwrap_or(Self::SEND_TIMEOUT),
                idle_timeout: self.idle_timeout.unwrap_or(Self::IDLE_TIMEOUT),
            },
            client,
            tls: self.tls.take().or(manifest.tls.take()),
            backends: backends.clone(),
            trace: std::mem::take(&mut self.trace),
        };
        let (platform, stores) = platform(self, manifest, lasting, backends, kept)?;
        let service = Service {
            limits,
            environment: Arc::new(environment),
            sandboxes,
            ..Service::new(compiled.program, platform)
        };
        Ok(Loaded {
            deployment: Deployment {
                service,
                engine_name: compiled.engine_name,
                started: Started {
                    engine_name: compiled.engine_name,
                    compile_time: compiled.time,
                    was_kept: compiled.kept,
                },
                settings: Arc::new(settings),
                _engine: compiled.engine,
            },
            stores,
            successor: compiled.successor,
        })
    }
}

/// What is ready to be put in place.
pub(super) struct Loaded {
    pub deployment: Deployment,
    pub stores: OpenedStores,
    /// What takes its place later.
    pub successor: Option<Successor>,
}

fn backends(
    builder: &mut HostBuilder,
    manifest: &mut Manifest,
    lasting: &Lasting,
    previous: Option<&BackendSet>,
) -> Result<BackendSet, HostError> {
    // Of two with one name the later one counts, which is the one from the builder.
    let given = std::mem::take(&mut manifest.backends);
    let mut given: Vec<_> = given
        .into_iter()
        .chain(std::mem::take(&mut builder.backends))
        .collect();
    override_hosts(
        &mut given,
        std::mem::take(&mut builder.hooks.override_hosts),
    )?;
    let hosts = std::mem::take(&mut builder.hosts);
    for (_, settings) in &mut given {
        hosts.give(settings);
    }
    let (all_others, given): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|(name, _)| name == ALL_OTHERS);
    let mut backends = BackendSet::after(previous, lasting.runtime.clone(), given)
        .with_loop_token(lasting.loop_token.clone())
        .with_turns(lasting.turns.clone())
        .with_hosts(hosts)
        .with_shields(std::mem::take(&mut manifest.shields))
        .with_shields(std::mem::take(&mut builder.shields));
    let all_others = all_others.into_iter().map(|(_, settings)| settings);
    if let Some(settings) = builder.hooks.default_backend.take().or(all_others.last()) {
        backends = backends.with_fallback(settings);
    }
    if let Some(settings) = builder.hooks.dynamic_backends.take() {
        backends = backends.with_dynamic_backends(settings);
    }
    if let Some(proxy) = builder.grip_proxy.or(manifest.grip_proxy) {
        backends = backends.with_grip_proxy(proxy);
    }
    Ok(backends)
}

fn platform(
    builder: HostBuilder,
    mut manifest: Manifest,
    lasting: &Lasting,
    backends: Arc<BackendSet>,
    kept: &KeptStores,
) -> Result<(Platform, OpenedStores), HostError> {
    let hooks = builder.hooks;
    let lookups = builder.lookups.after(&mut manifest);
    let log_files = std::mem::take(&mut manifest.log_files);
    let opened = builder.stores.after(GivenStores::of(manifest)).open(
        &lasting.runtime,
        kept,
        lasting.rates.clone(),
    )?;
    let logs = builder.logs.unwrap_or_else(|| Arc::new(TracingLogs));
    let logs = hooks.logs(logs, log_files)?;
    let platform = Platform {
        clock: lasting.clock.clone(),
        random: Arc::new(lasting.random),
        executor: lasting.executor.clone(),
        backends,
        stores: opened.stores.clone(),
        cache: lasting.cache.clone(),
        lookups,
        images: images(&lasting.runtime),
        http_cache: builder.http_cache,
        logs,
    };
    let platform = match builder.platform {
        Some(change) => change(platform),
        None => platform,
    };
    Ok((platform, opened))
}

#[cfg(feature = "images")]
fn images(runtime: &Handle) -> Option<Arc<dyn ImageTransformer>> {
    Some(Arc::new(crate::images::LocalImages::new(runtime.clone())))
}

#[cfg(not(feature = "images"))]
fn images(_runtime: &Handle) -> Option<Arc<dyn ImageTransformer>> {
    None
}

fn environment(builder: &HostBuilder, manifest: &Manifest) -> GuestEnvironment {
    let mut environment = GuestEnvironment {
        products: manifest.products,
        ..GuestEnvironment::default()
    };
    if let Some(arguments) = &builder.arguments {
        environment.arguments.clone_from(arguments);
    }
    for (name, value) in manifest.environment.iter().chain(&builder.environment) {
        environment.variables.retain(|(other, _)| other != name);
        environment.variables.push((name.clone(), value.clone()));
    }
    environment
}

impl std::fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostBuilder")
            .field("engine", &self.engine)
            .field("program", &self.program)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
