//! Backends that guests define at run time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use abi_core::http::{DynamicBackend, DynamicTls, Keepalive, SendError, SendErrorKind};
use http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio::runtime::Handle;

use super::HostAddresses;
use super::send::{Backend, client};
use super::settings::{BackendSettings, BackendUrl};
use super::tls::{ClientCertificate, TlsSettings, TlsSettingsError, TlsVersion, certificates};

/// How many definitions are kept. A guest that makes more of them makes new connections too.
const KEPT_MAX: usize = 1024;

/// What guests have defined, with its connections, for every later guest that defines the same.
#[derive(Default)]
pub(super) struct DynamicBackends(Mutex<Kept>);

/// What a guest has defined, and what was made of it.
type Definition = (Arc<DynamicBackend>, Arc<Backend>);

#[derive(Default)]
struct Kept {
    count: usize,
    by_target: HashMap<String, Vec<Definition>>,
}

impl DynamicBackends {
    /// The backend that a guest has defined so.
    pub(super) fn get(
        &self,
        defined: &Arc<DynamicBackend>,
        hosts: &HostAddresses,
        runtime: &Handle,
    ) -> Result<Arc<Backend>, SendError> {
        // A panic leaves at most a count that is too low.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same_target = kept.by_target.get(&defined.target);
        let same =
            same_target.and_then(|all| all.iter().find(|(other, _)| is_same(other, defined)));
        if let Some((_, backend)) = same {
            return Ok(backend.clone());
        }
        let mut settings = settings(defined)?;
        hosts.give(&mut settings);
        let client = client(runtime, &settings);
        let backend = Arc::new(Backend::new(settings, client, runtime.clone()));
        if kept.count >= KEPT_MAX {
            // Requests on their way hold what they use.
            *kept = Kept::default();
        }
        kept.count += 1;
        let same_target = kept.by_target.entry(defined.target.clone()).or_default();
        same_target.push((defined.clone(), backend.clone()));
        Ok(backend)
    }
}

/// Whether two definitions differ in nothing but the name.
fn is_same(one: &DynamicBackend, other: &DynamicBackend) -> bool {
    one.override_host == other.override_host
        && one.connect_timeout == other.connect_timeout
        && one.first_byte_timeout == other.first_byte_timeout
        && one.between_bytes_timeout == other.between_bytes_timeout
        && one.tls == other.tls
        && one.grpc == other.grpc
        && one.dont_pool == other.dont_pool
        && one.prefer_ipv4 == other.prefer_ipv4
        && one.keepalive == other.keepalive
        && one.pooling == other.pooling
        && one.healthcheck == other.healthcheck
        && one.target == other.target
}

fn settings(defined: &DynamicBackend) -> Result<BackendSettings, SendError> {
    let scheme = if defined.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let url: BackendUrl = format!("{scheme}://{}", defined.target)
        .parse()
        .map_err(|error: super::InvalidUrl| refused(SendErrorKind::HttpRequestUriInvalid, error))?;
    let mut settings = BackendSettings::new(url);
    if let Some(host) = &defined.override_host {
        let host = HeaderValue::from_str(host);
        let host = host.map_err(|error| refused(SendErrorKind::HttpRequestUriInvalid, error))?;
        settings.override_host = Some(host);
    }
    if let Some(limit) = defined.connect_timeout {
        settings.connect_timeout = limit;
    }
    settings.first_byte_timeout = defined.first_byte_timeout;
    settings.between_bytes_timeout = defined.between_bytes_timeout;
    settings.http2_only = defined.grpc;
    settings.keep_connections = !defined.dont_pool;
    settings.prefer_ipv4 = defined.prefer_ipv4;
    settings.pooling = defined.pooling;
    settings.healthcheck.clone_from(&defined.healthcheck);
    if let Some(keepalive) = defined.keepalive {
        let usual = BackendSettings::KEEPALIVE;
        settings.keepalive = Keepalive {
            http_idle: keepalive.http_idle.or(usual.http_idle),
            ..keepalive
        };
    }
    if let Some(tls) = &defined.tls {
        settings.tls = tls_settings(tls)
            .map_err(|error| refused(SendErrorKind::TlsConfigurationError, error))?;
    }
    Ok(settings)
}

fn tls_settings(defined: &DynamicTls) -> Result<TlsSettings, TlsSettingsError> {
    let mut tls = TlsSettings {
        min_version: defined.min_version.map(TlsVersion::from_number),
        max_version: defined.max_version.map(TlsVersion::from_number),
        ..TlsSettings::default()
    };
    if let Some(name) = &defined.cert_hostname {
        tls.certificate_host = Some(server_name(name)?);
    }
    match defined.sni_hostname.as_deref() {
        Some("") => tls.use_sni = false,
        Some(name) => tls.sni_host = Some(server_name(name)?),
        None => {}
    }
    if let Some(pem) = &defined.ca_certificate {
        tls.authorities = Some(certificates(pem.as_bytes())?);
    }
    if let Some(identity) = &defined.client_identity {
        let certificate = identity.certificate.as_bytes();
        tls.client_certificate = Some(ClientCertificate::from_pem(certificate, &identity.key)?);
    }
    tls.ciphers.clone_from(&defined.ciphers);
    Ok(tls)
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsSettingsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        TlsSettingsError::new(format!("`{name}` is neither a host name nor an address"))
    })
}

fn refused(
    kind: SendErrorKind,
    error: impl std::error::Error + Send + Sync + 'static,
) -> SendError {
    SendError::new(kind).with_source(error)
}
