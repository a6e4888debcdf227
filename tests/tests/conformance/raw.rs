//! The cases inside the guest without an SDK. Each is a test on every engine.
//!
//! Their names are in a file, so that no case can vanish without a change to it.

use abi_core::http::ShieldSite;
use conformance::case::{on_engine, trial};
use conformance::cases;
use conformance::context::Context;
use conformance::engines;
use conformance::faulty::{Faulty, Refused};
use conformance::guests::RAW;
use conformance::host::HostSetup;
use conformance::origin::Origin;
use fastlike::{
    AclEntries, DeviceTable, Dictionary, GeoTable, HttpCacheSettings, MemoryKv, SecretItems,
};
use libtest_mimic::Trial;
use tempfile::TempDir;

cases![the_list_is_complete];

/// The names of the cases.
pub fn names() -> impl Iterator<Item = &'static str> {
    include_str!("raw_cases.txt").lines()
}

/// Whether a case is about the cache of responses.
pub fn wants_http_cache(name: &str) -> bool {
    name.starts_with("http_cache_") || name.ends_with("_http_cache")
}

/// A test per case and engine.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for name in names() {
        for engine in engines::NAMES {
            let run = move || on_engine(engine, move |cx| passes(cx, name));
            trials.push(trial(format!("{engine}::raw::{name}"), run));
        }
    }
    trials
}

async fn passes(cx: Context, name: &'static str) {
    let world = World::start().await;
    let host = world.for_case(name, cx.host(RAW)).start().await;
    assert_eq!(host.text(&format!("/case/{name}")).await, "ok");
}

async fn the_list_is_complete(cx: Context) {
    let host = cx.host(RAW).start().await;
    let listed: Vec<_> = names().collect();
    let text = host.text("/cases").await;
    let actual: Vec<_> = text.lines().collect();
    assert_eq!(
        listed, actual,
        "`raw_cases.txt` is to be what the guest answers to `/cases`"
    );
}

const NETWORKS: &[u8] = br#"{ "entries": [
    { "op": "create", "prefix": "10.0.0.0/8", "action": "BLOCK" },
    { "op": "create", "prefix": "10.1.0.0/16", "action": "ALLOW" },
    { "op": "create", "prefix": "2001:db8::/32", "action": "BLOCK" }
] }"#;

const PLACES: &[u8] = br#"{
    "10.0.0.0/8": { "city": "Ten" },
    "10.1.0.0/16": { "city": "Ten One" },
    "2001:db8::/32": { "city": "Six" }
}"#;

const DEVICES: &[u8] = br#"{ "Device/1.0": { "device": { "name": "Example" } } }"#;

/// What the cases expect around them.
pub struct World {
    /// The backend that answers.
    pub origin: Origin,
    refused: Refused,
    never: Faulty,
    /// Where a manifest is that some cases want.
    folder: TempDir,
}

impl World {
    /// Starts the backends.
    pub async fn start() -> Self {
        Self {
            origin: Origin::start().await,
            refused: Refused::take(),
            never: Faulty::never().await,
            folder: TempDir::new().expect("there is a folder for temporary files"),
        }
    }

    /// A host within it, for a case. Guests are left the cache of responses where it is about that: with it, what the
    /// other cases send would not always reach the backend.
    pub fn for_case(&self, name: &str, host: HostSetup) -> HostSetup {
        let host = self.of(host);
        match name {
            "image_transform_off" => {
                let manifest = self.folder.path().join("fastly.toml");
                let text = "[local_server.products]\nimage_optimizer = false\n";
                std::fs::write(&manifest, text).expect("a folder can be written to");
                host.configure(|builder| builder.config(&manifest))
            }
            _ if wants_http_cache(name) => {
                host.configure(|builder| builder.http_cache(HttpCacheSettings::default()))
            }
            _ => host,
        }
    }

    /// A host within it.
    pub fn of(&self, host: HostSetup) -> HostSetup {
        let long = "x".repeat(8000);
        let items = [("greeting", "hello"), ("empty", ""), ("long", &long)];
        let items = items.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let strings = Dictionary::of_items(items).expect("these are valid items");
        let mut secrets = SecretItems::new();
        for (name, secret) in [("password", "hunter2"), ("empty", "")] {
            secrets.insert(name, secret).expect("these are names");
        }
        let kv = MemoryKv::new();
        kv.set_with_metadata("greeting", "hello", "of the host")
            .expect("this is a key with a value");
        let networks = AclEntries::from_json(NETWORKS).expect("these are entries");
        let places = GeoTable::from_json(PLACES).expect("these are places");
        let devices = DeviceTable::from_json(DEVICES).expect("this is a device");
        let there = ShieldSite::Remote {
            plain: "http://shield.example/plain".to_owned(),
            encrypted: "https://shield.example/encrypted".to_owned(),
        };
        host.backend("origin", self.origin.address)
            .backend("refused", self.refused.address)
            .backend("never", self.never.address)
            .configure(|builder| {
                builder
                    .shield("here", ShieldSite::Local)
                    .shield("there", there)
                    .dictionary("strings", strings)
                    .secret_store("secrets", secrets)
                    .kv_store("kv", kv)
                    .acl("networks", networks)
                    .geo(places)
                    .device_detection(devices)
            })
    }
}
