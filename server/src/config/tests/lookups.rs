//! Places and devices.

use std::path::Path;

use super::{error, parse};
use crate::config::Manifest;

#[test]
fn places_and_devices_are_read() {
    let manifest = parse(
        r#"
        [local_server.geolocation]
        use_default_loopback = false
        format = "inline-toml"
        default = { city = "Elsewhere" }
        [local_server.geolocation.addresses]
        "127.0.0.1" = { as_number = 1, latitude = 1.5, city = "Here" }
        "10.0.0.0/8" = { city = "Ten" }
        [local_server.device_detection]
        format = "inline-toml"
        from_user_agent = true
        [local_server.device_detection.user_agents."Agent/1.0"]
        user_agent = { name = "Agent", is_bot = false }
        device = { brand = "B" }
        "#,
    )
    .unwrap();
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    let geo = manifest.geolocation.unwrap().0;
    let found = |address: &str| {
        let data = geo.lookup(address.parse().unwrap()).unwrap();
        String::from_utf8(data.to_vec()).unwrap()
    };
    assert_eq!(
        found("127.0.0.1"),
        r#"{"as_number":1,"city":"Here","latitude":1.5}"#
    );
    assert_eq!(found("10.2.3.4"), r#"{"city":"Ten"}"#);
    assert_eq!(found("::1"), r#"{"city":"Elsewhere"}"#);
    let devices = manifest.device_detection.unwrap();
    assert!(devices.from_user_agent);
    let device = abi_core::lookups::DeviceDetection::lookup(&devices, "Agent/1.0").unwrap();
    assert_eq!(
        &device[..],
        br#"{"device":{"brand":"B"},"user_agent":{"is_bot":false,"name":"Agent"}}"#
    );
}

#[test]
fn a_database_of_places_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let text = "[local_server.geolocation]\nformat = 'mmdb'\nfile = 'cities.mmdb'\n";
    let manifest = Manifest::parse(text, &folder.join("fastly.toml")).unwrap();
    let geo = manifest.geolocation.unwrap().0;
    assert!(geo.lookup("192.0.2.1".parse().unwrap()).is_some());
    assert!(geo.lookup("192.0.3.1".parse().unwrap()).is_none());
}

#[test]
fn mistakes_about_places_and_devices_are_told_with_their_place() {
    for (text, expected) in [
        (
            "[local_server.geolocation]\nformat = 'xml'",
            "fastly.toml:2: in `local_server.geolocation.format`: `xml` is no format for this; there are: inline-toml, json, mmdb",
        ),
        (
            "[local_server.geolocation]\nformat = 'inline-toml'",
            "the key `addresses` is missing",
        ),
        (
            "[local_server.geolocation]\nfile = 'a.json'",
            "the key `format` is missing beside this",
        ),
        (
            "[local_server.geolocation]\nformat = 'json'\nfile = 'none.json'",
            "fastly.toml:3: in `local_server.geolocation.file`: none.json cannot be read",
        ),
        (
            "[local_server.geolocation]\nformat = 'inline-toml'\n[local_server.geolocation.addresses]\n'10.0.0.0/99' = {}",
            "nor a network such as",
        ),
        (
            "[local_server.device_detection]\nformat = 'mmdb'",
            "there are: inline-toml, json",
        ),
        (
            "[local_server.device_detection]\nformat = 'inline-toml'\nuser_agents = { a = 1 }",
            "what is known about a user agent is a table",
        ),
    ] {
        let message = error(text);
        assert!(message.contains(expected), "{message}");
    }
    let manifest = parse("[local_server.geolocation]\nuse_default_lopback = true").unwrap();
    let warning = manifest.warnings[0].to_string();
    assert!(
        warning.contains("did you mean `use_default_loopback`?"),
        "{warning}"
    );
}
