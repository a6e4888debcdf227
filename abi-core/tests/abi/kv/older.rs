//! The older interface, `fastly_object_store`.

use abi_core::Call;
use abi_core::abi::fastly_object_store as object_store;
use abi_core::table::types::*;

use super::{KV_ERROR, OK, UNTOUCHED};
use crate::fixture::{Fixture, OUT};

#[test]
fn the_older_interface_is_to_the_same_stores() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    let (name, name_len) = fixture.text("store");
    let open = |call: &mut Call<'_>| object_store::open(call, name, name_len, GuestPtr::new(OUT));
    assert_eq!(fixture.call(open), 0);
    let old: ObjectStoreHandle = fixture.read(OUT);
    let (key, key_len) = fixture.text("k");
    let out = GuestPtr::<u32>::new(OUT);

    fixture
        .memory()
        .write(GuestPtr::new(OUT), UNTOUCHED)
        .unwrap();
    let lookup = async |call: &mut Call<'_>| {
        object_store::lookup(call, old, key, key_len, GuestPtr::new(OUT)).await
    };
    assert_eq!(fixture.wait(lookup), 0);
    assert_eq!(fixture.read::<u32>(OUT), UNTOUCHED, "there is no such key");
    let body = fixture.body_of(b"v");
    let insert =
        async |call: &mut Call<'_>| object_store::insert(call, old, key, key_len, body).await;
    assert_eq!(fixture.wait(insert), 0);
    assert_eq!(memory.get("k").unwrap(), "v");
    assert_eq!(fixture.wait(lookup), 0);
    let body = fixture.read(OUT);
    assert_eq!(fixture.read_to_end(body), b"v");

    let body = fixture.body_of(b"w");
    let status = fixture.wait(async |call| {
        object_store::insert_async(call, old, key, key_len, body, GuestPtr::new(OUT)).await
    });
    assert_eq!(status, 0);
    let pending = fixture.read(OUT);
    let status = fixture.wait(async |call| object_store::pending_insert_wait(call, pending).await);
    assert_eq!(status, 0);
    assert_eq!(fixture.lookup(store, "k").unwrap().0, "w");
    let body = fixture.body_of(b"x");
    fixture.wait(async |call| {
        object_store::insert_async(call, old, key, key_len, body, GuestPtr::new(OUT)).await
    });
    let pending = fixture.read(OUT);
    let status = fixture.wait(async |call| {
        let out = GuestPtr::new(KV_ERROR);
        object_store::pending_insert_wait_with_error(call, pending, out).await
    });
    assert_eq!((status, fixture.read::<u32>(KV_ERROR)), (0, OK));

    let start =
        |call: &mut Call<'_>| object_store::lookup_async(call, old, key, key_len, out.cast());
    assert_eq!(fixture.call(start), 0);
    let pending: PendingKvLookupHandle = fixture.read(OUT);
    let wait = async |call: &mut Call<'_>| {
        object_store::pending_lookup_wait(call, pending, GuestPtr::new(OUT)).await
    };
    assert_eq!(fixture.wait(wait), 0);
    let body: BodyHandle = fixture.read(OUT);
    assert_eq!(fixture.read_to_end(body), b"x");
    assert_eq!(fixture.wait(wait), 3, "a handle is used up");
    for _ in 0..2 {
        let delete =
            |call: &mut Call<'_>| object_store::delete_async(call, old, key, key_len, out.cast());
        assert_eq!(fixture.call(delete), 0);
        let pending: PendingKvDeleteHandle = fixture.read(OUT);
        let status =
            fixture.wait(async |call| object_store::pending_delete_wait(call, pending).await);
        assert_eq!(status, 0, "it is no error that there is none");
    }
    assert_eq!(memory.get("k"), None);
}
