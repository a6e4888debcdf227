//! KV stores, through both of their interfaces.

mod items;
mod older;
mod pages;
mod refused;
mod under_way;

use abi_core::abi::fastly_kv_store as kv;
use abi_core::stores::MemoryKv;
use abi_core::table::types::*;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUT_3, OUTSIDE};

/// Where records and further results go.
const RECORD: u32 = 0x200;

const KV_ERROR: u32 = 0x130;

const UNTOUCHED: u32 = 0xABCD_ABCD;

/// A record `kv_insert_config` and its mask.
#[derive(Clone, Copy, Default)]
struct Options {
    mask: u32,
    mode: u32,
    metadata: &'static str,
    time_to_live: u32,
    generation: u64,
}

impl Fixture {
    fn with_kv() -> (Self, MemoryKv, KvStoreHandle) {
        let mut fixture = Self::new();
        let memory = MemoryKv::new();
        fixture.world.add_kv("store", memory.clone());
        let (status, store) = fixture.open_kv("store");
        assert_eq!(status, 0);
        (fixture, memory, store)
    }

    fn open_kv(&mut self, name: &str) -> (u32, KvStoreHandle) {
        let (name, length) = self.text(name);
        let status = self.call(|call| kv::open(call, name, length, GuestPtr::new(OUT)));
        (status, self.read(OUT))
    }

    fn write_record(&mut self, fields: &[u32]) {
        for (offset, field) in (RECORD..).step_by(4).zip(fields) {
            self.memory().write(GuestPtr::new(offset), *field).unwrap();
        }
    }

    fn write_options(&mut self, options: Options) {
        let (metadata, metadata_len) = self.text(options.metadata);
        let Options {
            mode,
            time_to_live,
            generation,
            ..
        } = options;
        self.write_record(&[
            mode,
            0xFFFF_FFFF,
            metadata.offset(),
            metadata_len,
            time_to_live,
            0xFFFF_FFFF,
            generation as u32,
            (generation >> 32) as u32,
        ]);
    }

    fn start_insert(
        &mut self,
        store: KvStoreHandle,
        key: &str,
        value: &[u8],
        options: Options,
    ) -> (u32, KvStoreInsertHandle) {
        let body = self.body_of(value);
        self.write_options(options);
        let (key, key_len) = self.text(key);
        let (record, out) = (GuestPtr::new(RECORD), GuestPtr::new(OUT));
        let status = self.wait(async |call| {
            kv::insert(call, store, key, key_len, body, options.mask, record, out).await
        });
        (status, self.read(OUT))
    }

    /// The `kv_error` of an insert.
    fn insert(&mut self, store: KvStoreHandle, key: &str, value: &str, options: Options) -> u32 {
        let (status, handle) = self.start_insert(store, key, value.as_bytes(), options);
        assert_eq!(status, 0);
        assert_eq!(self.insert_wait(handle), 0);
        self.read(KV_ERROR)
    }

    fn insert_wait(&mut self, handle: KvStoreInsertHandle) -> u32 {
        self.wait(async |call| kv::insert_wait(call, handle, GuestPtr::new(KV_ERROR)).await)
    }

    fn start_lookup(&mut self, store: KvStoreHandle, key: &str) -> (u32, KvStoreLookupHandle) {
        let (key, key_len) = self.text(key);
        let status = self.call(|call| {
            kv::lookup(
                call,
                store,
                key,
                key_len,
                0,
                GuestPtr::new(OUTSIDE),
                GuestPtr::new(OUT),
            )
        });
        (status, self.read(OUT))
    }

    /// Body in `OUT`, length of the metadata in `OUT_2`, generation in `OUT_3`.
    fn lookup_wait(&mut self, handle: KvStoreLookupHandle, metadata_max: u32) -> u32 {
        for out in [OUT, OUT_2, OUT_3, KV_ERROR] {
            self.memory().write(GuestPtr::new(out), UNTOUCHED).unwrap();
        }
        self.wait(async |call| {
            kv::lookup_wait_v2(
                call,
                handle,
                GuestPtr::new(OUT),
                GuestPtr::new(BUFFER),
                metadata_max,
                GuestPtr::new(OUT_2),
                GuestPtr::new(OUT_3),
                GuestPtr::new(KV_ERROR),
            )
            .await
        })
    }

    /// Value, metadata and generation; or the `kv_error`.
    fn lookup(&mut self, store: KvStoreHandle, key: &str) -> Result<(String, String, u64), u32> {
        let (status, handle) = self.start_lookup(store, key);
        assert_eq!(status, 0);
        assert_eq!(self.lookup_wait(handle, 2000), 0);
        let error: u32 = self.read(KV_ERROR);
        if error != 1 {
            for out in [OUT, OUT_2, OUT_3] {
                assert_eq!(self.read::<u32>(out), UNTOUCHED);
            }
            return Err(error);
        }
        let (length, generation) = (self.read(OUT_2), self.read(OUT_3));
        let metadata = String::from_utf8(self.bytes(BUFFER, length)).unwrap();
        let body = self.read(OUT);
        let value = String::from_utf8(self.read_to_end(body)).unwrap();
        Ok((value, metadata, generation))
    }

    /// The `kv_error` of a delete.
    fn delete(&mut self, store: KvStoreHandle, key: &str) -> u32 {
        let (key, key_len) = self.text(key);
        let status = self.call(|call| {
            kv::delete(
                call,
                store,
                key,
                key_len,
                0,
                GuestPtr::new(OUTSIDE),
                GuestPtr::new(OUT),
            )
        });
        assert_eq!(status, 0);
        let handle: KvStoreDeleteHandle = self.read(OUT);
        let out = GuestPtr::new(KV_ERROR);
        assert_eq!(
            self.wait(async |call| kv::delete_wait(call, handle, out).await),
            0
        );
        self.read(KV_ERROR)
    }

    fn start_list(&mut self, store: KvStoreHandle, mask: u32) -> (u32, KvStoreListHandle) {
        let (record, out) = (GuestPtr::new(RECORD), GuestPtr::new(OUT));
        let status = self.call(|call| kv::list(call, store, mask, record, out));
        (status, self.read(OUT))
    }

    /// The JSON of a page, or its `kv_error`.
    fn list(
        &mut self,
        store: KvStoreHandle,
        prefix: &str,
        cursor: &str,
        limit: Option<u32>,
    ) -> Result<serde_json::Value, u32> {
        let (cursor, cursor_len) = self.text(cursor);
        let (prefix, prefix_len) = self.text(prefix);
        self.write_record(&[
            1,
            cursor.offset(),
            cursor_len,
            limit.unwrap_or_default(),
            prefix.offset(),
            prefix_len,
        ]);
        let mask = 0b1010 | u32::from(limit.is_some()) << 2;
        let (status, handle) = self.start_list(store, mask);
        assert_eq!(status, 0);
        let (body, error) = (GuestPtr::new(OUT), GuestPtr::new(KV_ERROR));
        let status = self.wait(async |call| kv::list_wait(call, handle, body, error).await);
        assert_eq!(status, 0);
        match self.read(KV_ERROR) {
            1 => {
                let body = self.read(OUT);
                Ok(serde_json::from_slice(&self.read_to_end(body)).unwrap())
            }
            error => Err(error),
        }
    }
}

const OK: u32 = 1;

const BAD_REQUEST: u32 = 2;

const NOT_FOUND: u32 = 3;

const PRECONDITION_FAILED: u32 = 4;
