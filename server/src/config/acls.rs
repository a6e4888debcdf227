//! `[local_server.acls]`.

use abi_core::stores::AclEntries;

use super::error::Problem;
use super::files::Folder;
use super::reader::{Result, Value};
use crate::stores::from_file;

/// Reads one list: the path of a JSON file, or a table with its path.
pub(super) fn read(
    value: &Value<'_>,
    folder: &Folder,
    warnings: &mut Vec<Problem>,
) -> Result<AclEntries> {
    let file = if value.is_table() {
        let mut table = value.table()?;
        let file = table.require("file")?;
        warnings.extend(table.unknown());
        file
    } else {
        value.clone()
    };
    let path = folder.find(file.string()?);
    from_file(&path, AclEntries::from_json).map_err(|error| file.problem(error.to_string()))
}
