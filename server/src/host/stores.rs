//! The stores that a host is given, by its configuration and by who embeds it.

use std::collections::HashMap;
use std::sync::Arc;

use abi_core::stores::{Acl, KvStore, RateLimits, SecretStore, Stores};
use tokio::runtime::Handle;

use super::{HostBuilder, HostError};
use crate::config::Manifest;
use crate::stores::{Dictionary, DictionarySet, KvSettings, SeededKv};

/// What was given, in order: of two with one name the later one counts.
#[derive(Default)]
pub(super) struct GivenStores {
    dictionaries: Vec<(String, Dictionary)>,
    kv_stores: Vec<(String, GivenKv)>,
    acls: Vec<(String, Arc<dyn Acl>)>,
    secret_stores: Vec<(String, Arc<dyn SecretStore>)>,
    rates: Option<Arc<dyn RateLimits>>,
}

enum GivenKv {
    Settings(KvSettings),
    Store(Arc<dyn KvStore>),
}

impl GivenStores {
    /// What a configuration gives.
    pub(super) fn of(manifest: Manifest) -> Self {
        let kv_stores = manifest.kv_stores.into_iter();
        let acls = manifest.acls.into_iter();
        let secret_stores = manifest.secret_stores.into_iter();
        Self {
            dictionaries: manifest.dictionaries,
            kv_stores: kv_stores
                .map(|(name, settings)| (name, GivenKv::Settings(settings)))
                .collect(),
            acls: acls
                .map(|(name, list)| -> (_, Arc<dyn Acl>) { (name, Arc::new(list)) })
                .collect(),
            secret_stores: secret_stores
                .map(|(name, secrets)| -> (_, Arc<dyn SecretStore>) { (name, Arc::new(secrets)) })
                .collect(),
            rates: None,
        }
    }

    /// These, after others.
    pub(super) fn after(self, mut first: Self) -> Self {
        first.dictionaries.extend(self.dictionaries);
        first.kv_stores.extend(self.kv_stores);
        first.acls.extend(self.acls);
        first.secret_stores.extend(self.secret_stores);
        first.rates = self.rates.or(first.rates);
        first
    }

    /// Makes the stores of a platform, where a host has those of `kept` already and counts in `rates`. `runtime` reads the
    /// files of those that outlive the process.
    pub(super) fn open(
        self,
        runtime: &Handle,
        kept: &KeptStores,
        rates: Arc<dyn RateLimits>,
    ) -> Result<OpenedStores, HostError> {
        // What another one takes the place of is not opened.
        let kv_stores: HashMap<_, _> = self.kv_stores.into_iter().collect();
        let mut kv: HashMap<String, Arc<dyn KvStore>> = HashMap::new();
        let mut in_memory = KeptStores::default();
        for (name, given) in kv_stores {
            let wrong = |error| HostError::KvStore {
                store: name.clone(),
                error,
            };
            let store = match given {
                GivenKv::Store(store) => store,
                GivenKv::Settings(settings) if settings.persist.is_some() => {
                    settings.open_durable(&name, runtime).map_err(wrong)?
                }
                GivenKv::Settings(settings) => {
                    let seeded = match kept.0.get(&name) {
                        Some(kept) => kept.reconfigured(settings),
                        None => SeededKv::new(settings),
                    };
                    let seeded = seeded.map_err(wrong)?;
                    let store = Arc::new(seeded.store.clone());
                    in_memory.0.insert(name.clone(), seeded);
                    store
                }
            };
            kv.insert(name, store);
        }
        let acls: HashMap<_, _> = self.acls.into_iter().collect();
        let secrets: HashMap<_, _> = self.secret_stores.into_iter().collect();
        let stores = Stores {
            config: Arc::new(DictionarySet::from_iter(self.dictionaries)),
            kv: Arc::new(kv),
            acls: Arc::new(acls),
            secrets: Arc::new(secrets),
            rates: self.rates.unwrap_or(rates),
        };
        Ok(OpenedStores { stores, in_memory })
    }
}

/// The KV stores that a host has made in memory, by name. What guests have written there outlives a reload.
#[derive(Default)]
pub(super) struct KeptStores(HashMap<String, SeededKv>);

impl KeptStores {
    /// Has guests see those of the new configuration.
    pub(super) fn replace(&mut self, mut opened: Self) {
        for (name, store) in &mut opened.0 {
            store.put_in_place(name);
        }
        *self = opened;
    }
}

/// Stores that no guest has seen yet.
pub(super) struct OpenedStores {
    pub stores: Stores,
    pub in_memory: KeptStores,
}

/// Stores.
impl HostBuilder {
    /// A dictionary or config store.
    pub fn dictionary(mut self, name: impl Into<String>, dictionary: Dictionary) -> Self {
        self.stores.dictionaries.push((name.into(), dictionary));
        self
    }

    /// A KV store: [`MemoryKv`](crate::MemoryKv) or [`DurableKv`](crate::DurableKv), of which a clone shows later what
    /// guests have written, or one of the embedder's own.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = fastlike::MemoryKv::new();
    /// sessions.set("first", "x")?;
    /// let host = fastlike::Host::builder()
    ///     .program(std::path::PathBuf::from("app.wasm"))
    ///     .kv_store("sessions", sessions.clone())
    ///     .build()
    ///     .await?;
    /// # let request = http::Request::get("http://localhost/").body(http_body_util::Empty::<bytes::Bytes>::new())?;
    /// host.handle(request).await;
    /// println!("{:?} {:?}", sessions.keys(), sessions.get("first"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn kv_store(mut self, name: impl Into<String>, store: impl KvStore + 'static) -> Self {
        let store = GivenKv::Store(Arc::new(store));
        self.stores.kv_stores.push((name.into(), store));
        self
    }

    /// A KV store as it could be configured.
    pub fn kv_store_with(mut self, name: impl Into<String>, settings: KvSettings) -> Self {
        let settings = GivenKv::Settings(settings);
        self.stores.kv_stores.push((name.into(), settings));
        self
    }

    /// An access control list: [`AclEntries`](crate::AclEntries), or one of the embedder's own.
    pub fn acl(mut self, name: impl Into<String>, list: impl Acl + 'static) -> Self {
        self.stores.acls.push((name.into(), Arc::new(list)));
        self
    }

    /// A secret store: [`SecretItems`](crate::SecretItems), or one of the embedder's own.
    pub fn secret_store(
        mut self,
        name: impl Into<String>,
        store: impl SecretStore + 'static,
    ) -> Self {
        let store = Arc::new(store);
        self.stores.secret_stores.push((name.into(), store));
        self
    }

    /// Rate counters and penalty boxes; otherwise they are in memory, and this host's own.
    pub fn rate_limits(mut self, rates: Arc<dyn RateLimits>) -> Self {
        self.stores.rates = Some(rates);
        self
    }
}
