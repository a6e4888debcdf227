//! The records that guests pass to `fastly_kv_store`, wherever they say that these are.
#![no_main]

use std::sync::Arc;

use abi_core::abi::{fastly_http_body, fastly_kv_store as kv};
use abi_core::body::Body;
use abi_core::http::RequestHead;
use abi_core::stores::MemoryKv;
use abi_core::table::types::*;
use abi_core::testing::World;
use abi_core::{Call, ClientRequest, Session};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, u32, Vec<u8>)| {
    let (mask, record, bytes) = input;
    let world = World::new();
    world.add_kv("store", MemoryKv::new());
    let request = ClientRequest::new(RequestHead::new(), Body::empty());
    let (mut session, _) = Session::new(world.platform(), Arc::default(), request);
    let mut memory = vec![0; 64];
    memory[..5].copy_from_slice(b"store");
    memory.extend_from_slice(&bytes);
    let mut call = Call::new(&mut memory, &mut session);
    let name = GuestPtr::new(0);
    kv::open(&mut call, name, 5, GuestPtr::new(8)).expect("there is this store");
    let store = call.memory.read(GuestPtr::new(8)).expect("it was written");
    let (list_out, body_out, error_out) = (GuestPtr::new(12), GuestPtr::new(16), GuestPtr::new(20));
    if kv::list(&mut call, store, mask, GuestPtr::new(record), list_out).is_ok() {
        let list = call.memory.read(list_out).expect("it was written");
        let listed = world.drive(kv::list_wait(&mut call, list, body_out, error_out));
        listed.expect("a listing that was started ends");
    }
    fastly_http_body::new(&mut call, body_out).expect("there is room for a body");
    let body = call.memory.read(body_out).expect("it was written");
    let (record, insert_out) = (GuestPtr::new(record), GuestPtr::new(24));
    let inserted = kv::insert(&mut call, store, name, 5, body, mask, record, insert_out);
    if world.drive(inserted).is_ok() {
        let insert = call.memory.read(insert_out).expect("it was written");
        let ended = world.drive(kv::insert_wait(&mut call, insert, error_out));
        ended.expect("an insert that was started ends");
    }
});
