//! `[local_server.backends]`.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use rustls::pki_types::{CertificateDer, ServerName};

use super::connections;
use super::error::Problem;
use super::files::Folder;
use super::reader::{Result, Table, Value};
use super::respond;
use crate::backends::{
    BackendSettings, BackendUrl, ClientCertificate, Health, LocalBackend, TlsSettings,
    TlsSettingsError, TlsVersion, asked_for, certificates, check_authorities, host_field,
    known_ciphers,
};

/// How deep lists of certificates may be nested.
const NESTING_MAX: usize = 8;

pub(super) fn read(
    value: &Value<'_>,
    folder: &Folder,
    warnings: &mut Vec<Problem>,
) -> Result<BackendSettings> {
    let mut table = value.table()?;
    let mut settings = where_it_is(&mut table, folder)?;
    settings.override_host = table.get("override_host").map(host).transpose()?;
    settings.tls = tls(&mut table, folder, warnings)?;
    if settings.url.is_https() {
        check_handshake(&settings, &mut table)?;
    }
    for name in ["grpc", "http2"] {
        settings.http2_only |= flag(table.get(name))?.unwrap_or(false);
    }
    if let Some(limit) = milliseconds(table.get("connect_timeout_ms"))? {
        settings.connect_timeout = limit;
    }
    settings.first_byte_timeout = milliseconds(table.get("first_byte_timeout_ms"))?;
    settings.between_bytes_timeout = milliseconds(table.get("between_bytes_timeout_ms"))?;
    settings.prefer_ipv4 = flag(table.get("prefer_ipv4"))?.unwrap_or(false);
    if let Some(value) = table.get("keepalive") {
        settings.keepalive = connections::keepalive(&value)?;
    }
    if let Some(value) = table.get("pooling") {
        (settings.keep_connections, settings.pooling) = connections::pooling(&value)?;
    }
    if let Some(value) = table.get("healthcheck") {
        settings.healthcheck = Some(connections::healthcheck(&value)?);
    }
    if let Some(value) = table.get("health") {
        settings.health = health(&value)?;
    }
    if let Some(latency) = milliseconds(table.get("latency_ms"))? {
        settings.latency = latency;
    }
    if let Some(value) = table.get("uptime") {
        settings.uptime_percent = percent(&value)?;
    }
    table.refuse_unknown()?;
    Ok(settings)
}

/// Where the backend is, or what answers in its place.
fn where_it_is(table: &mut Table<'_>, folder: &Folder) -> Result<BackendSettings> {
    match (table.get("url"), table.get("respond")) {
        (None, None) => {
            let mut missing = table.missing("url");
            missing
                .message
                .push_str("; a backend that is only a mock has `respond` instead");
            Err(missing)
        }
        (Some(url), None) => Ok(BackendSettings::new(place(&url)?)),
        (url, Some(value)) => {
            // A url may stay where it is while the backend is mocked.
            url.map(|url| place(&url)).transpose()?;
            let responses = respond::read(&value, folder)?;
            Ok(BackendSettings::local(LocalBackend::fixed(responses)))
        }
    }
}

fn place(url: &Value<'_>) -> Result<BackendUrl> {
    let parsed = url.string()?.parse();
    parsed.map_err(|error: crate::backends::InvalidUrl| url.problem(error.to_string()))
}

fn percent(value: &Value<'_>) -> Result<u8> {
    match u8::try_from(value.number()?) {
        Ok(percent) if percent <= 100 => Ok(percent),
        _ => Err(value.problem("this has to be a share in percent, from 0 to 100")),
    }
}

fn tls(table: &mut Table<'_>, folder: &Folder, warnings: &mut Vec<Problem>) -> Result<TlsSettings> {
    let mut tls = TlsSettings {
        use_sni: flag(table.get("use_sni"))?.unwrap_or(true),
        ..TlsSettings::default()
    };
    tls.certificate_host = server_name(table.get("cert_host"))?;
    tls.sni_host = server_name(table.get("sni_host"))?;
    tls.min_version = version(table.get("tls_min"))?;
    tls.max_version = version(table.get("tls_max"))?;
    if let Some(value) = table.get("ciphers") {
        tls.ciphers = Some(ciphers(&value, warnings)?);
    }
    tls.accept_any_certificate = flag(table.get("skip_tls_verify"))?.unwrap_or(false);
    if let Some(value) = table.get("ca_certificate") {
        tls.authorities = Some(authorities(&value, folder)?);
    }
    if let Some(value) = table.get("client_certificate") {
        tls.client_certificate = Some(client_certificate(&value, folder)?);
    }
    Ok(tls)
}

/// A list of cipher suites, at least one of which this host can speak. Others are told: they count for nothing.
fn ciphers(value: &Value<'_>, warnings: &mut Vec<Problem>) -> Result<String> {
    let list = filled(value)?;
    let (spoken, unknown) = asked_for(list);
    let there_are = || format!("there are: {}", known_ciphers().join(", "));
    if spoken.is_empty() {
        return Err(value.problem(format!(
            "`{list}` names no cipher suite that this host can speak; {}",
            there_are()
        )));
    }
    warnings.extend(unknown.iter().map(|name| {
        value.problem(format!(
            "`{name}` is no cipher suite that this host can speak, and has no effect; {}",
            there_are()
        ))
    }));
    Ok(list.to_owned())
}

/// Tells at the start what would make every handshake fail.
fn check_handshake(settings: &BackendSettings, table: &mut Table<'_>) -> Result<()> {
    let (tls, url) = (&settings.tls, &settings.url);
    let mut wrong = |names: [&'static str; 2], why: String| {
        let [one, other] = names.map(|name| table.get(name));
        match one.or(other) {
            Some(value) => value.problem(why),
            None => table.problem(why),
        }
    };
    tls.check_versions()
        .map_err(|error| wrong(["tls_max", "tls_min"], error.to_string()))?;
    tls.check()
        .map_err(|error| wrong(["ciphers", "tls_max"], error.to_string()))?;
    if tls.certificate_host.is_none() && !url.is_name_in_certificates() {
        let host = url.authority().host();
        let why = format!("`{host}` cannot be the name in a certificate; set `cert_host`");
        return Err(wrong(["url", "url"], why));
    }
    Ok(())
}

/// The certificates of authorities: PEM text, `{ file = … }`, `{ value = … }`, or a list of those.
pub(super) fn authorities(
    value: &Value<'_>,
    folder: &Folder,
) -> Result<Vec<CertificateDer<'static>>> {
    let mut authorities = Vec::new();
    collect_authorities(value, folder, NESTING_MAX, &mut authorities)?;
    if authorities.is_empty() {
        return Err(value.problem(
            "this list is empty: nobody would be trusted; leave the key out to have no such setting",
        ));
    }
    check_authorities(&authorities).map_err(|error| value.problem(error.to_string()))?;
    Ok(authorities)
}

/// Reads PEM text, `{ file = … }`, `{ value = … }`, or a list of those.
fn collect_authorities(
    value: &Value<'_>,
    folder: &Folder,
    nesting_left: usize,
    found: &mut Vec<CertificateDer<'static>>,
) -> Result<()> {
    if let Some(elements) = value.elements() {
        if nesting_left == 0 {
            return Err(value.problem("these lists are nested too deep"));
        }
        return elements
            .iter()
            .try_for_each(|value| collect_authorities(value, folder, nesting_left - 1, found));
    }
    let pem = if value.is_table() {
        let mut table = value.table()?;
        let pem = one_of(&mut table, folder, "value", "file")?;
        table.refuse_unknown()?;
        pem
    } else {
        value.string()?.as_bytes().to_vec()
    };
    let certificates = certificates(&pem).map_err(|error| value.problem(error.to_string()))?;
    found.extend(certificates);
    Ok(())
}

fn client_certificate(value: &Value<'_>, folder: &Folder) -> Result<Arc<ClientCertificate>> {
    let mut table = value.table()?;
    let chain = one_of(&mut table, folder, "certificate", "certificate_file")?;
    let key = one_of(&mut table, folder, "key", "key_file")?;
    table.refuse_unknown()?;
    ClientCertificate::from_pem(&chain, &key).map_err(|error| value.problem(error.to_string()))
}

/// The text of one key, or what is in the file that the other one names. The file wins.
pub(super) fn one_of(
    table: &mut Table<'_>,
    folder: &Folder,
    text: &'static str,
    file: &'static str,
) -> Result<Vec<u8>> {
    match (table.get(text), table.get(file)) {
        (_, Some(path)) => folder
            .read(path.string()?)
            .map_err(|error| path.problem(error.to_string())),
        (Some(text), None) => Ok(text.string()?.as_bytes().to_vec()),
        (None, None) => {
            Err(table.problem(format!("one of the keys `{text}` and `{file}` is missing")))
        }
    }
}

fn server_name(value: Option<Value<'_>>) -> Result<Option<ServerName<'static>>> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text = filled(&value)?;
    match ServerName::try_from(text.to_owned()) {
        Ok(name) => Ok(Some(name)),
        Err(_) => Err(value.problem(format!("`{text}` is neither a host name nor an address"))),
    }
}

fn version(value: Option<Value<'_>>) -> Result<Option<TlsVersion>> {
    let Some(value) = value else {
        return Ok(None);
    };
    let version = value.string()?.parse();
    version
        .map(Some)
        .map_err(|error: TlsSettingsError| value.problem(error.to_string()))
}

fn host(value: Value<'_>) -> Result<HeaderValue> {
    host_field(filled(&value)?).map_err(|why| value.problem(why))
}

fn filled<'a>(value: &Value<'a>) -> Result<&'a str> {
    let text = value.string()?;
    if text.trim().is_empty() {
        return Err(value.problem("this is empty; leave the key out to have no such setting"));
    }
    Ok(text)
}

fn flag(value: Option<Value<'_>>) -> Result<Option<bool>> {
    value.map(|value| value.bool()).transpose()
}

/// A time limit; 0 is none, as on the command line of other tools.
fn milliseconds(value: Option<Value<'_>>) -> Result<Option<Duration>> {
    let number = value.map(|value| value.number()).transpose()?;
    Ok(number
        .filter(|number| *number > 0)
        .map(Duration::from_millis))
}

fn health(value: &Value<'_>) -> Result<Health> {
    match value.string()?.to_ascii_lowercase().as_str() {
        "unknown" => Ok(Health::Unknown),
        "healthy" => Ok(Health::Healthy),
        "unhealthy" => Ok(Health::Unhealthy),
        other => Err(value.problem(format!(
            "`{other}` is no health; there are `unknown`, `healthy` and `unhealthy`"
        ))),
    }
}
