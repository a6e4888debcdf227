//! Trust: whose certificates are accepted, and which one is shown.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// How a backend is trusted, and how it can trust this host.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The name its certificate has to be valid for, which is also sent as SNI; `None` is the host of its URL.
    pub certificate_host: Option<ServerName<'static>>,
    /// Whether to send the name at the start of the handshake.
    pub use_sni: bool,
    /// The authorities that may have signed its certificate; `None` are those of this system.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// What is shown to backends that want to know who asks.
    pub client_certificate: Option<Arc<ClientCertificate>>,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            certificate_host: None,
            use_sni: true,
            authorities: None,
            client_certificate: None,
        }
    }
}

/// A certificate of this host, with its key.
#[derive(PartialEq)]
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientCertificate {
    /// Reads a certificate chain and its key, both PEM.
    ///
    /// # Errors
    ///
    /// [`TlsSettingsError`] when one of them is none, or when they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsSettingsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsSettingsError(format!("there is no usable PEM key: {error}")))?;
        let certificate = Self { chain, key };
        // Made once for its checks: a key that does not work should be told at start-up.
        config_without_alpn(RootCertStore::empty(), true, Some(&certificate))?;
        Ok(certificate)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// TLS settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettingsError(String);

impl fmt::Display for TlsSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsSettingsError {}

/// Every certificate in a PEM text; at least one.
///
/// # Errors
///
/// [`TlsSettingsError`] when there is none, or one is broken.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsSettingsError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found =
        found.map_err(|error| TlsSettingsError(format!("a PEM certificate is broken: {error}")))?;
    if found.is_empty() {
        return Err(TlsSettingsError(
            "there is no PEM certificate in it".to_owned(),
        ));
    }
    Ok(found)
}

/// Checks that `authorities` can vouch for others.
///
/// # Errors
///
/// [`TlsSettingsError`] when one of them cannot be used.
pub(crate) fn check_authorities(
    authorities: &[CertificateDer<'static>],
) -> Result<(), TlsSettingsError> {
    store(authorities).map(drop)
}

fn store(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsSettingsError> {
    let mut store = RootCertStore::empty();
    for authority in authorities {
        store.add(authority.clone()).map_err(|error| {
            TlsSettingsError(format!(
                "a certificate cannot be used as an authority: {error}"
            ))
        })?;
    }
    Ok(store)
}

/// The TLS configuration for `settings`. It blocks for as long as reading the system's certificates takes.
pub(super) fn config(
    settings: &TlsSettings,
    http2_only: bool,
) -> Result<ClientConfig, TlsSettingsError> {
    let roots = match &settings.authorities {
        Some(authorities) => store(authorities)?,
        None => system_authorities()?,
    };
    let certificate = settings.client_certificate.as_deref();
    let mut config = config_without_alpn(roots, settings.use_sni, certificate)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    if !http2_only {
        config.alpn_protocols.push(b"http/1.1".to_vec());
    }
    Ok(config)
}

fn config_without_alpn(
    roots: RootCertStore,
    use_sni: bool,
    certificate: Option<&ClientCertificate>,
) -> Result<ClientConfig, TlsSettingsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsSettingsError(error.to_string()))?
        .with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => builder
            .with_client_auth_cert(certificate.chain.clone(), certificate.key.clone_key())
            .map_err(|error| {
                TlsSettingsError(format!("the client certificate cannot be used: {error}"))
            })?,
    };
    config.enable_sni = use_sni;
    Ok(config)
}

/// The authorities this system trusts, read once a process.
fn system_authorities() -> Result<RootCertStore, TlsSettingsError> {
    static AUTHORITIES: OnceLock<RootCertStore> = OnceLock::new();

    let authorities = AUTHORITIES.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in found.errors {
            tracing::debug!("some of the system's certificates cannot be read: {error}");
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        store
    });
    if authorities.is_empty() {
        return Err(TlsSettingsError(
            "this system has no CA certificates; install them (often a package called \
             `ca-certificates`), set SSL_CERT_FILE, or give the backend a `ca_certificate`"
                .to_owned(),
        ));
    }
    Ok(authorities.clone())
}
