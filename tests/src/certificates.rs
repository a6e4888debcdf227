//! Certificates that are made on the spot, and files to give them to programs.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use tempfile::TempDir;

/// An authority that only tests trust.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both PEM.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The certificate.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// When there is no randomness for a key.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let params = CertificateParams::new(Vec::new());
        let mut params = params.expect("no name is no wrong one");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is randomness for a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a key can sign"))
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate for a host, which is also what it is called.
    ///
    /// # Panics
    ///
    /// When `host` is no name of a host.
    #[must_use]
    pub fn sign(&self, host: &str) -> Signed {
        let key = KeyPair::generate().expect("there is randomness for a key");
        let params = CertificateParams::new([host.to_owned()]);
        let mut params = params.expect("this is a name");
        params.distinguished_name.push(DnType::CommonName, host);
        let certificate = params.signed_by(&key, &self.0);
        Signed {
            chain: certificate.expect("a key can sign").pem(),
            key: key.serialize_pem(),
        }
    }

    /// Its own certificate, for settings.
    #[must_use]
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// For rustls: a client that trusts it, and that speaks what the server likes.
    ///
    /// # Panics
    ///
    /// Never: the versions are those of the library.
    #[must_use]
    pub fn client(&self) -> rustls::ClientConfig {
        let provider = rustls::crypto::ring::default_provider().into();
        rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks these versions")
            .with_root_certificates(self.roots())
            .with_no_client_auth()
    }

    /// For rustls: whom clients trust.
    ///
    /// # Panics
    ///
    /// Never: this made the certificate itself.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.0.der().clone())
            .expect("an authority can be trusted");
        roots
    }
}

impl Signed {
    /// For rustls: a server with this certificate that speaks `protocols` (ALPN).
    ///
    /// # Panics
    ///
    /// Never: the certificate was made here.
    #[must_use]
    pub fn server(&self, protocols: &[&str]) -> rustls::ServerConfig {
        self.server_of(server_builder().with_no_client_auth(), protocols)
    }

    /// A server with this certificate that speaks with nobody but those who show one of `clients`.
    ///
    /// # Panics
    ///
    /// Never: all of this was made here.
    #[must_use]
    pub fn server_for(&self, clients: &Authority, protocols: &[&str]) -> rustls::ServerConfig {
        let provider = rustls::crypto::ring::default_provider().into();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(clients.roots()), provider);
        let verifier = verifier.build().expect("there is an authority");
        let builder = server_builder().with_client_cert_verifier(verifier);
        self.server_of(builder, protocols)
    }

    fn server_of(
        &self,
        builder: rustls::ConfigBuilder<rustls::ServerConfig, WantsServerCert>,
        protocols: &[&str],
    ) -> rustls::ServerConfig {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        let mut config = builder
            .with_single_cert(
                chain.expect("these are certificates"),
                key.expect("this is a key"),
            )
            .expect("certificate and key belong together");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        config
    }
}

fn server_builder() -> rustls::ConfigBuilder<rustls::ServerConfig, rustls::WantsVerifier> {
    let provider = rustls::crypto::ring::default_provider().into();
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider speaks these versions")
}

/// Files in a folder of their own, which go when this is dropped.
#[derive(Debug)]
pub struct Files(TempDir);

impl Files {
    /// Writes them.
    ///
    /// # Panics
    ///
    /// When there is no room for files.
    #[must_use]
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for files");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a folder can be written to");
        }
        Self(folder)
    }

    /// Where one of them is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
