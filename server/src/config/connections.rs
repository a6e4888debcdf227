//! What `[local_server.backends]` says of connections and of checks.

use std::time::Duration;

use abi_core::http::{Healthcheck, Keepalive, PoolingLimits};

use super::reader::{Result, Table, Value};
use crate::backends::{BackendSettings, host_field};

/// The most checks that may count, and how often and for how long there may be one: as for backends of guests.
const WINDOW_MAX: u64 = 15;
const TIMES_MS: std::ops::Range<u64> = 1_000..3_600_000;

/// What the kernel of Linux takes of a socket's keepalive (`net/tcp.h`): it would refuse more for each connection anew, and
/// probe as it does of itself.
const TCP_SECONDS_MAX: u32 = 32_767;
const TCP_PROBES_MAX: u32 = 127;

/// `keepalive = { idle_ms, tcp, tcp_idle_s, tcp_interval_s, tcp_probes }`.
pub(super) fn keepalive(value: &Value<'_>) -> Result<Keepalive> {
    let mut table = value.table()?;
    let usual = BackendSettings::KEEPALIVE;
    let tcp = table.get("tcp").map(|value| value.bool()).transpose()?;
    let keepalive = Keepalive {
        http_idle: milliseconds(&mut table, "idle_ms")?.or(usual.http_idle),
        tcp_probes: tcp.unwrap_or(usual.tcp_probes),
        tcp_idle: tcp_seconds(&mut table, "tcp_idle_s")?.or(usual.tcp_idle),
        tcp_interval: tcp_seconds(&mut table, "tcp_interval_s")?,
        tcp_probe_count: count(&mut table, "tcp_probes", TCP_PROBES_MAX)?,
    };
    table.refuse_unknown()?;
    Ok(keepalive)
}

/// `pooling = { enabled, max_connections, max_use, max_lifetime_ms }`: whether connections are kept, and the limits.
pub(super) fn pooling(value: &Value<'_>) -> Result<(bool, PoolingLimits)> {
    let mut table = value.table()?;
    let enabled = table.get("enabled").map(|value| value.bool()).transpose()?;
    let limits = PoolingLimits {
        max_connections: count(&mut table, "max_connections", u32::MAX)?,
        max_use: count(&mut table, "max_use", u32::MAX)?,
        max_lifetime: milliseconds(&mut table, "max_lifetime_ms")?,
    };
    table.refuse_unknown()?;
    Ok((enabled.unwrap_or(true), limits))
}

/// `healthcheck = { method, host, path, expected_status, interval_ms, timeout_ms, window, threshold, initial }`.
pub(super) fn healthcheck(value: &Value<'_>) -> Result<Healthcheck> {
    let mut table = value.table()?;
    let window = number(&mut table, "window", 5, 1..=WINDOW_MAX)?;
    let check = Healthcheck {
        method: text(&mut table, "method", "HEAD", |method| {
            // That one makes a tunnel, which no request to a backend does.
            http::Method::from_bytes(method.as_bytes()).is_ok()
                && !method.eq_ignore_ascii_case("CONNECT")
        })?
        .to_ascii_uppercase(),
        host: text(&mut table, "host", "", |host| {
            host.is_empty() || host_field(host).is_ok()
        })?,
        path: text(&mut table, "path", "/", |path| {
            path.starts_with('/') && path.parse::<http::Uri>().is_ok()
        })?,
        expected_status: number(&mut table, "expected_status", 200, 100..=999)? as u16,
        interval: time(&mut table, "interval_ms", 60_000)?,
        timeout: time(&mut table, "timeout_ms", 5_000)?,
        window: window as u32,
        threshold: number(&mut table, "threshold", window.min(3), 0..=window)? as u32,
        initial: number(&mut table, "initial", window.min(4), 0..=window)? as u32,
    };
    table.refuse_unknown()?;
    Ok(check)
}

/// 0 is none.
fn milliseconds(table: &mut Table<'_>, key: &'static str) -> Result<Option<Duration>> {
    let number = count(table, key, u32::MAX)?;
    Ok(number.map(|number| Duration::from_millis(number.into())))
}

/// 0 is none.
fn tcp_seconds(table: &mut Table<'_>, key: &'static str) -> Result<Option<Duration>> {
    let number = count(table, key, TCP_SECONDS_MAX)?;
    Ok(number.map(|number| Duration::from_secs(number.into())))
}

/// A number of at most `most`; 0 is none.
fn count(table: &mut Table<'_>, key: &'static str, most: u32) -> Result<Option<u32>> {
    let number = number(table, key, 0, 0..=most.into())?;
    Ok(u32::try_from(number).ok().filter(|number| *number != 0))
}

fn time(table: &mut Table<'_>, key: &'static str, usual: u64) -> Result<Duration> {
    let allowed = TIMES_MS.start..=TIMES_MS.end - 1;
    number(table, key, usual, allowed).map(Duration::from_millis)
}

fn number(
    table: &mut Table<'_>,
    key: &'static str,
    usual: u64,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<u64> {
    let Some(value) = table.get(key) else {
        return Ok(usual);
    };
    let number = value.number()?;
    if allowed.contains(&number) {
        return Ok(number);
    }
    let (least, most) = allowed.into_inner();
    Err(value.problem(format!("this has to be a number from {least} to {most}")))
}

fn text(
    table: &mut Table<'_>,
    key: &'static str,
    usual: &str,
    is_valid: impl FnOnce(&str) -> bool,
) -> Result<String> {
    let Some(value) = table.get(key) else {
        return Ok(usual.to_owned());
    };
    let text = value.string()?;
    if is_valid(text) {
        Ok(text.to_owned())
    } else {
        Err(value.problem(format!("`{text}` cannot be the {key} of a request")))
    }
}
