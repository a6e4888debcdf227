//! `[local_server.log_endpoints]`: files for the messages of some endpoints.

use std::path::PathBuf;

use super::files::Folder;
use super::reader::{Result, Value};
use crate::world::check_endpoint;

/// The endpoints by name, each with its file: `name = "file"`, or `name = { file = "file" }`.
pub(super) fn read(value: &Value<'_>, folder: &Folder) -> Result<Vec<(String, PathBuf)>> {
    let endpoints = value.table()?;
    let endpoints = endpoints.all().map(|(name, value)| {
        check_endpoint(name).map_err(|error| value.problem(error))?;
        let path = if value.is_table() {
            let mut table = value.table()?;
            let path = table.require("file")?;
            table.refuse_unknown()?;
            path
        } else {
            value
        };
        Ok((name.to_owned(), folder.beside(path.string()?)))
    });
    endpoints.collect()
}
