//! Options about backends.

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use http::header::HeaderValue;

use super::values::{maybe_named, whole_number};
use crate::backends::{BackendSettings, BackendUrl, InvalidUrl, host_field};
use crate::host::HostBuilder;

/// Where requests of guests go.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Backends")]
pub(in crate::cli) struct BackendArguments {
    /// A backend; `@N`: so many percent of the requests reach it.
    ///
    /// It is added to those of the configuration, or takes the place of one of them. Without a name it is the backend of all
    /// names that no other one has. A place without `http://` or `https://` is spoken to in plain HTTP. The requests that do
    /// not reach it are answered 502.
    #[arg(short = 'b', long = "backend", value_name = "[NAME=]URL[@N]", value_parser = backend)]
    pub backends: Vec<(String, BackendSettings)>,

    /// The `Host` of every request to a backend.
    ///
    /// It goes before what the guest set. The backend may be one of the configuration. Without a name it is the backend of all names that no other one has.
    #[arg(long = "override-host", value_name = "[NAME=]HOST", value_parser = override_host)]
    pub override_hosts: Vec<(String, HeaderValue)>,

    /// Where a host is, in place of what the system knows: as with curl.
    ///
    /// Connections to HOST:PORT go to that address, and to the next one where nothing answers; the port stays, and so do `Host`
    /// and the name in TLS. It is for backends of the configuration, of options and of guests.
    #[arg(long = "resolve", value_name = "HOST:PORT:ADDRESS[,ADDRESS]", value_parser = resolve)]
    pub resolved: Vec<Resolved>,

    /// Where Pushpin is on this machine, which holds connections for publishing.
    #[arg(
        long,
        value_name = "PORT",
        value_parser = |text: &str| whole_number(text, 1..=u16::MAX)
    )]
    pub local_pushpin_proxy_port: Option<u16>,
}

/// The addresses of a host, for one of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Resolved {
    pub host: String,
    pub port: u16,
    pub addresses: Vec<IpAddr>,
}

impl BackendArguments {
    /// Says them to a host.
    pub(in crate::cli) fn apply(&self, mut builder: HostBuilder) -> HostBuilder {
        for (name, settings) in &self.backends {
            builder = builder.backend_with(name, settings.clone());
        }
        for resolved in &self.resolved {
            let addresses = resolved.addresses.iter().copied();
            builder = builder.resolve_port(&resolved.host, resolved.port, addresses);
        }
        for (name, host) in &self.override_hosts {
            builder = builder.override_host(name, host.clone());
        }
        if let Some(port) = self.local_pushpin_proxy_port {
            builder = builder.grip_proxy(SocketAddr::from(([127, 0, 0, 1], port)));
        }
        builder
    }
}

/// `HOST:PORT:ADDRESS`, where there may be several addresses with commas between them, and brackets around those of IPv6.
pub(super) fn resolve(text: &str) -> Result<Resolved, String> {
    const EXPECTED: &str =
        "it has to be a host, a port and an address, such as example.com:443:127.0.0.1";
    let unbracketed = |text: &str| {
        let inner = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        inner.unwrap_or(text).parse::<IpAddr>()
    };
    if text.starts_with('[') || text.parse::<IpAddr>().is_ok() {
        return Err(format!(
            "{EXPECTED}; what is an address already has no other one"
        ));
    }
    let mut parts = text.splitn(3, ':');
    let (Some(host), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(EXPECTED.to_owned());
    };
    host_field(host)?;
    if host.parse::<IpAddr>().is_ok() {
        return Err(format!(
            "`{host}` is an address already; `--backend` takes another one"
        ));
    }
    let port = port.parse().ok().filter(|port| *port != 0);
    let port = port.ok_or("the port has to be a number from 1 to 65535")?;
    let addresses = addresses.split(',').map(|address| {
        unbracketed(address.trim()).map_err(|_| format!("`{address}` is no address; {EXPECTED}"))
    });
    Ok(Resolved {
        host: host.to_owned(),
        port,
        addresses: addresses.collect::<Result<_, _>>()?,
    })
}

fn override_host(text: &str) -> Result<(String, HeaderValue), String> {
    let (name, host) = maybe_named(text)?;
    Ok((name, host_field(&host)?))
}

pub(in crate::cli) fn backend(text: &str) -> Result<(String, BackendSettings), String> {
    let (name, place) = maybe_named(text)?;
    let (url, uptime) = match place.rsplit_once('@') {
        Some((url, number)) if is_number(number) => (url, Some(number)),
        _ => (place.as_str(), None),
    };
    if url.trim().is_empty() {
        return Err("a backend has to have a place, such as http://127.0.0.1:8080".to_owned());
    }
    let url = match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    };
    let url: BackendUrl = url.parse().map_err(|error: InvalidUrl| error.to_string())?;
    if url.is_https() && !url.is_name_in_certificates() {
        let host = url.authority().host();
        return Err(format!("`{host}` cannot be the name in a certificate"));
    }
    let mut settings = BackendSettings::new(url);
    if let Some(number) = uptime {
        let percent = number.parse().ok().filter(|percent| *percent <= 100);
        settings.uptime_percent =
            percent.ok_or("what follows the `@` has to be a share in percent, from 0 to 100")?;
    }
    Ok((name, settings))
}

/// An `@` before anything else belongs to the URL.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
