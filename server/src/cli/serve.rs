//! `fastlike serve`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abi_core::engine::UnknownImports;
use abi_core::http::cache::HttpCacheSettings;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Failure;
use super::arguments::{MessageFormat, OnDisconnect, ServeArguments, UnknownImportBehavior};
use super::cache;
use super::mistaken::misspelt;
use super::output::{self, SERVING};
use super::reload::{Reloader, Setup};
use super::signals::{Hangups, Signals};
use crate::config::{LimitSettings, ReuseSettings, read_bounded};
use crate::host::{self, Drained, Host, HostBuilder};
use crate::identity::ClientSettings;
use crate::lookups::geo_of_file;
use crate::serve::ServerTls;
use crate::stores::{AclEntries, Dictionary, KvSettings, SecretItems, StoreError, from_file};

/// How long background work may take to stop when the process ends.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// The configuration of a project, in its folder. Nobody reads it without being told to.
const MANIFEST: &str = "fastly.toml";

pub(super) fn serve(arguments: ServeArguments) -> Result<ExitCode, Failure> {
    check_program(&arguments)?;
    let messages = output::start(&arguments.output);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fastlike")
        .build()?;
    let setup = Arc::new(Setup::new(arguments, messages.announcements())?);
    let outcome = runtime.block_on(run(&setup));
    runtime.shutdown_timeout(STOP_TIMEOUT);
    // What guests have logged is written before the process ends.
    drop(setup);
    drop(messages);
    outcome
}

/// Says what a mistyped subcommand may have been: it is taken for a program.
fn check_program(arguments: &ServeArguments) -> Result<(), Failure> {
    let program = arguments.program.as_deref();
    let name = program
        .filter(|program| !program.exists())
        .and_then(Path::to_str);
    match name.and_then(misspelt) {
        Some(message) => Err(message.into()),
        None => Ok(()),
    }
}

async fn run(setup: &Arc<Setup>) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let arguments = &setup.arguments;
    let mut signals = Signals::new()?;
    let hangups = Hangups::new()?;
    // Clients may connect from here on. The system keeps them waiting until the program is compiled.
    let listener = bind(arguments.addr).await?;
    let address = listener.local_addr()?;
    tracing::debug!("listening on {address}");
    let (host, files) = tokio::select! {
        built = setup.build() => built?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    let reloader = Reloader::new(setup.clone(), host.clone(), files, hangups)?;
    say_ready(setup, &host, address, started.elapsed());
    if arguments.config.is_none() && Path::new(MANIFEST).is_file() {
        tracing::info!("the {MANIFEST} of this folder is not read; `-C {MANIFEST}` has it read");
    }

    let (stop, stopped) = oneshot::channel();
    let serving = host.serve(listener, async {
        // It ends also when the sender is dropped, which it is not before the host has stopped.
        drop(stopped.await);
    });
    tokio::pin!(serving);
    tokio::select! {
        _ = &mut serving => return Ok(ExitCode::SUCCESS),
        () = signals.next() => {}
        // Whoever started this program is gone.
        () = reloader.run() => {}
    }
    tracing::info!("stopping: requests on their way may finish; a second signal stops at once");
    // The host may have stopped already.
    let _ = stop.send(());
    tokio::select! {
        drained = &mut serving => {
            if drained == Drained::CutOff {
                tracing::warn!(
                    "requests that took longer than {} s were cut off", arguments.drain_timeout
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        () = signals.next() => {
            tracing::warn!("stopped at once");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => "; another program listens there, choose another `--addr`",
            io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
            io::ErrorKind::PermissionDenied => "; ports below 1024 are often reserved",
            _ => "",
        };
        format!("cannot listen on {address}: {error}{advice}").into()
    })
}

pub(super) fn builder(arguments: &ServeArguments) -> Result<HostBuilder, Failure> {
    arguments.drop_in.check()?;
    let seconds = |number: Option<f64>| number.map(Duration::from_secs_f64);
    let limits = LimitSettings {
        memory_bytes: arguments
            .max_memory
            .map(|mebibytes| mebibytes * 1024 * 1024),
        wall: seconds(arguments.timeout),
        cpu: seconds(arguments.cpu_limit),
        ..LimitSettings::default()
    };

    let mut builder = Host::builder()
        .limit_settings(limits)
        .drain_timeout(Duration::from_secs_f64(arguments.drain_timeout))
        .send_timeout(Duration::from_secs_f64(arguments.send_timeout))
        .idle_timeout(Duration::from_secs_f64(arguments.idle_timeout))
        .on_disconnect(match arguments.on_disconnect {
            OnDisconnect::Finish => host::OnDisconnect::Finish,
            OnDisconnect::Cancel => host::OnDisconnect::Cancel,
        })
        .unknown_imports(match arguments.unknown_import_behavior {
            UnknownImportBehavior::LinkError => UnknownImports::Refuse,
            UnknownImportBehavior::Trap => UnknownImports::Trap,
        })
        .trace(output::trace(&arguments.output))
        .http_cache(HttpCacheSettings {
            enabled: !arguments.no_http_cache,
            default_ttl: Duration::from_secs(arguments.http_cache_ttl.into()),
            guest_caching: !arguments.no_guest_caching,
            response_headers: !arguments.no_cache_headers,
            purge: arguments.enable_purge,
            client_purge: arguments.enable_client_purge,
        });
    if let Some(port) = arguments.local_pushpin_proxy_port {
        builder = builder.grip_proxy(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    if let Some(number) = arguments.reuse_requests {
        builder = builder.reuse(ReuseSettings {
            further_requests: Some(number),
            ..ReuseSettings::default()
        });
    }
    if let Some(mebibytes) = arguments.cache_size {
        builder = builder.cache_bytes(mebibytes * 1024 * 1024);
    }
    if let Some(program) = &arguments.program {
        builder = builder
            .program(program.clone())
            .arguments(vec![stem(program)]);
    }
    if let Some(folder) = cache::folder(&arguments.cache) {
        builder = builder.artifact_folder(folder);
    }
    if let Some(engine) = &arguments.engine {
        builder = builder.engine(engine);
    }
    if let Some(profile) = &arguments.profile {
        builder = profile.of_requests(builder);
    }
    if let Some(config) = &arguments.config {
        builder = builder.config(config);
    }
    for (name, settings) in &arguments.backends {
        builder = builder.backend_with(name, settings.clone());
    }
    for (name, host) in &arguments.override_hosts {
        builder = builder.override_host(name, host.clone());
    }
    for (name, file) in &arguments.loggers {
        // Where nothing is said of an endpoint it is written to standard output already.
        if let Some(file) = file {
            builder = builder.log_file(name, file);
        }
    }
    for (name, value) in &arguments.environment {
        builder = builder.env(name, value);
    }
    if let Some(tls) = tls(arguments)? {
        builder = builder.tls(tls);
    }
    with_stores(builder.client(client(arguments)), arguments)
}

/// With what to speak TLS, if a certificate was given.
fn tls(arguments: &ServeArguments) -> Result<Option<ServerTls>, Failure> {
    let authorities = client_authorities(arguments)?;
    let authorities = authorities.as_deref();
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => {
            let chain = read("tls-cert", certificate)?;
            let key_text = read("tls-key", key)?;
            let tls = ServerTls::from_pem(&chain, &key_text, authorities);
            tls.map_err(|error| {
                let (certificate, key) = (certificate.display(), key.display());
                format!("--tls-cert {certificate} --tls-key {key}: {error}")
            })?
        }
        _ => return Ok(None),
    };
    Ok(Some(tls))
}

/// A certificate that is made now, if that is wanted.
pub(super) fn self_signed(arguments: &ServeArguments) -> Result<Option<ServerTls>, Failure> {
    if !arguments.tls_self_signed {
        return Ok(None);
    }
    let authorities = client_authorities(arguments)?;
    let tls = ServerTls::self_signed(authorities.as_deref());
    Ok(Some(
        tls.map_err(|error| format!("--tls-self-signed: {error}"))?,
    ))
}

fn client_authorities(arguments: &ServeArguments) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = &arguments.tls_client_ca else {
        return Ok(None);
    };
    Ok(Some(read("tls-client-ca", path)?))
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let text = read_bounded(path);
    Ok(text.map_err(|error| format!("--{option} {}: {error}", path.display()))?)
}

fn client(arguments: &ServeArguments) -> ClientSettings {
    ClientSettings {
        address: arguments.client_ip,
        address_header: arguments.client_ip_header.clone(),
        compliance_region: arguments.compliance_region.clone(),
        valid_fastly_keys: arguments.fake_fastly_keys.iter().cloned().collect(),
        ..ClientSettings::default()
    }
}

fn with_stores(
    mut builder: HostBuilder,
    arguments: &ServeArguments,
) -> Result<HostBuilder, Failure> {
    let wrong = |option: &str, name: &str, error: StoreError| format!("--{option} {name}: {error}");
    for (name, path) in &arguments.dictionaries {
        let dictionary =
            Dictionary::of_file(path.clone()).map_err(|error| wrong("dictionary", name, error))?;
        builder = builder.dictionary(name, dictionary);
    }
    for (name, path) in &arguments.kv_stores {
        let settings = match path {
            Some(path) => KvSettings::of_file(path).map_err(|error| wrong("kv", name, error))?,
            None => KvSettings::default(),
        };
        builder = builder.kv_store_with(name, settings);
    }
    for (name, path) in &arguments.acls {
        let list =
            from_file(path, AclEntries::from_json).map_err(|error| wrong("acl", name, error))?;
        builder = builder.acl(name, list);
    }
    for (name, path) in &arguments.secret_stores {
        let secrets = from_file(path, SecretItems::from_json)
            .map_err(|error| wrong("secret-store", name, error))?;
        builder = builder.secret_store(name, secrets);
    }
    if let Some(path) = &arguments.geo {
        let geo = geo_of_file(path).map_err(|error| format!("--geo: {error}"))?;
        builder = builder.geo_shared(geo);
    }
    Ok(builder)
}

/// The name by which a guest knows its own program.
pub(super) fn stem(program: &Path) -> String {
    let stem = program.file_stem().unwrap_or(program.as_os_str());
    stem.to_string_lossy().into_owned()
}

fn say_ready(setup: &Setup, host: &Host, address: SocketAddr, took: Duration) {
    let arguments = &setup.arguments;
    let program = arguments.program.as_deref().unwrap_or(Path::new("?"));
    let (version, engine) = (env!("CARGO_PKG_VERSION"), host.started_on());
    let compiled_in = host.compile_time().as_secs_f64();
    tracing::debug!("ready after {:.2} s", took.as_secs_f64());
    if arguments.output.log_format == MessageFormat::Json {
        let program = program.display();
        tracing::info!(target: SERVING, %program, %address, engine, compiled_in, version, "serving");
        return;
    }
    let made = if host.was_kept() {
        "loaded"
    } else {
        "compiled"
    };
    let and_https = if host.current().settings.tls.is_some() {
        format!(" and https://{address}")
    } else {
        String::new()
    };
    setup.announcements.say(&format!(
        "fastlike {version}: serving {} on http://{address}{and_https} (engine {engine}, {made} in {compiled_in:.2} s)",
        program.display()
    ));
}
