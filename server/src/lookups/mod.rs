//! What guests can ask about addresses and user agents, as far as it needs files and libraries; the tables are those of
//! [`abi_core::lookups`].
//!
//! * [`GeoDatabase`]: where addresses are, from a file in the format of MaxMind;
//! * [`UserAgents`]: what user agents are made of, and what devices send them;
//! * [`DeviceSettings`]: a table of devices, and maybe what a user agent says by itself.

mod database;
mod devices;
mod functions;
mod user_agents;

use std::path::Path;
use std::sync::Arc;

use abi_core::lookups::Geo;
pub use abi_core::lookups::{DeviceTable, GeoTable};
pub use database::GeoDatabase;
pub use devices::DeviceSettings;
pub(crate) use functions::{DeviceFunction, GeoFunction};
pub use user_agents::UserAgents;

use crate::stores::{Reread, StoreError};

/// Where addresses are, of a file: a database when its name ends in `.mmdb`, and a JSON object otherwise. When the file
/// changes, the next lookup sees the change.
pub(crate) fn geo_of_file(path: &Path) -> Result<Arc<dyn Geo>, StoreError> {
    let is_database = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("mmdb"));
    Ok(if is_database {
        geo_database(path)?
    } else {
        let table = |bytes: &[u8]| Ok(GeoTable::from_json(bytes)?);
        Arc::new(Reread::new(path.to_owned(), table)?)
    })
}

/// The database in a file, which is read again when it has changed.
pub(crate) fn geo_database(path: &Path) -> Result<Arc<dyn Geo>, StoreError> {
    let database = |bytes: &[u8]| GeoDatabase::of_bytes(bytes.to_vec());
    Ok(Arc::new(Reread::new(path.to_owned(), database)?))
}
