//! Routes that ask the host for named things: log endpoints, stores and backends.

use fastly::http::StatusCode;
use fastly::log::Endpoint;
use fastly::{Backend, ConfigStore, Response};
// The name that stores had in older SDKs. It stays covered because it is an import module of its own.
#[expect(deprecated)]
use fastly::Dictionary;
use std::fmt::Debug;
use std::io::Write;

/// Writes two records to a log endpoint; the second has a newline inside, which must not become two
/// records.
pub fn log(endpoint: &str) {
    match Endpoint::try_from_name(endpoint) {
        Ok(mut endpoint) => {
            for record in ["first record", "second record\nof two lines"] {
                endpoint
                    .write_all(record.as_bytes())
                    .expect("a log record can be written");
            }
            crate::answer("ok");
        }
        Err(error) => not_found(&error),
    }
}

/// The value of a key in a dictionary.
#[expect(deprecated)]
pub fn dictionary(store: &str, key: &str) {
    match Dictionary::try_open(store) {
        Ok(dictionary) => answer_item(dictionary.try_get(key)),
        Err(error) => not_found(&error),
    }
}

/// The value of a key in a config store.
pub fn config(store: &str, key: &str) {
    match ConfigStore::try_open(store) {
        Ok(store) => answer_item(store.try_get(key)),
        Err(error) => not_found(&error),
    }
}

/// `true` or `false`.
pub fn backend_exists(name: &str) {
    match Backend::from_name(name) {
        Ok(backend) => crate::answer(&backend.exists().to_string()),
        Err(error) => not_found(&error),
    }
}

fn answer_item<E: Debug>(item: Result<Option<String>, E>) {
    match item {
        Ok(Some(value)) => crate::answer(&value),
        Ok(None) => not_found(&"no such key"),
        Err(error) => not_found(&error),
    }
}

/// Answers 404 with the error's debugging text.
fn not_found(error: &dyn Debug) {
    Response::from_status(StatusCode::NOT_FOUND)
        .with_body_text_plain(&format!("{error:?}"))
        .send_to_client();
}
