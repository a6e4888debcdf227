//! Options about clients.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use http::header::HeaderName;

use crate::cli::Failure;
use crate::config::read_bounded;
use crate::host::HostBuilder;
use crate::identity::{ClientSettings, region};
use crate::serve::ServerTls;

/// How clients are spoken to, and who they are said to be.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Clients")]
pub(in crate::cli) struct ClientArguments {
    /// Speak TLS too, on the same port, with this certificate chain in PEM.
    #[arg(long, value_name = "FILE", group = "tls", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of that certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Speak TLS too, on the same port, with a certificate for localhost made now.
    #[arg(long, group = "tls")]
    pub tls_self_signed: bool,

    /// Ask clients for a certificate of one of these authorities, in PEM.
    ///
    /// What becomes of it is for the program to see: no connection is refused for it.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub tls_client_ca: Option<PathBuf>,

    /// The address that every client has.
    #[arg(long, value_name = "IP")]
    pub client_ip: Option<IpAddr>,

    /// The header in which a proxy that can be trusted names the client.
    #[arg(long, value_name = "NAME")]
    pub client_ip_header: Option<HeaderName>,

    /// The region whose rules apply to every client: `none`, `us`, `eu`, `us-eu`, or another [default: none].
    ///
    /// The platform may have regions that are not listed here, and SDKs hand on the names of those that they do not know: any
    /// name in lower-case letters, digits and `-` is taken.
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub compliance_region: Option<String>,

    /// A value of the header Fastly-Key that counts as valid.
    #[arg(long = "fake-fastly-key", value_name = "KEY")]
    pub fake_fastly_keys: Vec<String>,
}

impl ClientArguments {
    /// Says them to a host, but for a certificate that is made now.
    pub(in crate::cli) fn apply(&self, builder: HostBuilder) -> Result<HostBuilder, Failure> {
        let builder = builder.client(ClientSettings {
            address: self.client_ip,
            address_header: self.client_ip_header.clone(),
            compliance_region: self.compliance_region.clone(),
            valid_fastly_keys: self.fake_fastly_keys.iter().cloned().collect(),
            ..ClientSettings::default()
        });
        Ok(match self.tls()? {
            Some(tls) => builder.tls(tls),
            None => builder,
        })
    }

    /// With what to speak TLS, if a certificate was given.
    fn tls(&self) -> Result<Option<ServerTls>, Failure> {
        let authorities = self.authorities()?;
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let chain = read("tls-cert", certificate)?;
        let key_text = read("tls-key", key)?;
        let tls = ServerTls::from_pem(&chain, &key_text, authorities.as_deref());
        let tls = tls.map_err(|error| {
            let (certificate, key) = (certificate.display(), key.display());
            format!("--tls-cert {certificate} --tls-key {key}: {error}")
        });
        Ok(Some(tls?))
    }

    /// A certificate that is made now, if that is wanted.
    pub(in crate::cli) fn self_signed(&self) -> Result<Option<ServerTls>, Failure> {
        if !self.tls_self_signed {
            return Ok(None);
        }
        let tls = ServerTls::self_signed(self.authorities()?.as_deref());
        Ok(Some(
            tls.map_err(|error| format!("--tls-self-signed: {error}"))?,
        ))
    }

    fn authorities(&self) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.tls_client_ca.as_ref();
        path.map(|path| read("tls-client-ca", path)).transpose()
    }
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let text = read_bounded(path);
    Ok(text.map_err(|error| format!("--{option}: {} cannot be read: {error}", path.display()))?)
}
