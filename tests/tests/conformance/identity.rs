//! Who the client is: what is claimed about it, and what its connection shows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use conformance::cases;
use conformance::client::{Answer, Client, Content, request};
use conformance::context::Context;
use conformance::guests::RAW;
use conformance::host::TestHost;
use fastlike::ServerTls;
use http::Request;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::TlsConnector;

cases![
    claims_of_a_manifest,
    every_flag_of_a_vpn_is_its_own,
    claims_by_user_agent,
    addresses_of_a_trusted_header,
    keys_that_are_valid,
    a_request_may_be_called_secure,
    a_bot_by_its_own_account,
    a_tls_connection_shows_its_client,
    a_certificate_is_judged_and_never_refused,
    the_earlier_calls_say_the_same,
    a_listener_of_a_manifest,
    one_port_is_for_both,
    curl_over_tls,
    a_handshake_that_fails_hurts_nobody,
];

/// What the guest was told, by the names of the hostcalls.
fn told(answer: &Answer) -> HashMap<String, String> {
    let text = answer.ok_text();
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn ask(host: &TestHost, headers: &[(&str, &str)]) -> HashMap<String, String> {
    let mut request: Request<Content> = request("GET", "/raw/identity", "");
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("this is a header's name");
        let value = value.parse().expect("this is a header's value");
        request.headers_mut().insert(name, value);
    }
    told(&Client::http1().fetch(host.address, request).await)
}

async fn with_manifest(cx: &Context, manifest: &str) -> TestHost {
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = folder.path().join("fastly.toml");
    std::fs::write(&file, manifest).expect("a folder can be written to");
    cx.host(RAW)
        .configure(|builder| builder.config(&file))
        .start()
        .await
}

async fn claims_of_a_manifest(cx: Context) {
    let host = with_manifest(
        &cx,
        r#"
        [local_server.client]
        ip = "203.0.113.7"
        server_ip = "2001:db8::1"
        ddos_detected = true
        compliance_region = "us"
        visits_this_service = 3
        visits_this_pop = 4
        bot = { name = "a", category = "ai-crawler", verified = true }
        vpn = { anonymous = true, tor_exit_node = true, service_name = "v" }
        inspect = { verdict = "block", status = 406, tags = ["XSS"] }
        "#,
    )
    .await;
    let told = ask(&host, &[]).await;
    for (name, value) in [
        ("downstream_client_ip_addr", "cb007107"),
        (
            "downstream_server_ip_addr",
            "20010db8000000000000000000000001",
        ),
        ("downstream_client_ddos_detected", "1"),
        ("downstream_compliance_region", "us"),
        ("downstream_visits_this_service", "3"),
        ("downstream_visits_this_pop", "4"),
        ("downstream_bot_analyzed", "1"),
        ("downstream_bot_detected", "1"),
        ("downstream_bot_name", "a"),
        ("downstream_bot_category", "ai-crawler"),
        ("downstream_bot_category_kind", "3"),
        ("downstream_bot_verified", "1"),
        ("downstream_resvpnproxy_is_anonymous", "1"),
        ("downstream_resvpnproxy_is_tor_exit_node", "1"),
        ("downstream_resvpnproxy_is_relay_proxy", "0"),
        ("downstream_resvpnproxy_vpn_service_name", "v"),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    let verdict = &told["inspect"];
    assert!(verdict.contains(r#""verdict":"block""#), "{verdict}");
    assert!(verdict.contains(r#""tags":["XSS"]"#), "{verdict}");
}

async fn every_flag_of_a_vpn_is_its_own(cx: Context) {
    let flags = [
        "anonymous",
        "anonymous_vpn",
        "hosting_provider",
        "proxy_over_vpn",
        "public_proxy",
        "relay_proxy",
        "residential_proxy",
        "smart_dns_proxy",
        "tor_exit_node",
        "vpn_datacenter",
    ];
    for claimed in flags {
        let manifest = format!("[local_server.client]\nvpn = {{ {claimed} = true }}");
        let told = ask(&with_manifest(&cx, &manifest).await, &[]).await;
        for flag in flags {
            let name = format!("downstream_resvpnproxy_is_{flag}");
            let expected = if flag == claimed { "1" } else { "0" };
            assert_eq!(told[&name], expected, "{flag} where {claimed} is claimed");
        }
    }
}

async fn claims_by_user_agent(cx: Context) {
    let host = with_manifest(
        &cx,
        r#"
        [local_server.client]
        compliance_region = "us"
        [[local_server.client.user_agents]]
        contains = "Spider"
        bot = { name = "Spider" }
        "#,
    )
    .await;
    let spider = ask(&host, &[("user-agent", "Spider/1.0")]).await;
    assert_eq!(spider["downstream_bot_name"], "Spider");
    assert_eq!(spider["downstream_compliance_region"], "us");
    let browser = ask(&host, &[("user-agent", "Browser/1.0")]).await;
    assert_eq!(browser["downstream_bot_analyzed"], "0");
    assert_eq!(browser["downstream_compliance_region"], "us");
}

async fn addresses_of_a_trusted_header(cx: Context) {
    let manifest = "[local_server.client]\nip_header = 'x-forwarded-for'";
    let host = with_manifest(&cx, manifest).await;
    for (value, expected) in [
        ("192.0.2.1", "c0000201"),
        ("192.0.2.1, 10.0.0.1", "c0000201"),
        ("somebody", "7f000001"),
    ] {
        let told = ask(&host, &[("x-forwarded-for", value)]).await;
        assert_eq!(told["downstream_client_ip_addr"], expected, "{value}");
    }
}

async fn keys_that_are_valid(cx: Context) {
    let manifest = "[local_server]\nfake_valid_fastly_keys = ['one', 'two']";
    let host = with_manifest(&cx, manifest).await;
    for (key, expected) in [("one", "1"), ("two", "1"), ("three", "0")] {
        let told = ask(&host, &[("fastly-key", key)]).await;
        assert_eq!(told["fastly_key_is_valid"], expected, "{key}");
    }
    assert_eq!(ask(&host, &[]).await["fastly_key_is_valid"], "0");
}

/// The embedder knows better than the connection.
async fn a_request_may_be_called_secure(cx: Context) {
    let host = cx
        .host(conformance::guests::ROUTES)
        .configure(|builder| {
            builder.secure_when(|request| request.headers.contains_key("x-secure"))
        })
        .start()
        .await;
    let mut request: Request<Content> = request("GET", "/echo", "");
    let name = http::HeaderName::from_static("x-secure");
    request
        .headers_mut()
        .insert(name, http::HeaderValue::from_static("1"));
    let answer = Client::http1().fetch(host.address, request).await;
    assert!(answer.header("x-url").starts_with("https://"));
    assert_eq!(answer.header("echo-fastly-ssl"), "1");
    let answer = host.get("/echo").await;
    assert!(answer.header("x-url").starts_with("http://"));
    assert_eq!(answer.header("echo-fastly-ssl"), "");
    // The client is not the one to say so.
    let mut request: Request<Content> = conformance::client::request("GET", "/echo", "");
    let name = http::HeaderName::from_static("fastly-ssl");
    request
        .headers_mut()
        .insert(name, http::HeaderValue::from_static("1"));
    let answer = Client::http1().fetch(host.address, request).await;
    assert!(answer.header("x-url").starts_with("http://"));
    assert_eq!(answer.header("echo-fastly-ssl"), "");
}

async fn a_bot_by_its_own_account(cx: Context) {
    let host = cx.host(RAW).start().await;
    let told = ask(
        &host,
        &[
            ("x-fastly-bot-analyzed", "true"),
            ("x-fastly-bot-name", "a"),
            ("x-fastly-bot-category", "headless"),
        ],
    )
    .await;
    assert_eq!(told["downstream_bot_analyzed"], "1");
    assert_eq!(told["downstream_bot_detected"], "0");
    assert_eq!(told["downstream_bot_category_kind"], "14");
    assert_eq!(told["downstream_bot_verified"], "status 10");
}

type Certified = rcgen::CertifiedKey<rcgen::KeyPair>;

/// A certificate for `localhost`, signed by nobody but itself.
fn certified(subject: &str) -> Certified {
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]);
    let mut params = params.expect("this is a name");
    let name = rcgen::DnType::CommonName;
    params.distinguished_name.push(name, subject);
    let signing_key = rcgen::KeyPair::generate().expect("there is randomness for a key");
    let cert = params.self_signed(&signing_key);
    rcgen::CertifiedKey {
        cert: cert.expect("a key can sign"),
        signing_key,
    }
}

fn key_of(certified: &Certified) -> PrivateKeyDer<'static> {
    let key = certified.signing_key.serialize_der();
    PrivateKeyDer::try_from(key).expect("a key that was made is one")
}

/// A host with the certificate, which asks clients for one by `client`.
async fn encrypted(cx: &Context, server: &Certified, client: Option<&Certified>) -> TestHost {
    let authority = client.map(|client| client.cert.pem());
    let tls = ServerTls::from_pem(
        server.cert.pem().as_bytes(),
        server.signing_key.serialize_pem().as_bytes(),
        authority.as_deref().map(str::as_bytes),
    );
    let tls = tls.expect("certificate and key belong together");
    cx.host(RAW)
        .configure(|builder| builder.tls(tls))
        .start()
        .await
}

/// What a guest is told about a client that trusts `server`, and has a certificate or none.
async fn told_over_tls(
    address: SocketAddr,
    server: &Certified,
    client: Option<&Certified>,
) -> HashMap<String, String> {
    told_at("/raw/identity", address, server, client).await
}

async fn told_at(
    path: &str,
    address: SocketAddr,
    server: &Certified,
    client: Option<&Certified>,
) -> HashMap<String, String> {
    let mut roots = RootCertStore::empty();
    let added = roots.add(server.cert.der().clone());
    added.expect("a certificate that was made is one");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are versions")
        .with_root_certificates(roots);
    let config = match client {
        Some(client) => {
            let chain: Vec<CertificateDer<'static>> = vec![client.cert.der().clone()];
            builder
                .with_client_auth_cert(chain, key_of(client))
                .expect("certificate and key belong together")
        }
        None => builder.with_no_client_auth(),
    };
    let stream = TcpStream::connect(address).await.expect("a host listens");
    let name = ServerName::try_from("localhost").expect("this is a name");
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector
        .connect(name, stream)
        .await
        .expect("it is trusted");
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let sent = stream.write_all(head.as_bytes()).await;
    sent.expect("the host reads");
    let mut answer = Vec::new();
    // A host that closes without saying so first has answered all the same.
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn a_tls_connection_shows_its_client(cx: Context) {
    let server = certified("server");
    let host = encrypted(&cx, &server, None).await;
    let told = told_over_tls(host.address, &server, None).await;
    assert_eq!(told["downstream_tls_protocol"], "TLSv1.3");
    let cipher = &told["downstream_tls_cipher_openssl_name"];
    assert!(cipher.starts_with("TLS_"), "{cipher}");
    assert_eq!(told["downstream_tls_client_servername"], "localhost");
    let hello = &told["downstream_tls_client_hello"];
    assert!(hello.starts_with("0100") && hello.len() > 200, "{hello}");
    assert_eq!(told["downstream_tls_ja3_md5"].len(), 32);
    let ja4 = &told["downstream_tls_ja4"];
    assert!(ja4.starts_with("t13d") && ja4.len() == 36, "{ja4}");
    let none = "status 10";
    assert_eq!(told["downstream_tls_raw_client_certificate"], none);
    assert_eq!(told["downstream_tls_client_cert_verify_result"], none);
    assert_eq!(told["downstream_client_ip_addr"], "7f000001");
}

async fn a_certificate_is_judged_and_never_refused(cx: Context) {
    let (server, known) = (certified("server"), certified("known"));
    let (stranger, pretender) = (certified("stranger"), certified("known"));
    let host = encrypted(&cx, &server, Some(&known)).await;
    for (client, expected) in [
        (Some(&known), "0"),
        (Some(&pretender), "1"),
        (Some(&stranger), "4"),
        (None, "5"),
    ] {
        let told = told_over_tls(host.address, &server, client).await;
        assert_eq!(told["downstream_tls_client_cert_verify_result"], expected);
        let certificate = &told["downstream_tls_raw_client_certificate"];
        match client {
            Some(client) => {
                let pem = client.cert.pem().replace("\r\n", "\n").replace('\n', "|");
                assert_eq!(certificate, &pem);
            }
            None => assert_eq!(certificate, "status 10"),
        }
    }
}

/// Of the calls that `fastly_http_req` has, too. The two are asked on connections of their own.
async fn the_earlier_calls_say_the_same(cx: Context) {
    let (server, known) = (certified("server"), certified("known"));
    let host = encrypted(&cx, &server, Some(&known)).await;
    let mut now = told_over_tls(host.address, &server, Some(&known)).await;
    let path = "/raw/identity-earlier";
    let earlier = told_at(path, host.address, &server, Some(&known)).await;
    let differs = [
        "downstream_client_request_id",
        "downstream_tls_client_hello",
        // The client has its extensions in another order each time.
        "downstream_tls_ja3_md5",
    ];
    let mut count = 0;
    let is_asked = |name: &str| name.starts_with("downstream_") || name.starts_with("fastly_");
    for (name, value) in earlier.into_iter().filter(|(name, _)| is_asked(name)) {
        let expected = now.remove(&name).expect("both have it");
        if differs.contains(&name.as_str()) {
            assert_eq!(value.is_empty(), expected.is_empty());
        } else {
            assert_eq!(value, expected, "{name}");
            count += 1;
        }
    }
    assert_eq!(count, 11);
    assert_eq!(
        now["downstream_bot_analyzed"], "0",
        "only the newer ones have it"
    );
}

async fn a_listener_of_a_manifest(cx: Context) {
    let (server, known) = (certified("server"), certified("known"));
    let manifest = format!(
        "[local_server.tls]\ncertificate = '''{}'''\nkey = '''{}'''\nclient_ca_certificate = '''{}'''",
        server.cert.pem(),
        server.signing_key.serialize_pem(),
        known.cert.pem(),
    );
    let host = with_manifest(&cx, &manifest).await;
    for (client, expected) in [(Some(&known), "0"), (None, "5")] {
        let told = told_over_tls(host.address, &server, client).await;
        assert_eq!(told["downstream_tls_client_cert_verify_result"], expected);
    }
}

async fn one_port_is_for_both(cx: Context) {
    let server = certified("server");
    let host = encrypted(&cx, &server, None).await;
    let plain = ask(&host, &[]).await;
    assert_eq!(plain["downstream_tls_protocol"], "status 10");
    let secret = told_over_tls(host.address, &server, None).await;
    assert_eq!(secret["downstream_tls_protocol"], "TLSv1.3");
}

async fn curl_over_tls(cx: Context) {
    let server = certified("server");
    let host = encrypted(&cx, &server, None).await;
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, server.cert.pem()).expect("a folder can be written to");
    for (options, protocol, version) in [
        (&["--http2"][..], "h2", "TLSv1.3"),
        (&["--http1.1"], "h1", "TLSv1.3"),
        (&["--http1.1", "--tls-max", "1.2"], "h1", "TLSv1.2"),
    ] {
        let curl = Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--cacert"])
            .arg(&file)
            .arg("--connect-to")
            .arg(format!("localhost:443:{}", host.address))
            .args(options)
            .arg("https://localhost/raw/identity")
            .output()
            .await;
        let output = match curl {
            Ok(output) => output,
            Err(error) => return println!("left out: curl cannot be run here: {error}"),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let line = format!("downstream_tls_protocol: {version}");
        assert!(text.contains(&line), "{text}");
        assert!(
            text.contains("downstream_tls_client_servername: localhost"),
            "{text}"
        );
        let ja4 = text
            .lines()
            .find_map(|line| line.strip_prefix("downstream_tls_ja4: "));
        let ja4 = ja4.expect("it has a fingerprint");
        assert_eq!(&ja4[8..10], protocol, "{ja4}");
    }
}

async fn a_handshake_that_fails_hurts_nobody(cx: Context) {
    let server = certified("server");
    let host = encrypted(&cx, &server, None).await;
    for beginning in [
        &b"\x16"[..],
        b"\x16\x03\x01\0\x05hello",
        b"\x16\xff\xff\xff\xff",
    ] {
        let mut stream = TcpStream::connect(host.address).await.expect("it listens");
        let sent = stream.write_all(beginning).await;
        sent.expect("the host reads");
        let ended = stream.shutdown().await;
        ended.expect("the connection is open");
        let mut answer = Vec::new();
        // An alert, or nothing.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"));
    }
    let told = told_over_tls(host.address, &server, None).await;
    assert_eq!(told["downstream_tls_protocol"], "TLSv1.3");
}
