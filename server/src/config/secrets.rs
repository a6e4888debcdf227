//! `[local_server.secret_stores]`.

use std::env;

use abi_core::stores::{SecretItems, check_secret_name};
use bytes::Bytes;

use super::error::Problem;
use super::files::Folder;
use super::reader::{Result, Value};
use super::stores::json_file;
use crate::stores::from_file;

/// Reads the store `name`: a list of secrets, or a JSON file of them.
pub(super) fn read(
    name: &str,
    value: &Value<'_>,
    folder: &Folder,
    warnings: &mut Vec<Problem>,
) -> Result<SecretItems> {
    check_secret_name(name).map_err(|error| value.problem(error.to_string()))?;
    let Some(elements) = value.elements() else {
        let mut table = value.table()?;
        let Some((file, path)) = json_file(&mut table, folder)? else {
            return Err(value
                .problem("this has to be a list of secrets, or a table with `file` and `format`"));
        };
        table.refuse_unknown()?;
        return from_file(&path, SecretItems::from_json)
            .map_err(|error| file.problem(error.to_string()));
    };
    let mut secrets = SecretItems::new();
    for element in elements {
        let mut table = element.table()?;
        let key = table.require("key")?;
        let sources = [table.get("data"), table.get("file"), table.get("env")];
        let secret = match sources {
            [Some(data), None, None] => Bytes::copy_from_slice(data.string()?.as_bytes()),
            [None, Some(file), None] => folder
                .read(file.string()?)
                .map_err(|error| file.problem(error.to_string()))?
                .into(),
            [None, None, Some(variable)] => of_environment(&variable, warnings)?,
            _ => {
                return Err(
                    table.problem("a secret has exactly one of the keys `data`, `file` and `env`")
                );
            }
        };
        warnings.extend(table.unknown());
        secrets
            .insert(key.string()?, secret)
            .map_err(|error| key.problem(error.to_string()))?;
    }
    Ok(secrets)
}

/// What is in an environment variable; nothing when it is not set.
fn of_environment(variable: &Value<'_>, warnings: &mut Vec<Problem>) -> Result<Bytes> {
    let name = variable.string()?;
    let is_name = !name.is_empty() && !name.contains(['=', '\0']);
    let content = is_name.then(|| env::var_os(name)).flatten();
    match content {
        Some(content) => Ok(content.into_encoded_bytes().into()),
        None => {
            warnings.push(variable.problem(format!(
                "the environment variable `{name}` is not set; the secret is empty"
            )));
            Ok(Bytes::new())
        }
    }
}
