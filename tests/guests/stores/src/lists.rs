//! Stores that are only read: config stores, secret stores, access control lists.

use fastly::Response;
use fastly::acl::Acl;
use fastly::config_store::ConfigStore;
use fastly::secret_store::{Secret, SecretStore};

use crate::{Outcome, failed, not_found, text};

pub fn config(store: &str, key: &str) -> Outcome {
    let store = ConfigStore::try_open(store).map_err(|error| not_found(&error))?;
    match store.try_get(key) {
        Ok(Some(value)) => text(value),
        Ok(None) => Err(not_found(&"no key")),
        Err(error) => Err(failed(&error)),
    }
}

pub fn config_has(store: &str, key: &str) -> Outcome {
    let store = ConfigStore::try_open(store).map_err(|error| not_found(&error))?;
    text(store.contains(key).to_string())
}

pub fn secret_has(store: &str, name: &str) -> Outcome {
    let store = SecretStore::open(store).map_err(|error| not_found(&error))?;
    match store.contains(name) {
        Ok(contains) => text(contains.to_string()),
        Err(error) => Err(failed(&error)),
    }
}

pub fn secret(store: &str, name: &str) -> Outcome {
    let store = SecretStore::open(store).map_err(|error| not_found(&error))?;
    match store.try_get(name) {
        Ok(Some(secret)) => Ok(Response::from_body(&secret.plaintext()[..])),
        Ok(None) => Err(not_found(&"no secret")),
        Err(error) => Err(failed(&error)),
    }
}

pub fn secret_of(text: &str) -> Outcome {
    let secret = Secret::from_bytes(text.as_bytes().to_vec()).map_err(|error| failed(&error))?;
    Ok(Response::from_body(&secret.plaintext()[..]))
}

pub fn acl(list: &str, address: &str) -> Outcome {
    let list = Acl::open(list).map_err(|error| not_found(&error))?;
    let address = address.parse().map_err(|error| failed(&error))?;
    match list.try_lookup(address) {
        Ok(Some(entry)) => text(format!("{entry:?}")),
        Ok(None) => text("none"),
        Err(error) => Err(failed(&error)),
    }
}
