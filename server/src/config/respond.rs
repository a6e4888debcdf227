//! `respond` of a backend: responses that stand for it.
//!
//! Either one of them, for every request, or a list, of which the first that matches is given:
//!
//! ```toml
//! [local_server.backends.origin]
//! respond = { status = 200, headers = { content-type = "text/plain" }, body = "hello" }
//!
//! [local_server.backends.api]
//! respond = [
//!     { method = "GET", path = "/users", file = "users.json" },
//!     { path = "/private/*", status = 403 },
//! ]
//! ```

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::files::Folder;
use super::reader::{Result, Table, Value};
use crate::backends::{FixedResponse, FixedResponses};

pub(super) fn read(value: &Value<'_>, folder: &Folder) -> Result<FixedResponses> {
    let Some(elements) = value.elements() else {
        return Ok(response(value, folder)?.into());
    };
    if elements.is_empty() {
        return Err(value.problem("this list is empty: no request would be answered"));
    }
    elements
        .iter()
        .map(|value| response(value, folder))
        .collect()
}

fn response(value: &Value<'_>, folder: &Folder) -> Result<FixedResponse> {
    let mut table = value.table()?;
    let path = table.get("path").map(|value| path(&value)).transpose()?;
    let status = table
        .get("status")
        .map(|value| status(&value))
        .transpose()?;
    let headers = table
        .get("headers")
        .map(|value| headers(&value))
        .transpose()?;
    let response = FixedResponse {
        method: table
            .get("method")
            .map(|value| method(&value))
            .transpose()?,
        path,
        status: status.unwrap_or(StatusCode::OK),
        headers: headers.unwrap_or_default(),
        body: body(&mut table, folder)?,
    };
    table.refuse_unknown()?;
    Ok(response)
}

fn method(value: &Value<'_>) -> Result<Method> {
    let name = value.string()?.to_ascii_uppercase();
    Method::from_bytes(name.as_bytes())
        .map_err(|_| value.problem(format!("`{name}` is not a method")))
}

fn path(value: &Value<'_>) -> Result<String> {
    let path = value.string()?;
    if !path.starts_with('/') {
        return Err(value.problem("a path begins with `/`"));
    }
    if path.contains(['?', '#']) {
        return Err(value.problem("a path has no query: requests are matched without theirs"));
    }
    Ok(path.to_owned())
}

fn status(value: &Value<'_>) -> Result<StatusCode> {
    let status = u16::try_from(value.number()?).ok();
    let status = status.filter(|status| (200..=599).contains(status));
    status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| value.problem("this has to be a status from 200 to 599"))
}

/// Names and values; a field that occurs more than once has a list of values.
fn headers(value: &Value<'_>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in value.table()?.all() {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| value.problem(format!("`{name}` is not the name of a header field")))?;
        for value in value.elements().unwrap_or_else(|| vec![value]) {
            let field = HeaderValue::from_str(value.string()?)
                .map_err(|_| value.problem("this cannot be the value of a header field"))?;
            headers.append(name.clone(), field);
        }
    }
    Ok(headers)
}

fn body(table: &mut Table<'_>, folder: &Folder) -> Result<Bytes> {
    match (table.get("body"), table.get("file")) {
        (Some(_), Some(file)) => Err(file.problem("use only one of `body` and `file`")),
        (Some(body), None) => Ok(Bytes::copy_from_slice(body.string()?.as_bytes())),
        (None, Some(file)) => folder
            .read(file.string()?)
            .map(Bytes::from)
            .map_err(|error| file.problem(error.to_string())),
        (None, None) => Ok(Bytes::new()),
    }
}
