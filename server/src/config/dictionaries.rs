//! `[local_server.dictionaries]`.

use super::files::Folder;
use super::named;
use super::reader::{Result, Value};
use crate::stores::Dictionary;

pub(super) fn read(value: &Value<'_>, folder: &Folder) -> Result<Dictionary> {
    let mut table = value.table()?;
    let formats = "there are `inline-toml` and `json`";
    let format = table.require("format").map_err(|mut missing| {
        missing.message.push_str(&format!("; {formats}"));
        missing
    })?;
    let dictionary = match format.string()? {
        "inline-toml" => {
            let contents = table.require("contents")?;
            let items = named(&contents, |item| {
                let text = item.string()?;
                Ok(text.to_owned())
            })?;
            Dictionary::of_items(items).map_err(|error| contents.problem(error.to_string()))?
        }
        "json" => {
            let file = table.require("file")?;
            let path = folder.find(file.string()?);
            Dictionary::of_file(path).map_err(|error| file.problem(error.to_string()))?
        }
        other => {
            return Err(format.problem(format!("`{other}` is no format; {formats}")));
        }
    };
    table.refuse_unknown()?;
    Ok(dictionary)
}
