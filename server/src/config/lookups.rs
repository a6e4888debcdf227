//! `[local_server.geolocation]` and `[local_server.device_detection]`.

use std::fmt;
use std::sync::Arc;

use abi_core::lookups::{DeviceTable, Geo, GeoTable};
use serde_json::Value as Json;

use super::error::Problem;
use super::files::Folder;
use super::reader::{Result, Table, Value};
use crate::lookups::{DeviceSettings, GeoDatabase};
use crate::stores::from_file;

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
            let path = folder.find(file.string()?);
            let database = GeoDatabase::of_file(&path);
            Arc::new(database.map_err(|error| file.problem(error.to_string()))?)
        }
        format => {
            let mut geo = match format {
                Some("json") => {
                    let file = table.require("file")?;
                    let path = folder.find(file.string()?);
                    from_file(&path, GeoTable::from_json)
                        .map_err(|error| file.problem(error.to_string()))?
                }
                Some(_) => inline_addresses(&table.require("addresses")?)?,
                None => GeoTable::new(),
            };
            if let Some(default) = default {
                insert(&mut geo, "default", &default)?;
            }
            geo.use_default_loopback(loopback);
            Arc::new(geo)
        }
    };
    warnings.extend(table.unknown());
    Ok(ConfiguredGeo(geo))
}

fn inline_addresses(addresses: &Value<'_>) -> Result<GeoTable> {
    let mut geo = GeoTable::new();
    for (key, data) in addresses.table()?.all() {
        insert(&mut geo, key, &data)?;
    }
    Ok(geo)
}

fn insert(geo: &mut GeoTable, key: &str, data: &Value<'_>) -> Result<()> {
    let inserted = geo.insert_by_key(key, &data.json()?);
    inserted.map_err(|error| data.problem(error.to_string()))
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
    settings.table = match format(&mut table, &["inline-toml", "json"])? {
        Some("json") => {
            let file = table.require("file")?;
            let path = folder.find(file.string()?);
            from_file(&path, DeviceTable::from_json)
                .map_err(|error| file.problem(error.to_string()))?
        }
        Some(_) => {
            let mut devices = DeviceTable::new();
            for (user_agent, data) in table.require("user_agents")?.table()?.all() {
                let Json::Object(object) = data.json()? else {
                    return Err(data.problem("what is known about a user agent is a table"));
                };
                devices.insert(user_agent, &object);
            }
            devices
        }
        None => DeviceTable::new(),
    };
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
