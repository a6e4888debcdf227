//! `fastly.toml`: what a service is configured with on this machine.
//!
//! The format is that of the Fastly CLI and its local server, with a few keys more. [`Manifest::read`] does it all:
//! mistakes are errors that name file, line and key; what is known but not supported yet is a warning.

mod acls;
mod backends;
mod client;
mod connections;
mod dictionaries;
mod error;
mod files;
mod kv_stores;
mod limits;
mod log_endpoints;
mod lookups;
mod products;
mod pushpin;
mod reader;
mod respond;
mod reuse;
mod secrets;
mod shielding;
mod stores;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use abi_core::http::ShieldSite;
use abi_core::session::Products;
use abi_core::stores::{AclEntries, SecretItems};
use toml::de::DeTable;

use crate::backends::BackendSettings;
use crate::identity::ClientSettings;
use crate::lookups::DeviceSettings;
use crate::serve::ServerTls;
use crate::stores::{Dictionary, KvSettings};
pub use error::ConfigError;
use error::Problem;
use files::Folder;
pub(crate) use files::{FileError, FileStamp, FilesRead, noting_files, read_bounded};
pub use limits::LimitSettings;
pub use lookups::ConfiguredGeo;
use reader::{Table, Value};
pub use reuse::ReuseSettings;

/// The newest version of the format that is understood.
const VERSION_MAX: u64 = 3;

/// The table that is for running a program on this machine.
const LOCAL_SERVER: &str = "local_server";

/// Tables of `[local_server]` that other tools use.
const NOT_USED: [&str; 2] = ["viceroy_version", "websockets_passthrough"];

/// What a `fastly.toml` says about running a program on this machine.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Manifest {
    /// `[local_server.backends]`, in the order of their names.
    pub backends: Vec<(String, BackendSettings)>,
    /// `[local_server.dictionaries]`, also called `config_stores`.
    pub dictionaries: Vec<(String, Dictionary)>,
    /// `[local_server.kv_stores]`, also called `object_stores` and `object_store`.
    pub kv_stores: Vec<(String, KvSettings)>,
    /// `[local_server.acls]`.
    pub acls: Vec<(String, AclEntries)>,
    /// `[local_server.secret_stores]`.
    pub secret_stores: Vec<(String, SecretItems)>,
    /// `[local_server.geolocation]`.
    pub geolocation: Option<ConfiguredGeo>,
    /// `[local_server.device_detection]`.
    pub device_detection: Option<DeviceSettings>,
    /// `[local_server.shielding_sites]`.
    pub shields: Vec<(String, ShieldSite)>,
    /// `[local_server.pushpin]`, where it is enabled: the proxy on this machine.
    pub grip_proxy: Option<SocketAddr>,
    /// `[local_server.limits]`.
    pub limits: LimitSettings,
    /// `[local_server.reuse]`: how far sandboxes are used again.
    pub reuse: ReuseSettings,
    /// `[local_server.cache]`: how many bytes the cache may hold.
    pub cache_bytes: Option<u64>,
    /// `[local_server.env]`: environment variables for the guest.
    pub environment: Vec<(String, String)>,
    /// `[local_server.client]` and `fake_valid_fastly_keys`: what is claimed about clients.
    pub client: ClientSettings,
    /// `[local_server.tls]`: with what clients are spoken to over TLS.
    pub tls: Option<ServerTls>,
    /// `[local_server.products]`: what the service has beside the platform itself.
    pub products: Products,
    /// `[local_server.log_endpoints]`: the files of log endpoints, by their names.
    pub log_files: Vec<(String, PathBuf)>,
    /// What is in the file and has no effect.
    pub warnings: Vec<ConfigError>,
}

impl Manifest {
    /// Reads a `fastly.toml`, and every file it names. Relative paths are relative to its folder, or else to the
    /// working directory.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the first mistake.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let bytes = read_bounded(file).map_err(|error| ConfigError::unreadable(file, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let error = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
            ConfigError::unreadable(file, &error)
        })?;
        Self::parse(&text, file)
    }

    /// [`read`](Self::read), for a text that was read already; `file` is used for messages and to find other files.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the first mistake.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let document = DeTable::parse(text).map_err(|error| {
            let problem = Problem {
                span: error.span().unwrap_or_default(),
                key: String::new(),
                message: error.message().to_owned(),
            };
            problem.locate(file, text)
        })?;
        let mut manifest = Self::default();
        let mut warnings = Vec::new();
        manifest
            .fill(Table::root(&document), &Folder::of(file), &mut warnings)
            .map_err(|problem| problem.locate(file, text))?;
        let warnings = warnings.into_iter();
        manifest.warnings = warnings.map(|problem| problem.locate(file, text)).collect();
        Ok(manifest)
    }

    fn fill(
        &mut self,
        mut root: Table<'_>,
        folder: &Folder,
        warnings: &mut Vec<Problem>,
    ) -> reader::Result<()> {
        if let Some(version) = root.get("manifest_version") {
            check_version(&version)?;
        }
        let Some(local) = root.get(LOCAL_SERVER) else {
            // All other tables belong to other tools, but this one may be meant.
            warnings.extend(root.misspelt(LOCAL_SERVER));
            return Ok(());
        };
        let mut local = local.table()?;
        self.fill_backends(&mut local, folder, warnings)?;
        self.fill_stores(&mut local, folder, warnings)?;
        self.fill_lookups(&mut local, folder, warnings)?;
        self.fill_limits(&mut local)?;
        self.fill_clients(&mut local, folder)?;
        if let Some(value) = local.get("env") {
            self.environment = named(&value, |value| value.string().map(str::to_owned))?;
        }
        if let Some(value) = local.get("products") {
            self.products = products::read(&value)?;
        }
        if let Some(value) = local.get("log_endpoints") {
            self.log_files = log_endpoints::read(&value, folder)?;
        }
        for name in NOT_USED {
            if let Some(value) = local.get(name) {
                tracing::debug!("`{}` has no effect here", value.key);
            }
        }
        warnings.extend(local.unknown());
        Ok(())
    }

    fn fill_backends(
        &mut self,
        local: &mut Table<'_>,
        folder: &Folder,
        warnings: &mut Vec<Problem>,
    ) -> reader::Result<()> {
        if let Some(value) = local.get("backends") {
            self.backends = named(&value, |value| backends::read(value, folder, warnings))?;
        }
        if let Some(value) = local.get("shielding_sites") {
            self.shields = named(&value, shielding::read)?;
        }
        if let Some(value) = local.get("pushpin") {
            let port = pushpin::read(&value)?;
            self.grip_proxy = port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        }
        Ok(())
    }

    fn fill_stores(
        &mut self,
        local: &mut Table<'_>,
        folder: &Folder,
        warnings: &mut Vec<Problem>,
    ) -> reader::Result<()> {
        if let Some(value) = local.get_either("dictionaries", "config_stores")? {
            self.dictionaries = named(&value, |value| dictionaries::read(value, folder))?;
        }
        if let Some(value) = kv_stores_of(local)? {
            self.kv_stores = named(&value, |value| kv_stores::read(value, folder, warnings))?;
        }
        if let Some(value) = local.get("acls") {
            self.acls = named(&value, |value| acls::read(value, folder, warnings))?;
        }
        if let Some(value) = local.get("secret_stores") {
            for (name, value) in value.table()?.all() {
                let secrets = secrets::read(name, &value, folder, warnings)?;
                self.secret_stores.push((name.to_owned(), secrets));
            }
        }
        Ok(())
    }

    fn fill_lookups(
        &mut self,
        local: &mut Table<'_>,
        folder: &Folder,
        warnings: &mut Vec<Problem>,
    ) -> reader::Result<()> {
        if let Some(value) = local.get("geolocation") {
            self.geolocation = Some(lookups::geolocation(&value, folder, warnings)?);
        }
        if let Some(value) = local.get("device_detection") {
            let devices = lookups::device_detection(&value, folder, warnings)?;
            self.device_detection = Some(devices);
        }
        Ok(())
    }

    fn fill_limits(&mut self, local: &mut Table<'_>) -> reader::Result<()> {
        if let Some(value) = local.get("limits") {
            self.limits = limits::read(&value)?;
        }
        if let Some(value) = local.get("reuse") {
            self.reuse = reuse::read(&value)?;
        }
        if let Some(value) = local.get("cache") {
            self.cache_bytes = limits::read_cache(&value)?;
        }
        Ok(())
    }

    fn fill_clients(&mut self, local: &mut Table<'_>, folder: &Folder) -> reader::Result<()> {
        if let Some(value) = local.get("client") {
            self.client = client::read(&value)?;
        }
        if let Some(value) = local.get("fake_valid_fastly_keys") {
            self.client.valid_fastly_keys.extend(client::keys(&value)?);
        }
        if let Some(value) = local.get("tls") {
            self.tls = Some(tls::read(&value, folder)?);
        }
        Ok(())
    }
}

/// The table of KV stores, by any of the names it has had.
fn kv_stores_of<'a>(local: &mut Table<'a>) -> reader::Result<Option<Value<'a>>> {
    let newer = local.get_either("kv_stores", "object_stores")?;
    let older = local.get_either("kv_stores", "object_store")?;
    if let (Some(_), Some(older)) = (&newer, local.get("object_store")) {
        return Err(
            older.problem("`object_store` is another name of `kv_stores`; use only one of them")
        );
    }
    Ok(newer.or(older))
}

fn check_version(version: &Value<'_>) -> reader::Result<()> {
    let number = version.number()?;
    if number > VERSION_MAX {
        return Err(version.problem(format!(
            "version {number} is newer than this program, which understands up to {VERSION_MAX}"
        )));
    }
    Ok(())
}

/// Reads a table whose keys are names of things.
fn named<'a, T>(
    value: &Value<'a>,
    mut read: impl FnMut(&Value<'a>) -> reader::Result<T>,
) -> reader::Result<Vec<(String, T)>> {
    let table = value.table()?;
    table
        .all()
        .map(|(name, value)| Ok((name.to_owned(), read(&value)?)))
        .collect()
}

#[cfg(test)]
mod tests;
