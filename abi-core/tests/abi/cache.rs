//! The core cache, between sessions and as time passes. What one guest can do alone, guests do in `tests/guests/raw`.

use std::sync::Arc;
use std::time::Duration;

use abi_core::Session;
use abi_core::abi::{
    fastly_async_io as async_io, fastly_cache as cache, fastly_http_body as http_body,
};
use abi_core::body::{Body, BodyError};
use abi_core::cache::{Cache, CacheKey, CacheSpace, Purge, SurrogateKeys, VaryRule, WriteOptions};
use abi_core::http::RequestHead;
use abi_core::session::{ClientRequest, GuestEnvironment};
use abi_core::table::types::*;
use abi_core::testing::World;
use bytes::Bytes;
use http::HeaderMap;

use crate::fixture::{Fixture, OUT};

const RECORD: u32 = 0x200;
const FOUND: u32 = 3;
const STALE: u32 = 4;
const MUST_INSERT: u32 = 8;

const fn out<T>() -> GuestPtr<T> {
    GuestPtr::new(OUT)
}

impl Fixture {
    /// A guest of the same service.
    fn another(&self) -> Self {
        let mut other = Self::new();
        let request = ClientRequest::new(RequestHead::new(), Body::empty());
        let environment = GuestEnvironment::default().into();
        let (session, answer) = Session::new(self.world.platform(), environment, request);
        other.world = self.world.clone();
        other.session = session;
        other.answer = answer;
        other
    }

    fn begin(&mut self) -> CacheBusyHandle {
        let (key, length) = self.text("key");
        let options = GuestPtr::new(RECORD);
        let status =
            self.call(|call| cache::transaction_lookup_async(call, key, length, 0, options, out()));
        assert_eq!(status, 0);
        self.read(OUT)
    }

    fn is_ready(&mut self, busy: CacheBusyHandle) -> bool {
        let item = AsyncItemHandle(busy.0);
        assert_eq!(self.call(|call| async_io::is_ready(call, item, out())), 0);
        self.read::<u32>(OUT) == 1
    }

    fn wait_for(&mut self, busy: CacheBusyHandle) -> CacheHandle {
        let status = self.wait(async |call| cache::cache_busy_handle_wait(call, busy, out()).await);
        assert_eq!(status, 0);
        self.read(OUT)
    }

    fn transaction(&mut self) -> CacheHandle {
        let busy = self.begin();
        assert!(self.is_ready(busy));
        self.wait_for(busy)
    }

    fn state(&mut self, handle: CacheHandle) -> u32 {
        assert_eq!(self.call(|call| cache::get_state(call, handle, out())), 0);
        self.read(OUT)
    }

    /// Inserts an object that is fresh for ten seconds, and stale for ten more.
    fn insert_object(&mut self, handle: CacheHandle) -> BodyHandle {
        let seconds = 10_000_000_000_u64;
        self.memory().write(GuestPtr::new(RECORD), seconds).unwrap();
        let stale = GuestPtr::new(RECORD + 32);
        self.memory().write(stale, seconds).unwrap();
        let record = GuestPtr::new(RECORD);
        let status =
            self.call(|call| cache::transaction_insert(call, handle, 1 << 4, record, out()));
        assert_eq!(status, 0);
        self.read(OUT)
    }

    fn body(&mut self, handle: CacheHandle) -> BodyHandle {
        let options = GuestPtr::new(RECORD);
        let status = self.wait(async |call| cache::get_body(call, handle, 0, options, out()).await);
        assert_eq!(status, 0);
        self.read(OUT)
    }
}

#[test]
fn who_waits_reads_while_the_leader_writes() {
    let mut leader = Fixture::new();
    let mut follower = leader.another();
    let first = leader.transaction();
    assert_eq!(leader.state(first), MUST_INSERT);
    let busy = follower.begin();
    assert!(!follower.is_ready(busy));
    let writer = leader.insert_object(first);
    assert!(follower.is_ready(busy), "the head is enough");
    let found = follower.wait_for(busy);
    assert_eq!(follower.state(found), FOUND);
    let body = follower.body(found);
    leader.write_body(writer, b"now", 0);
    assert_eq!(follower.read_body(body, 100).unwrap(), b"now");
    leader.write_body(writer, b"later", 0);
    assert_eq!(leader.call(|call| http_body::close(call, writer)), 0);
    assert_eq!(follower.read_to_end(body), b"later");
}

#[test]
fn the_next_one_leads_when_a_leader_dies() {
    let mut leader = Fixture::new();
    let (mut second, mut third) = (leader.another(), leader.another());
    leader.transaction();
    let (second_busy, third_busy) = (second.begin(), third.begin());
    drop(leader);
    assert!(second.is_ready(second_busy));
    assert!(!third.is_ready(third_busy), "one leads at a time");
    let handle = second.wait_for(second_busy);
    assert_eq!(second.state(handle), MUST_INSERT);
    // One that has got the duty and does not know yet gives it up, too.
    drop(second);
    assert!(third.is_ready(third_busy));
}

#[test]
fn a_body_whose_writer_dies_is_no_object() {
    let mut leader = Fixture::new();
    let mut follower = leader.another();
    let handle = leader.transaction();
    let writer = leader.insert_object(handle);
    leader.write_body(writer, b"half", 0);
    let found = follower.transaction();
    let body = follower.body(found);
    drop(leader);
    assert_eq!(follower.read_body(body, 100).unwrap(), b"half");
    assert_eq!(follower.read_body(body, 100), Err(1));
    let next = follower.transaction();
    assert_eq!(follower.state(next), MUST_INSERT);
}

#[test]
fn objects_become_stale_and_one_revalidates() {
    let mut guest = Fixture::new();
    let handle = guest.transaction();
    let writer = guest.insert_object(handle);
    assert_eq!(guest.call(|call| http_body::close(call, writer)), 0);
    guest.world.advance(Duration::from_millis(9_999));
    let fresh = guest.transaction();
    assert_eq!(guest.state(fresh), FOUND);
    guest.world.advance(Duration::from_millis(1));
    let leader = guest.transaction();
    assert_eq!(guest.state(leader), FOUND | STALE | MUST_INSERT);
    let other = guest.transaction();
    assert_eq!(guest.state(other), FOUND | STALE, "one revalidates");
    assert_eq!(
        guest.call(|call| cache::transaction_cancel(call, leader)),
        0
    );
    let next = guest.transaction();
    assert_eq!(guest.state(next), FOUND | STALE | MUST_INSERT);
    assert_eq!(guest.call(|call| cache::close(call, next)), 0);
    guest.world.advance(Duration::from_secs(10));
    let expired = guest.transaction();
    assert_eq!(guest.state(expired), MUST_INSERT);
    assert_eq!(guest.session.platform().cache.statistics().expired, 1);
}

#[test]
fn the_cache_can_be_looked_at() {
    let mut guest = Fixture::new();
    let handle = guest.transaction();
    let writer = guest.insert_object(handle);
    guest.write_body(writer, b"12345", 0);
    let cache = guest.session.platform().cache.clone();
    let objects = cache.objects();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].key.as_bytes(), b"key");
    assert_eq!((objects[0].body_bytes, objects[0].complete), (5, false));
    assert_eq!(guest.call(|call| http_body::close(call, writer)), 0);
    assert!(cache.objects()[0].complete);
    assert!(cache.statistics().bytes > 5);
    assert_eq!(cache.purge_all(Purge::Hard), 1);
    let left = cache.statistics();
    assert_eq!((left.objects, left.bytes, left.purged), (0, 0, 1));
}

fn key(number: usize) -> CacheKey {
    CacheKey::new(CacheSpace::Core, &number.to_le_bytes()).unwrap()
}

fn store(cache: &Cache, number: usize, bytes: usize) -> Result<(), BodyError> {
    let options = WriteOptions::new(Duration::from_secs(1));
    let mut writer = cache.insert(key(number), &HeaderMap::new(), options, Duration::ZERO);
    for _ in 0..bytes / 1000 {
        writer.write(&[number as u8; 1000])?;
    }
    writer.finish();
    Ok(())
}

#[test]
fn memory_is_bounded_and_what_is_read_stays() {
    let cache = Cache::new(100_000);
    let find = |number| cache.lookup(&key(number), &HeaderMap::new(), Duration::ZERO);
    store(&cache, 0, 20_000).unwrap();
    let mut body = find(0).unwrap().whole_body();
    for number in 1..50 {
        store(&cache, number, 20_000).unwrap();
        let statistics = cache.statistics();
        assert!(statistics.bytes <= statistics.capacity);
        assert!(statistics.body_bytes <= 2 * statistics.capacity);
    }
    assert!(find(49).is_some());
    // What was used once leaves before what is used often, but here it is enough that most of them have left.
    assert!(cache.statistics().evicted > 40);
    let world = World::new();
    let mut read = 0;
    while let Some(bytes) = world.drive(body.read(usize::MAX)).unwrap() {
        assert!(bytes.iter().all(|byte| *byte == 0));
        read += bytes.len();
    }
    assert_eq!(read, 20_000);
    drop(body);
    assert_eq!(cache.clear(), cache.statistics().purged as usize);
    assert_eq!(cache.body_bytes(), 0);
}

#[test]
fn an_object_larger_than_the_cache_is_refused() {
    let cache = Cache::new(100_000);
    assert!(matches!(
        store(&cache, 0, 300_000),
        Err(BodyError::TooLarge)
    ));
    assert_eq!(cache.statistics().objects, 0);
    assert_eq!(cache.body_bytes(), 0);
}

#[test]
fn what_has_expired_is_removed() {
    let cache = Cache::new(100_000);
    store(&cache, 0, 1000).unwrap();
    cache.sweep(Duration::from_millis(999));
    assert_eq!(cache.statistics().objects, 1);
    cache.sweep(Duration::from_secs(1));
    let left = cache.statistics();
    assert_eq!((left.objects, left.keys, left.bytes), (0, 0, 0));
    assert_eq!(left.expired, 1);
}

#[test]
fn sweeping_can_be_done_a_little_at_a_time() {
    let cache = Cache::new(1 << 20);
    for number in 0..40 {
        store(&cache, number, 10).unwrap();
    }
    assert!(!cache.sweep_some(Duration::from_millis(999)));
    assert!(cache.sweep_some(Duration::from_secs(1)));
    let left = cache.statistics().objects;
    assert!((1..40).contains(&left), "{left}");
    while cache.sweep_some(Duration::from_secs(1)) {}
    assert_eq!(cache.statistics().objects, 0);
}

#[test]
fn what_is_said_about_an_object_counts_as_it_takes_memory() {
    let weight = |options: WriteOptions| {
        let cache = Cache::new(10_000_000);
        let headers = HeaderMap::new();
        let writer = cache.insert(key(0), &headers, options, Duration::ZERO);
        writer.finish();
        cache.statistics().bytes
    };
    let plain = || WriteOptions::new(Duration::from_secs(1));
    let keys: Vec<_> = (0..3000).map(|number| format!("{number:x}")).collect();
    let keys = SurrogateKeys::parse(keys.join(" ").as_bytes()).unwrap();
    let with_keys = WriteOptions {
        surrogate_keys: keys,
        ..plain()
    };
    // Each of them has an entry of its own in the directory.
    assert!(weight(with_keys) > weight(plain()) + 3000 * 200);
    let names: Vec<_> = (0..60)
        .map(|number| format!("n{number}-{}", "x".repeat(1000)))
        .collect();
    let with_vary = WriteOptions {
        vary: VaryRule::parse(&names.join(" ")).unwrap(),
        ..plain()
    };
    assert!(weight(with_vary) > weight(plain()) + 60 * 1000);
}

#[test]
fn what_is_kept_does_not_keep_what_it_was_written_in() {
    struct Written(Arc<[u8]>);

    impl AsRef<[u8]> for Written {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    let written: Arc<[u8]> = vec![b'x'; 64 * 1024].into();
    let cache = Cache::new(1024 * 1024);
    let key = CacheKey::new(CacheSpace::Core, b"key").unwrap();
    let options = WriteOptions::new(Duration::from_secs(60));
    let mut writer = cache.insert(key, &HeaderMap::new(), options, Duration::ZERO);
    let body = Body::from(Bytes::from_owner(Written(written.clone())));
    writer.append(body, &World::new()).unwrap();
    writer.finish();
    assert_eq!(cache.body_bytes(), 64 * 1024);
    assert_eq!(Arc::strong_count(&written), 1, "it is held for its writer");
}

/// Bodies are in one table with lookups.
#[test]
fn what_is_refused_for_want_of_room_is_not_inserted() {
    let limit_exceeded = 13;
    let mut fixture = Fixture::new();
    let handle = fixture.transaction();
    while fixture.call(|call| http_body::new(call, out())) == 0 {}
    let (record, second) = (GuestPtr::new(RECORD), GuestPtr::new(OUT + 4));
    let status = fixture.call(|call| cache::transaction_insert(call, handle, 0, record, out()));
    assert_eq!(status, limit_exceeded);
    let status = fixture.call(|call| {
        cache::transaction_insert_and_stream_back(call, handle, 0, record, out(), second)
    });
    assert_eq!(status, limit_exceeded);
    let (key, length) = fixture.text("key");
    let status = fixture.call(|call| cache::insert(call, key, length, 0, record, out()));
    assert_eq!(status, limit_exceeded);
    assert_eq!(fixture.state(handle), MUST_INSERT);
    assert_eq!(fixture.world.platform().cache.statistics().objects, 0);
}
