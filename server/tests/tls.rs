//! Backends over TLS, against a server with a certificate of our own.

mod common;

use std::sync::Arc;

use abi_core::http::SendErrorKind;
use common::{Origin, get, response, serve, set, text};
use fastlike::backends::TlsVersion;
use fastlike::{BackendSettings, Manifest};
use http::{Request, Version};
use hyper::body::Incoming;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

/// An authority, and what it has signed.
struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Signed {
    pem: String,
    key_pem: String,
    der: CertificateDer<'static>,
    key_der: PrivateKeyDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Signed {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}

struct Server<'a> {
    authority: &'a Authority,
    name: &'a str,
    alpn: &'a [&'a str],
    asks_for_certificate: bool,
}

impl Server<'_> {
    async fn start(self) -> Origin {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if self.asks_for_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.0.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let signed = self.authority.sign(self.name);
        let mut config = builder
            .with_single_cert(vec![signed.der], signed.key_der)
            .unwrap();
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Origin::raw(move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let name = stream.get_ref().1.server_name().map(str::to_owned);
                    serve(stream, move |request| answer(request, name.clone())).await;
                }
            }
        })
        .await
    }
}

async fn answer(
    request: Request<Incoming>,
    sni: Option<String>,
) -> http::Response<abi_core::body::OutgoingBody> {
    let authority = request.uri().authority().map(ToString::to_string);
    let host = request
        .headers()
        .get("host")
        .map(|host| host.to_str().unwrap().to_owned());
    response(&format!("{:?} {:?}", sni, authority.or(host)))
}

/// The backend that a configuration makes of `origin` and these keys.
fn configured(origin: &Origin, keys: &str) -> BackendSettings {
    let text = format!(
        "[local_server.backends.origin]\nurl = 'https://{}'\n{keys}",
        origin.address
    );
    let manifest = Manifest::parse(&text, std::path::Path::new("fastly.toml")).unwrap();
    manifest.backends[0].1.clone()
}

async fn failure(settings: BackendSettings) -> SendErrorKind {
    let error = get(&set(settings)).await.unwrap_err();
    println!("{error}");
    error.kind
}

fn plain<'a>(authority: &'a Authority, name: &'a str) -> Server<'a> {
    Server {
        authority,
        name,
        alpn: &[],
        asks_for_certificate: false,
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted() {
    let authority = Authority::new();
    let origin = plain(&authority, "127.0.0.1").start().await;
    let keys = format!("ca_certificate = '''{}'''", authority.pem());
    let response = get(&set(configured(&origin, &keys))).await.unwrap();
    assert_eq!(response.head.version, Version::HTTP_11);
    assert_eq!(response.head.backend_address, Some(origin.address));
    // An address is no name to send.
    assert_eq!(text(response.body).await, "None Some(\"localhost\")");
}

#[tokio::test]
async fn http2_is_used_where_the_server_offers_it() {
    let authority = Authority::new();
    let mut server = plain(&authority, "127.0.0.1");
    server.alpn = &["h2", "http/1.1"];
    let origin = server.start().await;
    let keys = format!(
        "override_host = 'example.com'\nca_certificate = [{{ value = '''{}''' }}]",
        authority.pem()
    );
    let backends = set(configured(&origin, &keys));
    for _ in 0..2 {
        let response = get(&backends).await.unwrap();
        assert_eq!(response.head.version, Version::HTTP_2);
        assert_eq!(text(response.body).await, "None Some(\"example.com\")");
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn the_name_in_the_certificate_can_be_another_one() {
    let authority = Authority::new();
    let origin = plain(&authority, "example.com").start().await;
    let ca = format!("ca_certificate = '''{}'''", authority.pem());
    assert_eq!(
        failure(configured(&origin, &ca)).await,
        SendErrorKind::TlsCertificateError
    );
    let keys = format!("cert_host = 'example.com'\n{ca}");
    let response = get(&set(configured(&origin, &keys))).await.unwrap();
    assert_eq!(
        text(response.body).await,
        "Some(\"example.com\") Some(\"localhost\")"
    );
    let response = get(&set(configured(
        &origin,
        &format!("use_sni = false\n{keys}"),
    )))
    .await
    .unwrap();
    assert_eq!(text(response.body).await, "None Some(\"localhost\")");
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_not_trusted() {
    let authority = Authority::new();
    let origin = plain(&authority, "127.0.0.1").start().await;
    let other = format!("ca_certificate = '''{}'''", Authority::new().pem());
    assert_eq!(
        failure(configured(&origin, &other)).await,
        SendErrorKind::TlsCertificateError
    );
    let system = failure(configured(&origin, "")).await;
    // A system without authorities cannot even try.
    assert!(
        [
            SendErrorKind::TlsCertificateError,
            SendErrorKind::TlsConfigurationError
        ]
        .contains(&system)
    );
}

#[tokio::test]
async fn a_server_may_ask_who_is_there() {
    let authority = Authority::new();
    let mut server = plain(&authority, "127.0.0.1");
    server.asks_for_certificate = true;
    let origin = server.start().await;
    let ca = format!("ca_certificate = '''{}'''", authority.pem());
    assert_eq!(
        failure(configured(&origin, &ca)).await,
        SendErrorKind::TlsAlertReceived
    );
    let client = authority.sign("client");
    let keys = format!(
        "{ca}\n[local_server.backends.origin.client_certificate]\ncertificate = '''{}'''\nkey = '''{}'''",
        client.pem, client.key_pem
    );
    assert!(get(&set(configured(&origin, &keys))).await.is_ok());
}

#[tokio::test]
async fn a_key_that_belongs_to_another_certificate_is_an_error() {
    let authority = Authority::new();
    let (client, other) = (authority.sign("client"), authority.sign("other"));
    let text = format!(
        "[local_server.backends.origin]\nurl = 'https://a'\n[local_server.backends.origin.client_certificate]\n\
         certificate = '''{}'''\nkey = '''{}'''",
        client.pem, other.key_pem
    );
    let error = Manifest::parse(&text, std::path::Path::new("fastly.toml")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the client certificate cannot be used"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_tls_breaks_the_protocol() {
    let origin = Origin::raw(async |mut stream, _| {
        common::write(&mut stream, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        common::read_head(&mut stream).await;
    })
    .await;
    let keys = format!("ca_certificate = '''{}'''", Authority::new().pem());
    assert_eq!(
        failure(configured(&origin, &keys)).await,
        SendErrorKind::TlsProtocolError
    );
}

#[tokio::test]
async fn the_name_in_the_handshake_can_differ_from_the_one_in_the_certificate() {
    let authority = Authority::new();
    let origin = plain(&authority, "inner.example").start().await;
    let keys = format!(
        "cert_host = 'inner.example'\nsni_host = 'outer.example'\nca_certificate = '''{}'''",
        authority.pem()
    );
    let response = get(&set(configured(&origin, &keys))).await.unwrap();
    assert!(
        text(response.body)
            .await
            .starts_with("Some(\"outer.example\")")
    );
    let keys = keys.replace("inner", "another");
    assert_eq!(
        failure(configured(&origin, &keys)).await,
        SendErrorKind::TlsCertificateError
    );
}

#[tokio::test]
async fn certificates_need_not_be_checked() {
    let authority = Authority::new();
    let origin = plain(&authority, "elsewhere.example").start().await;
    let settings = configured(&origin, "skip_tls_verify = true");
    assert!(get(&set(settings)).await.is_ok());
}

#[tokio::test]
async fn versions_can_be_chosen_among_those_that_are_safe() {
    let authority = Authority::new();
    let origin = plain(&authority, "127.0.0.1").start().await;
    let ca = format!("ca_certificate = '''{}'''", authority.pem());
    let old = configured(&origin, &format!("tls_max = '1.2'\n{ca}"));
    assert!(get(&set(old)).await.is_ok());
    // What a guest may say as well: a configuration is told at the start.
    let mut too_old = configured(&origin, &ca);
    too_old.tls.max_version = Some(TlsVersion::V1_1);
    assert_eq!(failure(too_old).await, SendErrorKind::TlsConfigurationError);
}
