//! What the tables of several kinds of stores have in common.

use std::path::PathBuf;

use super::files::Folder;
use super::reader::{Result, Value};

/// Reads `{ file = "…", format = "json" }`; gives the value of `file`, and the file that it means.
pub(super) fn json_file<'a>(value: &Value<'a>, folder: &Folder) -> Result<(Value<'a>, PathBuf)> {
    let mut table = value.table()?;
    let file = table.require("file")?;
    let format = table.require("format")?;
    if format.string()? != "json" {
        return Err(format.problem(format!(
            "`{}` is no format for this; there is `json`",
            format.string()?
        )));
    }
    table.refuse_unknown()?;
    let path = folder.find(file.string()?);
    Ok((file, path))
}
