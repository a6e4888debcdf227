//! Where addresses are, from a file in the format of MaxMind.

use std::net::IpAddr;
use std::path::Path;

use abi_core::lookups::Geo;
use bytes::Bytes;
use celes::Country;
use maxminddb::Reader;
use serde_json::{Value, json};

use crate::stores::{StoreError, from_file};

/// What a number says that is not known, for the offset of a zone of time.
const NO_OFFSET: i32 = 9999;

/// Where addresses are, from a file in the format of MaxMind: GeoIP2 and GeoLite2 databases of cities, countries, networks
/// (ASN, ISP), connection types and anonymous addresses, and others that use the same keys.
pub struct GeoDatabase(Reader<Vec<u8>>);

impl std::fmt::Debug for GeoDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GeoDatabase")
            .field(&self.0.metadata().database_type)
            .finish()
    }
}

impl GeoDatabase {
    /// The database in a file, which is kept in memory as a whole.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the file cannot be used.
    pub fn of_file(path: &Path) -> Result<Self, StoreError> {
        from_file(path, |bytes| Ok(Self::of_bytes(bytes.to_vec())))?
            .map_err(|error| StoreError::new(format!("{}: {error}", path.display())))
    }

    /// The database that these bytes are.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they are none.
    pub fn of_bytes(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let reader = Reader::from_source(bytes);
        reader.map(Self).map_err(|error| {
            StoreError::new(format!(
                "this is not a database in the format of MaxMind: {error}"
            ))
        })
    }
}

impl Geo for GeoDatabase {
    fn lookup(&self, address: IpAddr) -> Option<Bytes> {
        let record = self.0.lookup(address).ok()?.decode::<Value>();
        match record {
            Ok(record) => Some(Bytes::from(geo_of(&record?).to_string())),
            Err(error) => {
                tracing::warn!("the geo database has no usable record of {address}: {error}");
                None
            }
        }
    }
}

/// The record of a database as guests get it. What the database does not say is `?`, or 0.
fn geo_of(record: &Value) -> Value {
    let text = |places: &[&str]| -> String {
        let found = places
            .iter()
            .find_map(|place| record.pointer(place)?.as_str());
        found.unwrap_or("?").to_owned()
    };
    let number = |place: &str| record.pointer(place).and_then(Value::as_f64).unwrap_or(0.0);
    let as_number = [
        "/autonomous_system_number",
        "/traits/autonomous_system_number",
    ];
    let as_number = as_number
        .iter()
        .find_map(|place| record.pointer(place)?.as_u64());
    let country_code = text(&["/country/iso_code", "/registered_country/iso_code"]);
    let country_code3 = Country::from_alpha2(&country_code).map_or("?", |country| country.alpha3);
    json!({
        "as_name": text(&[
            "/autonomous_system_organization",
            "/traits/autonomous_system_organization",
            "/organization",
            "/traits/organization",
            "/isp",
            "/traits/isp",
        ]),
        "as_number": as_number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
        "area_code": 0,
        "city": text(&["/city/names/en"]),
        "conn_speed": connection_speed(record),
        "conn_type": connection_type(record),
        "continent": text(&["/continent/code"]),
        "country_code": country_code,
        "country_code3": country_code3,
        "country_name": text(&["/country/names/en", "/registered_country/names/en"]),
        "latitude": number("/location/latitude"),
        "longitude": number("/location/longitude"),
        "metro_code": record.pointer("/location/metro_code").and_then(Value::as_i64).unwrap_or(0),
        "postal_code": text(&["/postal/code"]),
        "proxy_description": proxy_description(record),
        "proxy_type": proxy_type(record),
        "region": text(&["/subdivisions/0/iso_code"]),
        "utc_offset": NO_OFFSET,
    })
}

fn connection(record: &Value) -> &str {
    let places = ["/connection_type", "/traits/connection_type"];
    let found = places
        .iter()
        .find_map(|place| record.pointer(place)?.as_str());
    found.unwrap_or_default()
}

fn connection_speed(record: &Value) -> &'static str {
    match connection(record) {
        "Dialup" => "dialup",
        "Cable/DSL" => "broadband",
        "Corporate" => "t1",
        "Cellular" => "mobile",
        "Satellite" => "satellite",
        _ => "?",
    }
}

fn connection_type(record: &Value) -> &'static str {
    match connection(record) {
        "Dialup" => "dialup",
        "Cable/DSL" | "Corporate" => "wired",
        "Cellular" => "mobile",
        "Satellite" => "satellite",
        _ => "?",
    }
}

fn is(record: &Value, trait_name: &str) -> bool {
    let places = [format!("/{trait_name}"), format!("/traits/{trait_name}")];
    let mut values = places
        .iter()
        .filter_map(|place| record.pointer(place)?.as_bool());
    values.any(|value| value)
}

fn proxy_description(record: &Value) -> &'static str {
    let descriptions = [
        ("is_tor_exit_node", "tor-exit"),
        ("is_anonymous_vpn", "vpn"),
        ("is_hosting_provider", "cloud"),
    ];
    let found = descriptions.iter().find(|(name, _)| is(record, name));
    found.map_or("?", |(_, description)| *description)
}

fn proxy_type(record: &Value) -> &'static str {
    let types = [
        ("is_hosting_provider", "hosting"),
        ("is_public_proxy", "public"),
        ("is_anonymous", "anonymous"),
        ("is_anonymous_proxy", "anonymous"),
    ];
    let found = types.iter().find(|(name, _)| is(record, name));
    found.map_or("?", |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the package mmdb-writer 0.2.7 of PyPI; `server/assets/README.md` says how.
    const CITIES: &[u8] = include_bytes!("../../assets/cities.mmdb");

    fn found(database: &GeoDatabase, address: &str) -> Option<Value> {
        let data = database.lookup(address.parse().unwrap())?;
        Some(serde_json::from_slice(&data).unwrap())
    }

    #[test]
    fn records_become_what_guests_get() {
        let database = GeoDatabase::of_bytes(CITIES.to_vec()).unwrap();
        let geo = found(&database, "192.0.2.77").unwrap();
        for (key, expected) in [
            ("as_name", json!("Example Networks")),
            ("as_number", json!(64496)),
            ("city", json!("Vienna")),
            ("continent", json!("EU")),
            ("country_code", json!("AT")),
            ("country_code3", json!("AUT")),
            ("country_name", json!("Austria")),
            ("latitude", json!(48.2)),
            ("longitude", json!(16.37)),
            ("postal_code", json!("1010")),
            ("region", json!("9")),
            ("conn_type", json!("wired")),
            ("conn_speed", json!("broadband")),
            ("proxy_type", json!("hosting")),
            ("proxy_description", json!("cloud")),
            ("utc_offset", json!(9999)),
        ] {
            assert_eq!(geo[key], expected, "{key}");
        }
        assert_eq!(geo.as_object().unwrap().len(), 18);
        let sparse = found(&database, "2001:db8::1").unwrap();
        assert_eq!(sparse["country_code3"], "USA");
        assert_eq!(sparse["city"], "?");
        assert_eq!(sparse["as_number"], 0);
        assert_eq!(found(&database, "198.51.100.1"), None);
    }

    #[test]
    fn what_is_no_database_is_refused() {
        for bytes in [&b""[..], b"not a database", &CITIES[..CITIES.len() / 2]] {
            assert!(GeoDatabase::of_bytes(bytes.to_vec()).is_err());
        }
        let error = GeoDatabase::of_file(Path::new("no/such.mmdb"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("no/such.mmdb cannot be read"), "{error}");
    }

    #[test]
    fn no_damage_to_a_database_ends_the_process() {
        for position in 0..CITIES.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = CITIES.to_vec();
                bytes[position] = value;
                if let Ok(database) = GeoDatabase::of_bytes(bytes) {
                    let _ = found(&database, "192.0.2.77");
                    let _ = found(&database, "2001:db8::1");
                }
            }
        }
    }
}
