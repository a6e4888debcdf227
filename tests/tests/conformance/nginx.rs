//! Backends behind an nginx, which tells what it sees of each connection. Where there is no nginx, the cases say so and
//! do nothing.

use conformance::cases;
use conformance::certificates::{Authority, Files, Signed};
use conformance::client::Answer;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::{HostSetup, TestHost};
use conformance::nginx::{Nginx, Seen, Setup};
use fastlike::{Dictionary, SecretItems};

cases![
    names_of_the_handshake_and_of_the_certificate,
    a_certificate_is_refused_for_what_is_wrong_with_it,
    versions_and_ciphers_are_those_that_were_asked_for,
    a_server_that_speaks_nothing_in_common_sends_an_alert,
    a_client_certificate_opens_the_door,
    a_guest_shows_a_certificate_with_a_key_from_a_secret,
    connections_are_kept_as_a_backend_says,
    connections_of_a_guests_backend_are_kept_as_it_says,
    a_server_may_close_what_it_has_served,
    connections_belong_to_whoever_is_the_same,
    health_is_asked_for,
];

/// The name in the certificate, which is not where the backend is.
const NAME: &str = "origin.example";

/// Another name for the handshake.
const SENT: &str = "sent.example";

/// What nginx speaks by itself depends on its version.
const VERSIONS: &str = "ssl_protocols TLSv1.2 TLSv1.3;";

/// An nginx with a certificate for [`NAME`], and who signed it.
struct Encrypted {
    nginx: Nginx,
    files: Files,
    authority: Authority,
}

impl Encrypted {
    fn start(directives: &str) -> Option<Self> {
        let authority = Authority::new("servers");
        let signed = authority.sign(NAME);
        let nginx = Setup {
            tls: Some(&signed),
            clients: None,
            directives,
        };
        Some(Self::with(nginx.start()?, authority, &[]))
    }

    /// The same nginx with files for a configuration, `ca.pem` among them.
    fn with(nginx: Nginx, authority: Authority, files: &[(&str, &str)]) -> Self {
        let pem = authority.pem();
        let files = [&[("ca.pem", pem.as_str())], files].concat();
        Self {
            nginx,
            files: Files::new(&files),
            authority,
        }
    }

    /// A host with the backend `origin`, of which `keys` say more, among the other tables of `more`.
    async fn host(&self, cx: &Context, keys: &str, more: &str) -> TestHost {
        let url = format!("https://{}", self.nginx.address);
        let text = format!("[local_server.backends.origin]\nurl = '{url}'\n{keys}\n{more}\n");
        let file = self.files.path("fastly.toml");
        std::fs::write(&file, text).expect("the folder can be written to");
        let host = cx.host(ROUTES).configure(|builder| builder.config(file));
        host.start().await
    }

    /// A host without backends, whose guests find certificates and keys.
    async fn stores(&self, cx: &Context, clients: &[(&str, &Signed)]) -> TestHost {
        let mut certificates = vec![("ca".to_owned(), self.authority.pem())];
        let mut keys = SecretItems::new();
        for (name, signed) in clients {
            certificates.push(((*name).to_owned(), signed.chain.clone()));
            keys.insert(name, signed.key.clone())
                .expect("this is a name");
        }
        let certificates = Dictionary::of_items(certificates).expect("these are valid items");
        let host = cx.host(ROUTES).configure(|builder| {
            builder
                .dictionary("certificates", certificates)
                .secret_store("keys", keys)
        });
        host.start().await
    }

    /// What a guest gets from a backend that it defines so.
    async fn dynamic(&self, host: &TestHost, options: &str) -> Answer {
        let target = self.nginx.address;
        host.get(&format!("/dynamic/?target={target}&ca=ca&{options}"))
            .await
    }
}

/// What nginx has seen of the one request that was passed on.
#[track_caller]
fn seen(answer: &Answer) -> Seen {
    let mut seen = Seen::all(&answer.ok_text());
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0)
}

/// The guest was told that the request failed so.
#[track_caller]
fn failed(answer: &Answer, told: &str) {
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains(told), "{told}: {}", answer.text());
}

const TRUSTED: &str = "ca_certificate = { file = 'ca.pem' }";

async fn names_of_the_handshake_and_of_the_certificate(cx: Context) {
    let Some(server) = Encrypted::start(VERSIONS) else {
        return;
    };
    let other_sni = format!("cert_host = '{NAME}'\nsni_host = '{SENT}'\n{TRUSTED}");
    let no_sni = format!("cert_host = '{NAME}'\nuse_sni = false\n{TRUSTED}");
    let same = format!("cert_host = '{NAME}'\noverride_host = 'host.example'\n{TRUSTED}");
    for (keys, sni, host_seen) in [
        (&same, NAME, "host.example"),
        (&other_sni, SENT, "127.0.0.1"),
        (&no_sni, "", "127.0.0.1"),
    ] {
        let host = server.host(&cx, keys, "").await;
        let seen = seen(&host.get("/proxy/origin/").await);
        assert_eq!((seen.get("sni"), seen.get("host")), (sni, host_seen));
        // Both ends can speak it.
        assert_eq!((seen.get("http"), seen.get("tls")), ("HTTP/2.0", "TLSv1.3"));
        assert_eq!(seen.get("client"), "NONE");
    }
    let host = server.stores(&cx, &[]).await;
    let options = format!("cert_host={NAME}&sni={SENT}&override_host=host.example");
    let seen = seen(&server.dynamic(&host, &options).await);
    assert_eq!((seen.get("sni"), seen.get("host")), (SENT, "host.example"));
}

async fn a_certificate_is_refused_for_what_is_wrong_with_it(cx: Context) {
    let Some(server) = Encrypted::start(VERSIONS) else {
        return;
    };
    let stranger = Authority::new("stranger").pem();
    for keys in [
        // Another name, no name at all, and another authority.
        format!("cert_host = '{SENT}'\n{TRUSTED}"),
        TRUSTED.to_owned(),
        format!("cert_host = '{NAME}'\nca_certificate = '''{stranger}'''"),
    ] {
        let host = server.host(&cx, &keys, "").await;
        failed(&host.get("/proxy/origin/").await, "TlsCertificateError");
    }
    let host = server.host(&cx, "skip_tls_verify = true", "").await;
    assert_eq!(
        seen(&host.get("/proxy/origin/").await).get("tls"),
        "TLSv1.3"
    );

    let host = server.stores(&cx, &[]).await;
    let answer = server.dynamic(&host, &format!("cert_host={SENT}")).await;
    failed(&answer, "TlsCertificateError");
}

async fn versions_and_ciphers_are_those_that_were_asked_for(cx: Context) {
    let Some(server) = Encrypted::start(VERSIONS) else {
        return;
    };
    let (one, other) = (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    );
    let guests = server.stores(&cx, &[]).await;
    for (keys, options, version, cipher) in [
        ("", "", "TLSv1.3", None),
        ("tls_max = '1.2'", "tls_max=1.2", "TLSv1.2", None),
        ("tls_min = '1.3'", "tls_min=1.3", "TLSv1.3", None),
        (
            &format!("tls_max = '1.2'\nciphers = '{one}'"),
            &format!("tls_max=1.2&ciphers={one}"),
            "TLSv1.2",
            Some(one),
        ),
        (
            &format!("tls_max = '1.2'\nciphers = '{other}:!{one}'"),
            &format!("tls_max=1.2&ciphers={other}:!{one}"),
            "TLSv1.2",
            Some(other),
        ),
    ] {
        let keys = format!("cert_host = '{NAME}'\n{TRUSTED}\n{keys}");
        let host = server.host(&cx, &keys, "").await;
        let options = format!("cert_host={NAME}&{options}");
        for answer in [
            host.get("/proxy/origin/").await,
            server.dynamic(&guests, &options).await,
        ] {
            let seen = seen(&answer);
            assert_eq!(seen.get("tls"), version, "{keys}");
            if let Some(cipher) = cipher {
                assert_eq!(seen.get("cipher"), cipher, "{keys}");
            }
        }
    }
}

async fn a_server_that_speaks_nothing_in_common_sends_an_alert(cx: Context) {
    // RFC 8446 section 6: protocol_version, handshake_failure, unrecognized_name.
    for (directives, keys, alert) in [
        ("ssl_protocols TLSv1.3;", "tls_max = '1.2'", 70),
        (
            "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;",
            "tls_max = '1.2'\nciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384'",
            40,
        ),
        ("ssl_reject_handshake on;", "", 112),
    ] {
        let Some(server) = Encrypted::start(directives) else {
            return;
        };
        let keys = format!("cert_host = '{NAME}'\n{TRUSTED}\n{keys}");
        let host = server.host(&cx, &keys, "").await;
        let answer = host.get("/proxy/origin/").await;
        failed(&answer, "TlsAlertReceived");
        failed(&answer, &alert.to_string());
    }
}

/// An nginx that wants certificates of clients, and two clients of which it knows one.
fn guarded() -> Option<(Encrypted, Signed, Signed)> {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let (known, unknown) = (
        clients.sign("known"),
        Authority::new("others").sign("unknown"),
    );
    let signed = servers.sign(NAME);
    let nginx = Setup {
        tls: Some(&signed),
        clients: Some(&clients),
        directives: "",
    };
    let nginx = nginx.start()?;
    let files = [
        ("known.pem", known.chain.as_str()),
        ("known.key", &known.key),
        ("unknown.pem", &unknown.chain),
        ("unknown.key", &unknown.key),
    ];
    let server = Encrypted::with(nginx, servers, &files);
    Some((server, known, unknown))
}

async fn a_client_certificate_opens_the_door(cx: Context) {
    let Some((server, ..)) = guarded() else {
        return;
    };
    let keys = |client: &str| {
        let shown = format!(
            "client_certificate = {{ certificate_file = '{client}.pem', key_file = '{client}.key' }}"
        );
        format!("cert_host = '{NAME}'\n{TRUSTED}\n{shown}")
    };
    let host = server.host(&cx, &keys("known"), "").await;
    assert_eq!(
        seen(&host.get("/proxy/origin/").await).get("client"),
        "SUCCESS"
    );
    let host = server.host(&cx, &keys("unknown"), "").await;
    is_shut_out(&host.get("/proxy/origin/").await);
    let keys = format!("cert_host = '{NAME}'\n{TRUSTED}");
    let host = server.host(&cx, &keys, "").await;
    is_shut_out(&host.get("/proxy/origin/").await);
}

#[track_caller]
fn is_shut_out(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(
        answer.text().contains("SSL certificate"),
        "{}",
        answer.text()
    );
}

async fn a_guest_shows_a_certificate_with_a_key_from_a_secret(cx: Context) {
    let Some((server, known, unknown)) = guarded() else {
        return;
    };
    let clients = [("known", &known), ("unknown", &unknown)];
    let host = server.stores(&cx, &clients).await;
    let ask = |client: &str| format!("cert_host={NAME}{client}");
    let answer = server.dynamic(&host, &ask("&client=known")).await;
    assert_eq!(seen(&answer).get("client"), "SUCCESS");
    // The guest does not look at the status, and passes on what nginx says.
    for client in ["", "&client=unknown"] {
        let text = server.dynamic(&host, &ask(client)).await.text();
        assert!(text.contains("SSL certificate"), "{text}");
    }
}

/// An nginx without encryption.
fn plain(directives: &str) -> Option<Nginx> {
    let setup = Setup {
        tls: None,
        clients: None,
        directives,
    };
    setup.start()
}

/// A host whose backend `origin` keeps its connections as `keys` say.
async fn start(cx: &Context, nginx: &Nginx, keys: &str) -> TestHost {
    start_all(cx.host(ROUTES), &[("origin", nginx, keys)]).await
}

async fn start_all(host: HostSetup, backends: &[(&str, &Nginx, &str)]) -> TestHost {
    let text: String = backends
        .iter()
        .map(|(name, nginx, keys)| {
            let url = format!("http://{}", nginx.address);
            format!("[local_server.backends.{name}]\nurl = '{url}'\n{keys}\n")
        })
        .collect();
    let files = Files::new(&[("fastly.toml", &text)]);
    let file = files.path("fastly.toml");
    host.configure(|builder| builder.config(file)).start().await
}

/// The connections that requests came on, each by the position at which it came first, and the numbers of the
/// requests on them.
fn connections(seen: &[Seen]) -> Vec<(usize, u32)> {
    let ids: Vec<_> = seen.iter().map(|seen| seen.get("connection")).collect();
    let mut known = Vec::new();
    let positions = ids.iter().map(|id| {
        known
            .iter()
            .position(|known| known == id)
            .unwrap_or_else(|| {
                known.push(*id);
                known.len() - 1
            })
    });
    let positions: Vec<_> = positions.collect();
    let numbers = seen.iter().map(|seen| seen.get("request"));
    let numbers = numbers.map(|number| number.parse().expect("it is a number"));
    positions.into_iter().zip(numbers).collect()
}

/// Four requests, one after the other.
async fn four(host: &TestHost, path: &str) -> Vec<(usize, u32)> {
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(seen(&host.get(path).await));
    }
    connections(&all)
}

const ONE_CONNECTION: [(usize, u32); 4] = [(0, 1), (0, 2), (0, 3), (0, 4)];
const TWO_REQUESTS_EACH: [(usize, u32); 4] = [(0, 1), (0, 2), (1, 1), (1, 2)];
const ONE_REQUEST_EACH: [(usize, u32); 4] = [(0, 1), (1, 1), (2, 1), (3, 1)];

async fn connections_are_kept_as_a_backend_says(cx: Context) {
    let Some(nginx) = plain("") else {
        return;
    };
    for (keys, expected) in [
        ("", ONE_CONNECTION),
        ("pooling = { max_use = 2 }", TWO_REQUESTS_EACH),
        ("pooling = { enabled = false }", ONE_REQUEST_EACH),
        ("pooling = { max_connections = 1 }", ONE_CONNECTION),
    ] {
        let host = start(&cx, &nginx, keys).await;
        assert_eq!(four(&host, "/proxy/origin/").await, expected, "{keys}");
    }
    for keys in [
        "keepalive = { idle_ms = 1 }",
        "pooling = { max_lifetime_ms = 1 }",
    ] {
        let host = start(&cx, &nginx, keys).await;
        let first = seen(&host.get("/proxy/origin/").await);
        // The time that a connection may wait, or live, passes.
        assert_eq!(host.get("/sleep/20").await.status, 200);
        let second = seen(&host.get("/proxy/origin/").await);
        assert_eq!(connections(&[first, second]), [(0, 1), (1, 1)], "{keys}");
    }
}

async fn connections_of_a_guests_backend_are_kept_as_it_says(cx: Context) {
    let Some(nginx) = plain("") else {
        return;
    };
    let host = cx.host(ROUTES).start().await;
    let ask = async |options: &str| {
        let path = format!("/dynamic/?target={}&count=4{options}", nginx.address);
        connections(&Seen::all(&host.text(&path).await))
    };
    assert_eq!(ask("").await, ONE_CONNECTION);
    // The definition is the same, and so is the connection, in another sandbox.
    let path = format!("/dynamic/?target={}", nginx.address);
    assert_eq!(seen(&host.get(&path).await).get("request"), "5");
    assert_eq!(ask("&max_use=2").await, TWO_REQUESTS_EACH);
    assert_eq!(ask("&pool=no").await, ONE_REQUEST_EACH);
    assert_eq!(ask("&keepalive=60000").await, ONE_CONNECTION);
    // At the same time there is one, and the others wait for it.
    let mut together = ask("&max_connections=1&together=yes").await;
    together.sort_unstable();
    assert_eq!(together, ONE_CONNECTION);
}

async fn a_server_may_close_what_it_has_served(cx: Context) {
    let Some(nginx) = plain("keepalive_requests 2;") else {
        return;
    };
    let host = start(&cx, &nginx, "").await;
    assert_eq!(four(&host, "/proxy/origin/").await, TWO_REQUESTS_EACH);
}

async fn connections_belong_to_whoever_is_the_same(cx: Context) {
    let Some(server) = Encrypted::start(VERSIONS) else {
        return;
    };
    let keys = format!("cert_host = '{NAME}'\n{TRUSTED}");
    let url = format!("https://{}", server.nginx.address);
    let more: String = [
        ("same", ""),
        ("sni", "sni_host = 'sent.example'"),
        ("old", "tls_max = '1.2'"),
    ]
    .map(|(name, more)| format!("[local_server.backends.{name}]\nurl = '{url}'\n{keys}\n{more}\n"))
    .concat();
    let host = server.host(&cx, &keys, &more).await;
    let mut all = Vec::new();
    for name in ["origin", "same", "sni", "old", "origin", "sni"] {
        all.push(seen(&host.get(&format!("/proxy/{name}/")).await));
    }
    let connections: Vec<_> = connections(&all).into_iter().map(|(id, _)| id).collect();
    assert_eq!(connections, [0, 0, 1, 2, 0, 1]);
}

async fn health_is_asked_for(cx: Context) {
    let Some(nginx) = plain("") else {
        return;
    };
    let keys = "healthcheck = { path = '/well', host = 'check.example' }";
    let host = start(&cx, &nginx, keys).await;
    // It is asked for as soon as a guest uses the backend.
    assert_eq!(host.get("/proxy/origin/").await.status, 200);
    nginx.has_seen("HEAD check.example /well").await;

    let host = cx.host(ROUTES).start().await;
    let path = format!("/dynamic/?target={}&health_path=/fine", nginx.address);
    assert_eq!(host.get(&path).await.status, 200);
    nginx.has_seen("GET health.example /fine").await;
}
