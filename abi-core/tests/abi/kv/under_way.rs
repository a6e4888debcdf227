//! Operations that take their time, and those that fail.

use std::time::Duration;

use abi_core::Call;
use abi_core::abi::{fastly_async_io as async_io, fastly_object_store as object_store};
use abi_core::stores::{KvError, KvFuture, KvInsert, KvItem, KvKey, KvPage, KvQuery, KvStore};
use abi_core::table::types::*;
use futures_channel::oneshot;
use futures_util::FutureExt;

use super::{KV_ERROR, OK, UNTOUCHED};
use crate::fixture::{BUFFER, Fixture, OUT};

/// A store that answers when it is told to.
struct Slow(std::sync::Mutex<Vec<oneshot::Receiver<Result<(), KvError>>>>);

impl Slow {
    fn next<T: Default>(&self) -> KvFuture<T> {
        let answer = self.0.lock().unwrap().pop().unwrap();
        answer
            .map(|answer| answer.unwrap().map(|()| T::default()))
            .boxed()
    }
}

impl KvStore for Slow {
    fn lookup(&self, _: KvKey, _: Duration) -> KvFuture<KvItem> {
        self.next()
    }

    fn insert(&self, _: KvKey, _: KvInsert, _: Duration) -> KvFuture<()> {
        self.next()
    }

    fn delete(&self, _: KvKey, _: Duration) -> KvFuture<()> {
        self.next()
    }

    fn list(&self, _: KvQuery, _: Duration) -> KvFuture<KvPage> {
        self.next()
    }
}

#[test]
fn an_operation_under_way_can_be_selected() {
    let mut fixture = Fixture::new();
    let (answer, answered) = oneshot::channel();
    fixture.world.add_kv("slow", Slow(vec![answered].into()));
    let store = fixture.open_kv("slow").1;
    let (_, handle) = fixture.start_lookup(store, "k");
    let is_ready = |fixture: &mut Fixture| {
        let item = AsyncItemHandle(handle.0);
        let ready = |call: &mut Call<'_>| async_io::is_ready(call, item, GuestPtr::new(OUT));
        assert_eq!(fixture.call(ready), 0);
        fixture.read::<u32>(OUT)
    };
    assert_eq!(is_ready(&mut fixture), 0);
    answer.send(Ok(())).unwrap();
    fixture
        .memory()
        .write(GuestPtr::new(BUFFER), handle.0)
        .unwrap();
    let status = fixture.wait(async |call| {
        async_io::select(call, GuestPtr::new(BUFFER), 1, 0, GuestPtr::new(OUT)).await
    });
    assert_eq!((status, fixture.read::<u32>(OUT)), (0, 0));
    assert_eq!(is_ready(&mut fixture), 1);
    assert_eq!(fixture.lookup_wait(handle, 0), 0);
    assert_eq!(fixture.read::<u32>(KV_ERROR), OK);
}

#[test]
fn a_store_that_fails_says_so_in_both_interfaces() {
    let mut fixture = Fixture::new();
    for (error, kv_status, kv_error, status) in [
        (KvError::Internal, 0, 6, 1),
        (KvError::PayloadTooLarge, 0, 5, 2),
        (KvError::TooManyRequests, 13, UNTOUCHED, 13),
    ] {
        let answers = (0..3).map(|_| {
            let (answer, answered) = oneshot::channel();
            answer.send(Err(error)).unwrap();
            answered
        });
        fixture
            .world
            .add_kv("failing", Slow(answers.collect::<Vec<_>>().into()));
        let store = fixture.open_kv("failing").1;
        let (_, handle) = fixture.start_lookup(store, "k");
        assert_eq!(fixture.lookup_wait(handle, 0), kv_status);
        assert_eq!(fixture.read::<u32>(KV_ERROR), kv_error);
        let store = ObjectStoreHandle(store.0);
        let (key, key_len) = fixture.text("k");
        let body = fixture.body_of(b"v");
        let inserted =
            fixture.wait(async |call| object_store::insert(call, store, key, key_len, body).await);
        assert_eq!(inserted, status);
        let found = fixture.wait(async |call| {
            object_store::lookup(call, store, key, key_len, GuestPtr::new(OUT)).await
        });
        assert_eq!(found, status);
    }
}
