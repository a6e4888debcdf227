//! Routes that talk to a backend that the guest defines. The client's query says how; certificates come from the
//! config store `certificates`, keys from the secret store `keys`.

use fastly::backend::{BackendBuilder, BackendCreationError};
use fastly::experimental::dynamic_backend_healthchecks::HealthcheckBuilder;
use fastly::http::StatusCode;
use fastly::http::request::PendingRequest;
use fastly::{Backend, ConfigStore, Request, Response, SecretStore};
use fastly_shared::SslVersion;
use std::num::NonZeroU32;
use std::time::Duration;

/// Asks the backend for a path `count` times, one after the other, and answers with all responses' bodies. With
/// `together`, the requests are under way at the same time.
pub fn ask(request: Request, path: &[&str]) {
    let backend = match define(&request) {
        Ok(backend) => backend,
        Err(error) => return failed(StatusCode::INTERNAL_SERVER_ERROR, &error),
    };
    let url = format!("http://dynamic.example/{}", path.join("/"));
    let ask = || Request::get(&url).with_pass(true);
    let count = option(&request, "count").map_or(1, crate::number::<usize>);
    let answers = if option(&request, "together").is_some() {
        let start = |_| ask().send_async(backend.clone()).expect("a request can be started");
        let pending: Vec<_> = (0..count).map(start).collect();
        pending.into_iter().map(PendingRequest::wait).collect()
    } else {
        let answers = (0..count).map(|_| {
            // The connection is free when the body has been read.
            let mut response = ask().send(backend.clone())?;
            let body = response.take_body_bytes();
            Ok(response.with_body(body))
        });
        answers.collect::<Result<Vec<_>, _>>()
    };
    match answers {
        Ok(answers) => {
            let text: String = answers.into_iter().map(Response::into_body_str).collect();
            crate::answer(&text);
        }
        Err(error) => failed(StatusCode::BAD_GATEWAY, &error),
    }
}

/// Hands the client over to the backend.
pub fn websocket(request: Request) {
    let outcome = match define(&request) {
        Ok(backend) => request.handoff_websocket(backend.name()),
        Err(error) => return failed(StatusCode::INTERNAL_SERVER_ERROR, &error),
    };
    if let Err(error) = outcome {
        failed(StatusCode::BAD_GATEWAY, &error);
    }
}

fn failed(status: StatusCode, error: &dyn std::fmt::Debug) {
    Response::from_status(status)
        .with_body_text_plain(&format!("{error:?}"))
        .send_to_client();
}

/// What the query says of one thing.
fn option<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.get_query_parameter(name)
}

fn define(request: &Request) -> Result<Backend, BackendCreationError> {
    let option = |name| option(request, name);
    let milliseconds = |name| option(name).map(|text| Duration::from_millis(crate::number(text)));
    let target = option("target").unwrap_or("127.0.0.1:1");
    let mut builder = Backend::builder("dynamic", target);
    if let Some(host) = option("override_host") {
        builder = builder.override_host(host);
    }
    if let Some(limit) = milliseconds("connect_timeout") {
        builder = builder.connect_timeout(limit);
    }
    if let Some(limit) = milliseconds("first_byte_timeout") {
        builder = builder.first_byte_timeout(limit);
    }
    if let Some(limit) = milliseconds("between_bytes_timeout") {
        builder = builder.between_bytes_timeout(limit);
    }
    if let Some(pools) = option("pool") {
        builder = builder.enable_pooling(pools == "yes");
    }
    if let Some(idle) = milliseconds("keepalive") {
        builder = with_keepalive(builder.http_keepalive_time(idle));
    }
    if let Some(most) = option("max_connections") {
        builder = builder.max_connections(crate::number(most));
    }
    if let Some(most) = option("max_use") {
        builder = builder.max_use(crate::number(most));
    }
    if let Some(longest) = milliseconds("max_lifetime") {
        builder = builder.max_lifetime(longest);
    }
    if let Some(family) = option("prefer") {
        builder = builder.prefer_ipv6(family == "ipv6");
    }
    if let Some(path) = option("health_path") {
        let check = HealthcheckBuilder::new("health.example").path(path).interval_ms(Duration::from_secs(1));
        builder = builder.healthcheck(check);
    }
    with_tls(builder, request).finish()
}

fn with_keepalive(builder: BackendBuilder) -> BackendBuilder {
    builder
        .tcp_keepalive_enable(true)
        .tcp_keepalive_interval_secs(NonZeroU32::MIN)
        .tcp_keepalive_probes(NonZeroU32::MIN)
        .tcp_keepalive_time_secs(NonZeroU32::MIN)
}

fn with_tls(mut builder: BackendBuilder, request: &Request) -> BackendBuilder {
    let option = |name| option(request, name);
    if let Some(name) = option("ca") {
        builder = builder.ca_certificate(certificate(name));
    }
    if let Some(name) = option("cert_host") {
        builder = builder.check_certificate(name);
    }
    if let Some(name) = option("sni") {
        builder = builder.sni_hostname(name);
    }
    if let Some(version) = option("tls_min") {
        builder = builder.set_min_tls_version(tls_version(version));
    }
    if let Some(version) = option("tls_max") {
        builder = builder.set_max_tls_version(tls_version(version));
    }
    if let Some(names) = option("ciphers") {
        builder = builder.tls_ciphers(names);
    }
    if let Some(name) = option("client") {
        let keys = SecretStore::open("keys").expect("the test gives keys");
        let key = keys.get(name).expect("the test gives this key");
        builder = builder.provide_client_certificate(certificate(name), key);
    }
    builder
}

fn certificate(name: &str) -> String {
    let certificates = ConfigStore::open("certificates").get(name);
    certificates.expect("the test gives this certificate")
}

fn tls_version(text: &str) -> SslVersion {
    match text {
        "1.2" => SslVersion::TLS1_2,
        _ => SslVersion::TLS1_3,
    }
}
