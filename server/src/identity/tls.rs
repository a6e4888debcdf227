//! What a TLS connection shows about its client.

use abi_core::client::{ClientTls, VerifyResult};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, CipherSuite, Error, ProtocolVersion, ServerConnection};

use super::fingerprints::{ja3, ja4};
use super::hello::{self, Hello};

/// What a connection shows whose handshake is done. `beginning` is what was read from it first.
pub(crate) fn shown(
    connection: &ServerConnection,
    beginning: &[u8],
    verify_result: Option<VerifyResult>,
) -> ClientTls {
    let message = hello::message(beginning).unwrap_or_default();
    let hello = Hello::parse(&message);
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    ClientTls {
        server_name: connection.server_name().map(str::to_owned),
        protocol: connection
            .protocol_version()
            .map_or("", protocol)
            .to_owned(),
        cipher: connection
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| openssl_name(suite.suite())),
        ja3_md5: hello.as_ref().map(ja3),
        ja4: hello.as_ref().map(ja4),
        certificate: certificate.map(pem),
        verify_result,
        client_hello: message,
    }
}

fn protocol(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        // This host speaks no others.
        _ => "",
    }
}

/// OpenSSL has names of its own for the suites before TLS 1.3.
fn openssl_name(suite: CipherSuite) -> String {
    let name = match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => return other.as_str().unwrap_or_default().to_owned(),
    };
    name.to_owned()
}

/// The textual form of RFC 7468.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so that every position is between characters.
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// What a guest is told about a certificate that was judged like this.
pub(crate) fn verify_result(error: &Error) -> VerifyResult {
    match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => VerifyResult::Expired,
            CertificateError::Revoked => VerifyResult::Revoked,
            CertificateError::UnknownIssuer => VerifyResult::UnknownAuthority,
            CertificateError::BadEncoding | CertificateError::BadSignature => {
                VerifyResult::BadCertificate
            }
            _ => VerifyResult::Unknown,
        },
        _ => VerifyResult::Unknown,
    }
}
