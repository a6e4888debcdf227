//! OpenSSL's client on an encrypted connection: it says itself what it sends and what it agrees on.
//!
//! What a guest is told is compared with that, and the fingerprints with ones that are computed here, from what another
//! parser reads. Where there is no `openssl`, these cases say so and do nothing.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;

use conformance::cases;
use conformance::context::Context;
use conformance::guests::RAW;
use conformance::host::TestHost;
use fastlike::ServerTls;
use md5::Md5;
use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tls_parser::{
    TlsExtension, TlsExtensionType, TlsMessage, TlsMessageHandshake, parse_tls_message_handshake,
};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::counterparts::find;

cases![
    every_cipher_has_its_openssl_name,
    the_hello_is_what_was_sent,
    fingerprints_are_those_of_another_parser,
    a_client_certificate_is_shown_and_judged,
];

const OPENSSL: &str = "openssl";

/// Whether there is one; says so if there is none.
fn is_there() -> bool {
    find(&[OPENSSL]).is_some()
}

type Certified = CertifiedKey<KeyPair>;

/// A certificate for `localhost`, signed by its own key.
fn certified(signing_key: KeyPair, subject: &str, has_expired: bool) -> Certified {
    let params = CertificateParams::new(vec!["localhost".to_owned()]);
    let mut params = params.expect("this is a name");
    let name = rcgen::DnType::CommonName;
    params.distinguished_name.push(name, subject);
    if has_expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let cert = params.self_signed(&signing_key);
    CertifiedKey {
        cert: cert.expect("a key can sign"),
        signing_key,
    }
}

fn elliptic(subject: &str, has_expired: bool) -> Certified {
    let key = KeyPair::generate().expect("there is randomness for a key");
    certified(key, subject, has_expired)
}

/// A certificate with an RSA key, which only OpenSSL can make here.
async fn rsa(subject: &str) -> Certified {
    let made = Command::new(OPENSSL)
        .args(["genpkey", "-algorithm", "RSA"])
        .args(["-pkeyopt", "rsa_keygen_bits:2048"])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("it was run before");
    let text = String::from_utf8(made.stdout).expect("PEM is text");
    let key = KeyPair::from_pem(&text);
    certified(key.expect("OpenSSL makes keys"), subject, false)
}

async fn serve(cx: &Context, server: &Certified, clients: &[&Certified]) -> TestHost {
    let authorities: String = clients.iter().map(|client| client.cert.pem()).collect();
    let tls = ServerTls::from_pem(
        server.cert.pem().as_bytes(),
        server.signing_key.serialize_pem().as_bytes(),
        (!clients.is_empty()).then_some(authorities.as_bytes()),
    );
    let tls = tls.expect("certificate and key belong together");
    let host = cx.host(RAW).configure(|builder| builder.tls(tls));
    host.start().await
}

/// What the guest was told, by the names of the hostcalls, and the ClientHello as OpenSSL says that it has sent it.
struct Connected {
    told: HashMap<String, String>,
    hello: String,
}

async fn connect(host: &TestHost, options: &[&str]) -> Connected {
    let child = Command::new(OPENSSL)
        .args(["s_client", "-connect", &host.address.to_string()])
        .args(["-ign_eof", "-msg"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.expect("it was run before");
    let mut stdin = child.stdin.take().expect("it is piped");
    let head = "GET /raw/identity HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let sent = stdin.write_all(head.as_bytes()).await;
    sent.expect("OpenSSL reads it");
    let output = child.wait_with_output().await;
    let output = output.expect("the process can be waited for");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("HTTP/1.1 200"), "{options:?}: {output:?}");
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let told = lines
        .filter(|(name, _)| name.starts_with("downstream_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let behind = text
        .lines()
        .skip_while(|line| !line.ends_with(", ClientHello"));
    let digits = behind.skip(1).take_while(|line| line.starts_with("    "));
    let hello = digits.flat_map(|line| line.split_whitespace()).collect();
    Connected { told, hello }
}

async fn every_cipher_has_its_openssl_name(cx: Context) {
    if !is_there() {
        return;
    }
    let host = serve(&cx, &elliptic("server", false), &[]).await;
    for cipher in [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ] {
        let told = connect(&host, &["-tls1_3", "-ciphersuites", cipher])
            .await
            .told;
        assert_eq!(told["downstream_tls_cipher_openssl_name"], cipher);
        assert_eq!(told["downstream_tls_protocol"], "TLSv1.3");
    }
    let older = async |host: &TestHost, kind: &str| {
        for suite in [
            "AES128-GCM-SHA256",
            "AES256-GCM-SHA384",
            "CHACHA20-POLY1305",
        ] {
            let cipher = format!("ECDHE-{kind}-{suite}");
            let told = connect(host, &["-tls1_2", "-cipher", &cipher]).await.told;
            assert_eq!(told["downstream_tls_cipher_openssl_name"], cipher);
            assert_eq!(told["downstream_tls_protocol"], "TLSv1.2");
        }
    };
    older(&host, "ECDSA").await;
    older(&serve(&cx, &rsa("server").await, &[]).await, "RSA").await;
}

/// Options that make hellos of every shape: with and without a name, a protocol, groups and old versions.
const SHAPES: &[&[&str]] = &[
    &["-servername", "localhost", "-alpn", "http/1.1"],
    &["-noservername"],
    &["-servername", "a.example", "-tls1_2"],
    &[
        "-servername",
        "localhost",
        "-tls1_3",
        "-alpn",
        "x-other,http/1.1",
    ],
    &["-noservername", "-tls1_2", "-cipher", "ECDHE+AESGCM"],
    &[
        "-servername",
        "localhost",
        "-groups",
        "P-256:X25519",
        "-sigalgs",
        "ECDSA+SHA256",
    ],
];

async fn the_hello_is_what_was_sent(cx: Context) {
    if !is_there() {
        return;
    }
    let host = serve(&cx, &elliptic("server", false), &[]).await;
    for options in SHAPES {
        let Connected { told, hello } = connect(&host, options).await;
        assert!(hello.len() > 100, "{options:?}: {hello}");
        assert_eq!(told["downstream_tls_client_hello"], hello, "{options:?}");
        let name = match options {
            ["-servername", name, ..] => name,
            _ => "status 10",
        };
        assert_eq!(told["downstream_tls_client_servername"], name);
    }
}

async fn fingerprints_are_those_of_another_parser(cx: Context) {
    if !is_there() {
        return;
    }
    let host = serve(&cx, &elliptic("server", false), &[]).await;
    for options in SHAPES {
        let Connected { told, hello } = connect(&host, options).await;
        let seen = Seen::of(&bytes(&hello));
        assert_eq!(told["downstream_tls_ja3_md5"], seen.ja3(), "{options:?}");
        assert_eq!(told["downstream_tls_ja4"], seen.ja4(), "{options:?}");
    }
}

async fn a_client_certificate_is_shown_and_judged(cx: Context) {
    if !is_there() {
        return;
    }
    let (known, expired) = (elliptic("known", false), elliptic("expired", true));
    let stranger = elliptic("stranger", false);
    let host = serve(&cx, &elliptic("server", false), &[&known, &expired]).await;
    for (client, expected) in [(&known, "0"), (&expired, "3"), (&stranger, "4")] {
        let folder = tempfile::tempdir().expect("there is room for files");
        let certificate = write(&folder, "certificate.pem", &client.cert.pem());
        let key = write(&folder, "key.pem", &client.signing_key.serialize_pem());
        for version in ["-tls1_2", "-tls1_3"] {
            let options = [version, "-cert", &certificate, "-key", &key];
            let told = connect(&host, &options).await.told;
            assert_eq!(told["downstream_tls_client_cert_verify_result"], expected);
            let pem = client.cert.pem().replace("\r\n", "\n").replace('\n', "|");
            assert_eq!(told["downstream_tls_raw_client_certificate"], pem);
        }
    }
    let told = connect(&host, &["-tls1_3"]).await.told;
    assert_eq!(told["downstream_tls_client_cert_verify_result"], "5");
    assert_eq!(told["downstream_tls_raw_client_certificate"], "status 10");
}

fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a folder can be written to");
    as_text(&path)
}

fn as_text(path: &Path) -> String {
    path.to_str()
        .expect("folders for tests are text")
        .to_owned()
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().collect();
    let digit = |digit: char| digit.to_digit(16).expect("OpenSSL writes digits");
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| (digit(pair[0]) << 4 | digit(pair[1])) as u8)
        .collect()
}

/// A ClientHello as `tls-parser` reads it.
struct Seen {
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    groups: Vec<u16>,
    formats: Vec<u8>,
    algorithms: Vec<u16>,
    newest: Option<u16>,
    protocol: Option<String>,
}

impl Seen {
    fn of(message: &[u8]) -> Self {
        let (rest, message) = parse_tls_message_handshake(message).expect("it is a handshake");
        assert!(rest.is_empty());
        let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) = message else {
            panic!("{message:?}");
        };
        let extensions = hello.ext.expect("OpenSSL has extensions");
        let (rest, extensions) =
            tls_parser::parse_tls_client_hello_extensions(extensions).expect("they are whole");
        assert!(rest.is_empty());
        let mut seen = Self {
            version: hello.version.0,
            ciphers: hello.ciphers.iter().map(|cipher| cipher.0).collect(),
            extensions: extensions
                .iter()
                .map(|extension| TlsExtensionType::from(extension).0)
                .collect(),
            groups: Vec::new(),
            formats: Vec::new(),
            algorithms: Vec::new(),
            newest: None,
            protocol: None,
        };
        for extension in extensions {
            match extension {
                TlsExtension::EllipticCurves(groups) => {
                    seen.groups = groups.iter().map(|group| group.0).collect();
                }
                TlsExtension::EcPointFormats(formats) => seen.formats = formats.to_vec(),
                TlsExtension::SignatureAlgorithms(algorithms) => seen.algorithms = algorithms,
                TlsExtension::SupportedVersions(versions) => {
                    seen.newest = versions.iter().map(|version| version.0).max();
                }
                TlsExtension::ALPN(protocols) => {
                    let first = protocols.first().map(|name| String::from_utf8_lossy(name));
                    seen.protocol = first.map(|name| name.into_owned());
                }
                _ => {}
            }
        }
        seen
    }

    /// By <https://github.com/salesforce/ja3>; OpenSSL has no GREASE.
    fn ja3(&self) -> String {
        fn list<T: ToString>(numbers: &[T]) -> String {
            let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
            numbers.join("-")
        }
        let parts = [
            self.version.to_string(),
            list(&self.ciphers),
            list(&self.extensions),
            list(&self.groups),
            list(&self.formats),
        ];
        hex(&<Md5 as md5::Digest>::digest(parts.join(",")))
    }

    /// By <https://github.com/FoxIO-LLC/ja4>.
    fn ja4(&self) -> String {
        let version = match self.newest.unwrap_or(self.version) {
            0x0304 => "13",
            0x0303 => "12",
            other => panic!("{other:04x}"),
        };
        let name = if self.extensions.contains(&0) {
            "d"
        } else {
            "i"
        };
        let protocol = self.protocol.as_ref().map_or("00".to_owned(), |name| {
            let ends = [name.chars().next(), name.chars().last()];
            ends.into_iter().flatten().collect()
        });
        let hashed = |text: String| hex(&Sha256::digest(text))[..12].to_owned();
        let words = |numbers: &[u16]| {
            let words: Vec<_> = numbers
                .iter()
                .map(|number| format!("{number:04x}"))
                .collect();
            words.join(",")
        };
        let sorted = |numbers: &[u16], left_out: &[u16]| {
            let mut numbers = numbers.to_vec();
            numbers.retain(|number| !left_out.contains(number));
            numbers.sort_unstable();
            words(&numbers)
        };
        format!(
            "t{version}{name}{:02}{:02}{protocol}_{}_{}",
            self.ciphers.len(),
            self.extensions.len(),
            hashed(sorted(&self.ciphers, &[])),
            hashed(format!(
                "{}_{}",
                sorted(&self.extensions, &[0, 16]),
                words(&self.algorithms)
            ))
        )
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
