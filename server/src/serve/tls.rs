//! TLS between clients and this host.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use abi_core::client::{ClientTls, VerifyResult};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::noted::{NoteRead, NotedStream};
use crate::identity::{HELLO_BYTES_MAX, shown, verify_result};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// With what this host speaks TLS to its clients. Clones share it.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// Judges the certificates of clients; `None` when they are not asked for one.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// Certificates and keys that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTlsError(String);

impl fmt::Display for ServerTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServerTlsError {}

impl ServerTls {
    /// A certificate chain and its key, both PEM. Clients are asked for a certificate when `client_authorities`, PEM
    /// too, are given: what becomes of it is for the guest to see, and no reason to refuse the connection.
    ///
    /// # Errors
    ///
    /// [`ServerTlsError`] when one of them is none, or certificate and key do not belong together.
    pub fn from_pem(
        chain: &[u8],
        key: &[u8],
        client_authorities: Option<&[u8]>,
    ) -> Result<Self, ServerTlsError> {
        let authorities = client_authorities.map(|pem| certificates(pem, "client CA"));
        Self::new(chain, key, authorities.transpose()?)
    }

    /// A certificate that this host makes for itself: for `localhost`, and the loopback addresses.
    ///
    /// # Errors
    ///
    /// [`ServerTlsError`] when there is no randomness for a key, or an authority is none.
    pub fn self_signed(client_authorities: Option<&[u8]>) -> Result<Self, ServerTlsError> {
        let authorities = client_authorities.map(|pem| certificates(pem, "client CA"));
        Self::new_self_signed(authorities.transpose()?)
    }

    /// [`self_signed`](Self::self_signed), for authorities that were read already.
    pub(crate) fn new_self_signed(
        authorities: Option<Vec<CertificateDer<'static>>>,
    ) -> Result<Self, ServerTlsError> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| {
            ServerTlsError(format!("a certificate cannot be made here: {error}"))
        })?;
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Self::new(chain.as_bytes(), key.as_bytes(), authorities)
    }

    /// [`from_pem`](Self::from_pem), for authorities that were read already.
    pub(crate) fn new(
        chain: &[u8],
        key: &[u8],
        authorities: Option<Vec<CertificateDer<'static>>>,
    ) -> Result<Self, ServerTlsError> {
        let chain = certificates(chain, "certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            ServerTlsError(format!("there is no PEM private key in the key: {error}"))
        })?;
        let provider = Arc::new(ring::default_provider());
        let clients = match authorities {
            Some(authorities) => Some(verifier(authorities, provider.clone())?),
            None => None,
        };
        let unusable = |error: Error| {
            ServerTlsError(format!(
                "certificate and key cannot be used together: {error}; the key has to be the one \
                 that the first certificate was made for"
            ))
        };
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &clients {
            Some(verifier) => builder.with_client_cert_verifier(Arc::new(Anyone(verifier.clone()))),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            clients,
        })
    }

    /// Makes a connection an encrypted one, and says what it shows about its client.
    pub(super) async fn accept<S>(
        &self,
        stream: S,
    ) -> io::Result<(TlsStream<NotedStream<S, Beginning>>, ClientTls)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.config.clone());
        let stream = NotedStream::new(stream, Beginning(Some(Vec::new())));
        let accepting = acceptor.accept(stream);
        let mut stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, accepting).await??;
        let (noted, connection) = stream.get_mut();
        let beginning = noted.notes().0.take().unwrap_or_default();
        let tls = shown(connection, &beginning, self.judge(connection));
        Ok((stream, tls))
    }

    fn judge(&self, connection: &rustls::ServerConnection) -> Option<VerifyResult> {
        let verifier = self.clients.as_ref()?;
        let chain = connection.peer_certificates().unwrap_or_default();
        let Some((certificate, intermediates)) = chain.split_first() else {
            return Some(VerifyResult::Missing);
        };
        let judged = verifier.verify_client_cert(certificate, intermediates, UnixTime::now());
        Some(match judged {
            Ok(_) => VerifyResult::Ok,
            Err(error) => verify_result(&error),
        })
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("asks_clients", &self.clients.is_some())
            .finish_non_exhaustive()
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, ServerTlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(ServerTlsError(format!(
            "there is no PEM certificate in the {what}"
        ))),
        Err(error) => Err(ServerTlsError(format!(
            "the {what} is not valid PEM: {error}"
        ))),
    }
}

fn verifier(
    authorities: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ServerTlsError> {
    let unusable = |error: String| ServerTlsError(format!("the client CA cannot be used: {error}"));
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots
            .add(authority)
            .map_err(|error| unusable(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(error.to_string()))
}

/// Takes any client's certificate, if the client has its key.
#[derive(Debug)]
struct Anyone(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The beginning of a connection, kept until it is taken.
pub(super) struct Beginning(Option<Vec<u8>>);

impl NoteRead for Beginning {
    fn note_read(&mut self, read: &[u8]) {
        if let Some(beginning) = &mut self.0 {
            let room = HELLO_BYTES_MAX.saturating_sub(beginning.len());
            beginning.extend_from_slice(&read[..read.len().min(room)]);
        }
    }
}
