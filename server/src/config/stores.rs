//! What the tables of several kinds of stores have in common.

use std::path::PathBuf;

use super::files::Folder;
use super::reader::{Result, Table, Value};

/// Reads `file = "…"` and `format = "json"`, of which a table has both or none; gives the value of `file`, and the file
/// that it means.
pub(super) fn json_file<'a>(
    table: &mut Table<'a>,
    folder: &Folder,
) -> Result<Option<(Value<'a>, PathBuf)>> {
    let (file, format) = match (table.get("file"), table.get("format")) {
        (None, None) => return Ok(None),
        (Some(file), Some(format)) => (file, format),
        (file, _) => {
            let missing = if file.is_some() { "format" } else { "file" };
            return Err(table.problem(format!(
                "the key `{missing}` is missing: a file of items is given by both `file = \"….json\"` and `format = \"json\"`"
            )));
        }
    };
    if format.string()? != "json" {
        return Err(format.problem(format!(
            "`{}` is no format for this; there is `json`",
            format.string()?
        )));
    }
    let path = folder.find(file.string()?);
    Ok(Some((file, path)))
}
