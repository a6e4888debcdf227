//! `[local_server.geolocation]` and `[local_server.device_detection]`.

use std::fmt;
use std::sync::Arc;

use abi_core::lookups::{DeviceTable, Geo, GeoTable};
use serde_json::Value as Json;

use super::error::Problem;
use super::files::Folder;
use super::reader::{Result, Table, Value};
use crate::lookups::{DeviceSettings, geo_database};
use crate::stores::Reread;

/// Where addresses are, as it was configured.
#[derive(Clone)]
pub struct ConfiguredGeo(pub(crate) Arc<dyn Geo>);

impl fmt::Debug for ConfiguredGeo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfiguredGeo")
    }
}

/// Reads where addresses are.
pub(super) fn geolocation(
    value: &Value<'_>,
    folder: &Folder,
    warnings: &mut Vec<Problem>,
) -> Result<ConfiguredGeo> {
    let mut table = value.table()?;
    let loopback = match table.get("use_default_loopback") {
        Some(value) => value.bool()?,
        None => true,
    };
    let default = table.get("default");
    let geo: Arc<dyn Geo> = match format(&mut table, &["inline-toml", "json", "mmdb"])? {
        Some("mmdb") => {
            if let Some(default) = default {
                return Err(default.problem("a database has no `default`"));
            }
            let file = table.require("file")?;
            let database = geo_database(&folder.find(file.string()?));
            database.map_err(|error| file.problem(error.to_string()))?
        }
        format => {
            let default = default.map(|default| object(&default, "default"));
            let default = default.transpose()?;
            let finish = move |mut geo: GeoTable| {
                if let Some(default) = &default {
                    geo.set_default(default);
                }
                geo.use_default_loopback(loopback);
                geo
            };
            match format {
                Some("json") => {
                    let file = table.require("file")?;
                    let path = folder.find(file.string()?);
                    let parse = move |bytes: &[u8]| Ok(finish(GeoTable::from_json(bytes)?));
                    let read = Reread::new(path, parse);
                    Arc::new(read.map_err(|error| file.problem(error.to_string()))?)
                }
                Some(_) => {
                    let addresses = inline_addresses(&table.require("addresses")?)?;
                    Arc::new(finish(addresses))
                }
                None => Arc::new(finish(GeoTable::new())),
            }
        }
    };
    warnings.extend(table.unknown());
    Ok(ConfiguredGeo(geo))
}

/// What is written down under a key, which is an object.
fn object(value: &Value<'_>, key: &str) -> Result<serde_json::Map<String, Json>> {
    match value.json()? {
        Json::Object(object) => Ok(object),
        _ => Err(value.problem(format!("`{key}`: this is not an object"))),
    }
}

fn inline_addresses(addresses: &Value<'_>) -> Result<GeoTable> {
    let mut geo = GeoTable::new();
    for (key, data) in addresses.table()?.all() {
        let inserted = geo.insert_by_key(key, &data.json()?);
        inserted.map_err(|error| data.problem(error.to_string()))?;
    }
    Ok(geo)
}

/// Reads what is known about devices.
pub(super) fn device_detection(
    value: &Value<'_>,
    folder: &Folder,
    warnings: &mut Vec<Problem>,
) -> Result<DeviceSettings> {
    let mut table = value.table()?;
    let mut settings = DeviceSettings::default();
    if let Some(value) = table.get("from_user_agent") {
        settings.from_user_agent = value.bool()?;
    }
    match format(&mut table, &["inline-toml", "json"])? {
        Some("json") => {
            let file = table.require("file")?;
            let path = folder.find(file.string()?);
            let read = Reread::new(path, |bytes| Ok(DeviceTable::from_json(bytes)?));
            settings.table = Arc::new(read.map_err(|error| file.problem(error.to_string()))?);
        }
        Some(_) => {
            let mut devices = DeviceTable::new();
            for (user_agent, data) in table.require("user_agents")?.table()?.all() {
                let Json::Object(object) = data.json()? else {
                    return Err(data.problem("what is known about a user agent is a table"));
                };
                devices.insert(user_agent, &object);
            }
            settings.table = Arc::new(devices);
        }
        None => {}
    }
    warnings.extend(table.unknown());
    Ok(settings)
}

/// Reads `format`, which is one of these, or missing.
fn format<'a>(table: &mut Table<'a>, formats: &[&str]) -> Result<Option<&'a str>> {
    let Some(value) = table.get("format") else {
        if let Some(other) = ["file", "addresses", "user_agents"]
            .into_iter()
            .find_map(|name| table.get(name))
        {
            return Err(other.problem(format!(
                "the key `format` is missing beside this; it is one of: {}",
                formats.join(", ")
            )));
        }
        return Ok(None);
    };
    // All keys that belong to a format are known, whichever is used.
    for name in ["file", "addresses", "user_agents"] {
        let _ = table.get(name);
    }
    let format = value.string()?;
    if formats.contains(&format) {
        return Ok(Some(format));
    }
    Err(value.problem(format!(
        "`{format}` is no format for this; there are: {}",
        formats.join(", ")
    )))
}
