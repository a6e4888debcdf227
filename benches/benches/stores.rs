//! What a lookup in each kind of store and a hit of the cache cost, from one thread and from as many as the machine has, and what a write to
//! a KV store costs that is on the disk when it is acknowledged.
//!
//! Stores are called as hostcalls call them, without a guest: what a hostcall costs beside is in `hostcall`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use abi_core::body::OutgoingBody;
use abi_core::cache::{Attachment, ByteRange, Cache, CacheKey, CacheSpace, VaryRule, WriteOptions};
use abi_core::http::cache::{Readthrough, lookup_key};
use abi_core::http::{BackendRequest, Destination, RequestHead, ResponseHead};
use abi_core::lookups::{DeviceDetection, DeviceTable, Geo, GeoTable, UserAgentParser};
use abi_core::stores::{
    Acl, ConfigItems, ConfigStore, EventCounter, KvInsert, KvKey, KvQuery, KvStore, KvValue,
    MemoryKv, MemoryRateLimits, RateCheck, RateLimits, RateWindow, SecretItems, SecretStore,
};
use benches::{drive, host, measure};
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use fastlike::lookups::UserAgents;
use fastlike::{AclEntries, Dictionary, DurableKv, GeoDatabase};
use futures_util::future::join_all;
use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HOST,
    HeaderValue, USER_AGENT, VARY,
};

/// How many items each store has.
const ITEMS: u32 = 10_000;

/// The size of each value, in bytes.
const VALUE_BYTES: usize = 1024;

/// What lookups and writes are made at.
const NOW: Duration = Duration::from_secs(1_800_000_000);

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Items in an order that has nothing to do with that of the keys.
fn scattered(number: u64) -> u32 {
    (number.wrapping_mul(2_654_435_761) % u64::from(ITEMS)) as u32
}

fn key(number: u32) -> String {
    format!("group/{number:05}")
}

/// Measures `lookup`, which is given a number that is another one each time, from one thread and from several.
fn lookups(criterion: &mut Criterion, name: &str, lookup: impl Fn(u64) + Sync) {
    let mut group = criterion.benchmark_group(format!("stores/{name}"));
    group.throughput(Throughput::Elements(1));
    let mut counts = vec![1, threads()];
    counts.dedup();
    for threads in counts {
        group.bench_function(format!("{threads} threads"), |bencher| {
            bencher.iter_custom(|iterations| at_once(threads, iterations, &lookup));
        });
    }
    group.finish();
}

/// How long `iterations` lookups take when threads share them.
fn at_once(threads: usize, iterations: u64, lookup: &(impl Fn(u64) + Sync)) -> Duration {
    let barrier = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let share = iterations.div_ceil(threads as u64);
        let working: Vec<_> = (0..threads as u64)
            .map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    (0..share).for_each(|number| lookup(number * 31 + thread));
                })
            })
            .collect();
        barrier.wait();
        let started = Instant::now();
        for thread in working {
            thread.join().expect("a lookup does not panic");
        }
        started.elapsed()
    })
}

fn config_stores(criterion: &mut Criterion) {
    let items = || (0..ITEMS).map(|number| (key(number), "v".repeat(100)));
    let store = ConfigItems::new(items()).expect("these are short");
    lookups(criterion, "config_store", |number| {
        assert!(store.get(&key(scattered(number))).is_some());
    });

    let folder = tempfile::tempdir().expect("there is room for files");
    let path = folder.path().join("items.json");
    let json: serde_json::Map<_, _> = items().map(|(key, value)| (key, value.into())).collect();
    std::fs::write(&path, serde_json::Value::from(json).to_string()).expect("it can be written");
    let dictionary = Dictionary::of_file(path).expect("it was just written");
    let stores = fastlike::stores::DictionarySet::from_iter([("file".to_owned(), dictionary)]);
    lookups(criterion, "config_store_file_open_and_get", |number| {
        use abi_core::stores::ConfigStores;
        let store = stores.open("file").expect("it is there");
        assert!(store.get(&key(scattered(number))).is_some());
    });
}

fn secret_stores(criterion: &mut Criterion) {
    let mut store = SecretItems::new();
    for number in 0..ITEMS {
        let name = format!("secret-{number}");
        store.insert(&name, vec![1; 32]).expect("this is a name");
    }
    lookups(criterion, "secret_store", |number| {
        let name = format!("secret-{}", scattered(number));
        assert!(store.get(&name).is_some());
    });
}

fn acls(criterion: &mut Criterion) {
    let mut list = AclEntries::new();
    for number in 0..ITEMS {
        let network = Ipv4Addr::from(number << 12);
        let prefix = format!("{network}/{}", 20 + number % 13);
        list.insert(prefix.parse().expect("this is a network"), "BLOCK");
    }
    lookups(criterion, "acl", |number| {
        let address = IpAddr::V4(Ipv4Addr::from(scattered(number) << 12));
        assert!(list.lookup(address).is_some());
    });
}

fn places(criterion: &mut Criterion) {
    let data = serde_json::json!({ "city": "x".repeat(400) });
    let mut table = GeoTable::new();
    for number in 0..ITEMS {
        let network = format!("{}/{}", Ipv4Addr::from(number << 12), 20 + number % 13);
        let inserted = table.insert_by_key(&network, &data);
        inserted.expect("this is a network");
    }
    lookups(criterion, "geo", |number| {
        let address = IpAddr::V4(Ipv4Addr::from(scattered(number) << 12));
        assert!(table.lookup(address).is_some());
    });
}

fn geo_database(criterion: &mut Criterion) {
    let bytes = include_bytes!("../../server/assets/cities.mmdb");
    let database = GeoDatabase::of_bytes(bytes.to_vec()).expect("this is a database");
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
    lookups(criterion, "geo_database", |_| {
        assert!(database.lookup(address).is_some());
    });
}

fn user_agents(criterion: &mut Criterion) {
    const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.2";
    let mut table = DeviceTable::new();
    for number in 0..ITEMS {
        table.insert(format!("agent {number}"), &serde_json::Map::new());
    }
    lookups(criterion, "device", |number| {
        let user_agent = format!("agent {}", scattered(number));
        assert!(table.lookup(&user_agent).is_some());
    });
    lookups(criterion, "device_from_user_agent", |_| {
        assert!(UserAgents.device(AGENT).is_some());
    });
    lookups(criterion, "uap", |_| {
        assert_eq!(UserAgents.parse(AGENT).family, "Firefox");
    });
}

fn rates(criterion: &mut Criterion) {
    let limits = MemoryRateLimits::new();
    let window = RateWindow::of_rate(10).expect("it is one of them");
    for number in 0..ITEMS {
        limits.increment("counter", &key(number), 1, NOW);
    }
    lookups(criterion, "rate_count", |number| {
        assert!(limits.count("counter", &key(scattered(number)), window, NOW) > 0);
    });
    lookups(criterion, "rate_check", |number| {
        let check = RateCheck {
            counter: "counter",
            entry: &key(scattered(number)),
            delta: 1,
            window,
            limit: u32::MAX,
            penalty_box: "box",
            penalty: Duration::from_secs(60),
        };
        assert!(!check.is_refused(&limits, NOW));
    });
    for number in 0..ITEMS {
        limits.penalize("box", &key(number), NOW + Duration::from_secs(60), NOW);
    }
    lookups(criterion, "penalty_box", |number| {
        assert!(limits.is_penalized("box", &key(scattered(number)), NOW));
    });
    assert!(size_of::<EventCounter>() <= 304);
}

fn cache(criterion: &mut Criterion) {
    let cache = Cache::default();
    let headers = HeaderMap::new();
    let cache_key =
        |number| CacheKey::new(CacheSpace::Core, key(number).as_bytes()).expect("this is short");
    for number in 0..ITEMS {
        let options = WriteOptions::new(Duration::from_secs(3600));
        let mut writer = cache.insert(cache_key(number), &headers, options, Duration::ZERO);
        writer.write(&[7; VALUE_BYTES]).expect("there is room");
        writer.finish();
    }
    lookups(criterion, "cache_hit", |number| {
        let found = cache.lookup(&cache_key(scattered(number)), &headers, Duration::ZERO);
        let found = found.expect("it is there");
        let mut body = drive(found.body(ByteRange::WHOLE, false)).expect("it is whole");
        let read = drive(body.read(usize::MAX)).expect("it is whole");
        assert_eq!(read.expect("it has bytes").len(), VALUE_BYTES);
    });
}

/// A response that is stored, as a guest's `send` gets it.
fn responses(criterion: &mut Criterion) {
    let runtime = measure::runtime();
    let platform = host::caching_platform(runtime.handle());
    let requests: Vec<RequestHead> = (0..ITEMS)
        .map(|number| {
            let mut head = RequestHead::new();
            let uri = format!("http://www.example.com/{}?page=1", key(number));
            head.uri = uri.parse().expect("this is a URI");
            for (name, value) in [
                (HOST, "www.example.com"),
                (USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"),
                (ACCEPT, "text/html,application/xhtml+xml"),
                (ACCEPT_ENCODING, "gzip, br"),
            ] {
                head.headers.insert(name, HeaderValue::from_static(value));
            }
            head
        })
        .collect();
    for request in &requests {
        let mut response = ResponseHead::new();
        for (name, value) in [
            (CACHE_CONTROL, "public, max-age=3600"),
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_LENGTH, "1024"),
            (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (ETAG, "\"1\""),
            (VARY, "accept-encoding"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers.insert(name, value);
        }
        let options = WriteOptions {
            attachment: Attachment::Response(Arc::new(response)),
            vary: VaryRule::parse("accept-encoding").expect("this is a header"),
            ..WriteOptions::new(Duration::from_secs(3600))
        };
        let key = lookup_key(&mut request.clone());
        let now = platform.clock.monotonic();
        let mut writer = platform.cache.insert(key, &request.headers, options, now);
        writer.write(&[7; VALUE_BYTES]).expect("there is room");
        writer.finish();
    }
    lookups(criterion, "readthrough_hit", |number| {
        let request = BackendRequest {
            destination: Destination::Static("origin".to_owned()),
            head: requests[scattered(number) as usize].clone(),
            body: OutgoingBody::empty(),
            bypass_cache: false,
        };
        let sent = Readthrough::new(platform.clone()).send(request);
        let mut response = drive(sent).expect("it is stored");
        let read = drive(response.body.read(usize::MAX)).expect("it is whole");
        assert_eq!(read.expect("it has bytes").len(), VALUE_BYTES);
    });
}

fn value() -> KvValue {
    Bytes::from(vec![7; VALUE_BYTES]).into()
}

fn insert() -> KvInsert {
    KvInsert {
        value: value(),
        ..KvInsert::default()
    }
}

fn kv_key(number: u32) -> KvKey {
    KvKey::new(&key(number)).expect("this is a key")
}

fn kv_lookups(criterion: &mut Criterion, name: &str, store: &(impl KvStore + fmt::Debug)) {
    lookups(criterion, name, |number| {
        let found = drive(store.lookup(kv_key(scattered(number)), NOW));
        assert_eq!(found.expect("it is there").value.len(), VALUE_BYTES);
    });
}

fn memory_kv(criterion: &mut Criterion) {
    let store = MemoryKv::new();
    for number in 0..ITEMS {
        let written = store.write_now(kv_key(number), insert(), NOW);
        written.expect("there is room for it");
    }
    kv_lookups(criterion, "kv_memory", &store);
    lookups(criterion, "kv_memory_insert", |number| {
        let written = drive(store.insert(kv_key(scattered(number)), insert(), NOW));
        written.expect("there is room for it");
    });
    lookups(criterion, "kv_memory_list", |_| {
        let page = drive(store.list(KvQuery::default(), NOW));
        assert_eq!(page.expect("it can be read").keys.len(), 1000);
    });
}

fn durable_kv(criterion: &mut Criterion) {
    // Where the build puts its files is on a disk; the folder for temporary files may be in memory.
    let folder =
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room for files");
    let runtime = measure::runtime();
    let store = DurableKv::open(folder.path(), "bench", runtime.handle().clone());
    let store = store.expect("it is new");
    let first = (0..ITEMS).map(|number| store.insert(kv_key(number), insert(), NOW));
    for written in runtime.block_on(join_all(first)) {
        written.expect("it can be written");
    }
    kv_lookups(criterion, "kv_durable", &store);

    let mut group = criterion.benchmark_group("stores/kv_durable_insert");
    for writers in [1, 16, 256] {
        group.throughput(Throughput::Elements(writers));
        group.bench_function(format!("{writers} at once"), |bencher| {
            bencher.iter(|| {
                let writes = (0..writers).map(|number| {
                    let key = kv_key(scattered(number));
                    store.insert(key, insert(), NOW)
                });
                for written in runtime.block_on(join_all(writes)) {
                    written.expect("it can be written");
                }
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = measure::criterion();
    config_stores(&mut criterion);
    secret_stores(&mut criterion);
    acls(&mut criterion);
    places(&mut criterion);
    geo_database(&mut criterion);
    user_agents(&mut criterion);
    rates(&mut criterion);
    cache(&mut criterion);
    responses(&mut criterion);
    memory_kv(&mut criterion);
    durable_kv(&mut criterion);
    criterion.final_summary();
}
