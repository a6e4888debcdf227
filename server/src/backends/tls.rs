//! Trust: whose certificates are accepted, and which one is shown.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion, WantsVerifier};

use super::ciphers;
use super::verify::{Anyone, ForName};

/// How a backend is trusted, and how it can trust this host.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The name its certificate has to be valid for; `None` is the host of its URL.
    pub certificate_host: Option<ServerName<'static>>,
    /// Whether to send a name at the start of the handshake (SNI).
    pub use_sni: bool,
    /// That name, where it is not the one in the certificate.
    pub sni_host: Option<ServerName<'static>>,
    /// The lowest version of the protocol; `None` is the lowest that is still safe, 1.2.
    pub min_version: Option<TlsVersion>,
    /// The highest version of the protocol; `None` is the highest there is, 1.3.
    pub max_version: Option<TlsVersion>,
    /// Take any certificate. Nothing is safe then; it is for backends on one's own machine.
    pub accept_any_certificate: bool,
    /// The authorities that may have signed its certificate; `None` are those of this system.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// What is shown to backends that want to know who asks.
    pub client_certificate: Option<Arc<ClientCertificate>>,
    /// The cipher suites to offer, by OpenSSL's names; `None` are all that are safe.
    pub ciphers: Option<String>,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            certificate_host: None,
            use_sni: true,
            sni_host: None,
            min_version: None,
            max_version: None,
            accept_any_certificate: false,
            authorities: None,
            client_certificate: None,
            ciphers: None,
        }
    }
}

impl TlsSettings {
    /// Checks that there is a version of the protocol that they allow.
    ///
    /// # Errors
    ///
    /// [`TlsSettingsError`] when there is none.
    pub(crate) fn check_versions(&self) -> Result<(), TlsSettingsError> {
        versions(self).map(drop)
    }

    /// Checks that a handshake can begin: that there is a suite for a version that they allow.
    ///
    /// # Errors
    ///
    /// [`TlsSettingsError`] when there is none.
    pub(crate) fn check(&self) -> Result<(), TlsSettingsError> {
        builder(self, Arc::new(provider(self)?)).map(drop)
    }
}

/// A version of the protocol. The first two are known by name only: nobody should speak them any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0.
    V1_0,
    /// TLS 1.1.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsVersion {
    /// The version of a witx `tls_version`; there are none above 3.
    pub(super) fn from_number(number: u32) -> Self {
        match number {
            0 => Self::V1_0,
            1 => Self::V1_1,
            2 => Self::V1_2,
            _ => Self::V1_3,
        }
    }
}

impl std::str::FromStr for TlsVersion {
    type Err = TlsSettingsError;

    fn from_str(text: &str) -> Result<Self, TlsSettingsError> {
        match text {
            "1.0" => Ok(Self::V1_0),
            "1.1" => Ok(Self::V1_1),
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err(TlsSettingsError(format!(
                "`{text}` is no version of TLS; there are 1.0, 1.1, 1.2 and 1.3"
            ))),
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
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Arc<Self>, TlsSettingsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsSettingsError(format!("there is no usable PEM key: {error}")))?;
        let certificate = Arc::new(Self { chain, key });
        // Made once for its checks: a key that does not work should be told at start-up.
        let any = TlsSettings {
            accept_any_certificate: true,
            client_certificate: Some(certificate.clone()),
            ..TlsSettings::default()
        };
        config(&any, None, Alpn::Any)?;
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

impl TlsSettingsError {
    pub(super) fn new(why: String) -> Self {
        Self(why)
    }
}

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

/// The versions of HTTP that are offered in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpn {
    Any,
    Http2,
    /// For connections that are to speak another protocol later.
    Http1,
}

impl Alpn {
    fn names(self) -> Vec<Vec<u8>> {
        let (http2, http1) = (b"h2".to_vec(), b"http/1.1".to_vec());
        match self {
            Self::Any => vec![http2, http1],
            Self::Http2 => vec![http2],
            Self::Http1 => vec![http1],
        }
    }
}

/// The TLS configuration for `settings`. `other_name` is the one in the certificate, where the handshake names another.
/// It blocks for as long as reading the system's certificates takes.
pub(super) fn config(
    settings: &TlsSettings,
    other_name: Option<ServerName<'static>>,
    alpn: Alpn,
) -> Result<ClientConfig, TlsSettingsError> {
    let provider = Arc::new(provider(settings)?);
    let builder = builder(settings, provider.clone())?;
    let builder = match (settings.accept_any_certificate, other_name) {
        (true, _) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider))),
        (false, None) => builder.with_root_certificates(roots(settings)?),
        (false, Some(name)) => {
            let roots = Arc::new(roots(settings)?);
            let usual = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            let usual = usual.map_err(|error| TlsSettingsError(error.to_string()))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(ForName { usual, name }))
        }
    };
    let mut config = match settings.client_certificate.as_deref() {
        None => builder.with_no_client_auth(),
        Some(certificate) => builder
            .with_client_auth_cert(certificate.chain.clone(), certificate.key.clone_key())
            .map_err(|error| {
                TlsSettingsError(format!("the client certificate cannot be used: {error}"))
            })?,
    };
    config.enable_sni = settings.use_sni;
    config.alpn_protocols = alpn.names();
    Ok(config)
}

/// The suites that may be used.
fn provider(settings: &TlsSettings) -> Result<CryptoProvider, TlsSettingsError> {
    let provider = rustls::crypto::ring::default_provider();
    match &settings.ciphers {
        Some(ciphers) => ciphers::restricted(provider, ciphers),
        None => Ok(provider),
    }
}

/// What a configuration begins with: suites and versions that go together.
fn builder(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsSettingsError> {
    let builder =
        ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions(settings)?);
    builder.map_err(|error| {
        TlsSettingsError(match &settings.ciphers {
            Some(list) => format!("`{list}` names no cipher suite of a version that is allowed"),
            None => error.to_string(),
        })
    })
}

fn versions(
    settings: &TlsSettings,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsSettingsError> {
    let (min, max) = (settings.min_version, settings.max_version);
    let known = [(TlsVersion::V1_3, &TLS13), (TlsVersion::V1_2, &TLS12)];
    let allowed: Vec<_> = known
        .into_iter()
        .filter(|(version, _)| min.is_none_or(|min| min <= *version))
        .filter(|(version, _)| max.is_none_or(|max| *version <= max))
        .map(|(_, supported)| supported)
        .collect();
    if allowed.is_empty() {
        return Err(TlsSettingsError(
            "no version of TLS is left between the lowest and the highest that may be spoken; this host speaks 1.2 and 1.3"
                .to_owned(),
        ));
    }
    Ok(allowed)
}

fn roots(settings: &TlsSettings) -> Result<RootCertStore, TlsSettingsError> {
    match &settings.authorities {
        Some(authorities) => store(authorities),
        None => system_authorities(),
    }
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
