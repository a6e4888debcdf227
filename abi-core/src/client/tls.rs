//! What an encrypted connection shows about a client.

use bytes::Bytes;

/// What was found out when a client's connection was encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// The ClientHello: a handshake message, without the records it came in (RFC 8446 section 4).
    pub client_hello: Bytes,
    /// The name that the client asked for (RFC 6066 section 3).
    pub server_name: Option<String>,
    /// The version, as `TLSv1.3`.
    pub protocol: String,
    /// The cipher suite, by the name that OpenSSL has for it.
    pub cipher: String,
    /// The JA3 fingerprint of the ClientHello.
    pub ja3_md5: Option<[u8; 16]>,
    /// The JA4 fingerprint of the ClientHello.
    pub ja4: Option<String>,
    /// The client's certificate in PEM.
    pub certificate: Option<String>,
    /// What became of that certificate; `None` when none was asked for.
    pub verify_result: Option<VerifyResult>,
}

/// What became of a client's certificate. witx `client_cert_verify_result`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum VerifyResult {
    /// It is valid.
    Ok = 0,
    /// It is broken, or its signature is not valid.
    BadCertificate = 1,
    /// Its authority has revoked it.
    Revoked = 2,
    /// It is not valid any more, or not yet.
    Expired = 3,
    /// Nobody who is trusted has signed it.
    UnknownAuthority = 4,
    /// The client has sent none.
    Missing = 5,
    /// It is not acceptable for another reason.
    Unknown = 6,
}
