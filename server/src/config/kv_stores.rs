//! `[local_server.kv_stores]`.

use std::time::Duration;

use abi_core::stores::KvKey;
use bytes::Bytes;

use super::error::Problem;
use super::files::Folder;
use super::limits::mebibytes;
use super::reader::{Result, Table, Value};
use super::stores::json_file;
use crate::stores::{KvSeed, KvSettings, decode_base64, seeds_of_json};

/// Reads one store: a list of items, or a table that says where they are, where they are kept, and how many bytes they may
/// have.
pub(super) fn read(
    value: &Value<'_>,
    folder: &Folder,
    warnings: &mut Vec<Problem>,
) -> Result<KvSettings> {
    if value.elements().is_some() {
        return Ok(KvSettings {
            items: items(value, folder, warnings)?,
            ..KvSettings::default()
        });
    }
    let mut table = value.table()?;
    let mut settings = KvSettings::default();
    if let Some(persist) = table.get("persist") {
        settings.persist = Some(folder.find(persist.string()?));
    }
    if let Some(size) = table.get("size_mb") {
        settings.bytes_max = Some(mebibytes(&size)?);
    }
    if let Some(value) = table.get("items") {
        settings.items = items(&value, folder, warnings)?;
    }
    if let Some((file, path)) = json_file(&mut table, folder)? {
        let problem = |error: String| file.problem(format!("{}: {error}", path.display()));
        let json = folder
            .read(file.string()?)
            .map_err(|error| file.problem(error.to_string()))?;
        let read = |name: &str| folder.read(name).map_err(|error| error.to_string());
        settings
            .items
            .extend(seeds_of_json(&json, &read).map_err(problem)?);
    }
    table.refuse_unknown()?;
    Ok(settings)
}

fn items(value: &Value<'_>, folder: &Folder, warnings: &mut Vec<Problem>) -> Result<Vec<KvSeed>> {
    let Some(elements) = value.elements() else {
        return Err(value.problem("this has to be a list of items"));
    };
    let items = elements.into_iter().map(|element| {
        let mut table = element.table()?;
        let key = table.require("key")?;
        let item = KvSeed {
            key: KvKey::new(key.string()?).map_err(|error| key.problem(error.to_string()))?,
            value: source(&mut table, folder)?,
            metadata: match table.get("metadata") {
                Some(metadata) => metadata.string()?.to_owned().into(),
                None => Bytes::new(),
            },
            time_to_live: match table.get("ttl") {
                Some(seconds) => Some(Duration::from_secs(seconds.number()?)),
                None => None,
            },
        };
        warnings.extend(table.unknown());
        Ok(item)
    });
    items.collect()
}

/// The value of an item, from the one key that says where it is.
fn source(table: &mut Table<'_>, folder: &Folder) -> Result<Bytes> {
    let file = table.get_either("file", "path")?;
    match [table.get("data"), table.get("data_base64"), file] {
        [Some(data), None, None] => Ok(data.string()?.to_owned().into()),
        [None, Some(data), None] => {
            let decoded = decode_base64(data.string()?);
            decoded
                .map(Bytes::from)
                .map_err(|error| data.problem(error))
        }
        [None, None, Some(file)] => {
            let read = folder.read(file.string()?);
            read.map(Bytes::from)
                .map_err(|error| file.problem(error.to_string()))
        }
        _ => {
            Err(table
                .problem("an item has exactly one of the keys `data`, `data_base64` and `file`"))
        }
    }
}
