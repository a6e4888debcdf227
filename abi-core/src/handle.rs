//! Handles: the numbers by which a guest names what the host holds for it.
//!
//! Each kind is a newtype, so that a request handle cannot be looked up as a response. Numbers start at 1, are never
//! reused within a session (a stale number must not name something new), and a table has a maximum.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use crate::error::{Error, Result};
use crate::memory::GuestValue;

/// The number that means "no handle" for every kind (`u32::MAX - 1`; `u32::MAX` is the timeout index of `select`).
pub const NO_HANDLE: u32 = u32::MAX - 1;

/// How many things of one kind a session may hold at once.
pub const TABLE_CAPACITY: usize = 65_536;

/// A typed handle.
pub trait Handle: Copy {
    /// What the handle names, for messages.
    const KIND: &'static str;

    /// The handle with this number.
    fn from_number(number: u32) -> Self;

    /// The number the guest knows the handle by.
    fn number(self) -> u32;
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The value that names nothing.
            pub const NONE: Self = Self(NO_HANDLE);
        }

        impl Handle for $name {
            const KIND: &'static str = $kind;

            fn from_number(number: u32) -> Self {
                Self(number)
            }

            fn number(self) -> u32 {
                self.0
            }
        }

        impl GuestValue for $name {
            const SIZE: u32 = 4;
            const ALIGN: u32 = 4;

            fn read(bytes: &[u8]) -> Self {
                Self(u32::read(bytes))
            }

            fn write(self, bytes: &mut [u8]) {
                self.0.write(bytes);
            }
        }
    )*};
}

handles! {
    /// witx `request_handle`: a request head.
    RequestHandle = "request";
    /// witx `response_handle`: a response head.
    ResponseHandle = "response";
    /// witx `body_handle`: a body to read or to write.
    BodyHandle = "body";
    /// witx `pending_request_handle`: a request that was sent and not yet answered.
    PendingRequestHandle = "pending request";
    /// witx `async_item_handle`: anything that `fastly_async_io` can wait for.
    AsyncItemHandle = "async item";
    /// witx `endpoint_handle`: a named log endpoint.
    LogEndpointHandle = "log endpoint";
    /// witx `dictionary_handle`: an open dictionary.
    DictionaryHandle = "dictionary";
    /// witx `config_store_handle`: an open config store.
    ConfigStoreHandle = "config store";
    /// witx `object_store_handle`: an open KV store, by its older interface.
    ObjectStoreHandle = "object store";
    /// witx `pending_kv_lookup_handle` of the older interface.
    PendingKvLookupHandle = "pending KV lookup";
    /// witx `pending_kv_insert_handle` of the older interface.
    PendingKvInsertHandle = "pending KV insert";
    /// witx `pending_kv_delete_handle` of the older interface.
    PendingKvDeleteHandle = "pending KV delete";
    /// witx `kv_store_handle`: an open KV store.
    KvStoreHandle = "KV store";
    /// witx `kv_store_lookup_handle`: a started lookup.
    KvStoreLookupHandle = "KV lookup";
    /// witx `kv_store_insert_handle`: a started insert.
    KvStoreInsertHandle = "KV insert";
    /// witx `kv_store_delete_handle`: a started delete.
    KvStoreDeleteHandle = "KV delete";
    /// witx `kv_store_list_handle`: a started listing.
    KvStoreListHandle = "KV list";
    /// witx `secret_store_handle`: an open secret store.
    SecretStoreHandle = "secret store";
    /// witx `secret_handle`: one secret.
    SecretHandle = "secret";
    /// witx `acl_handle`: an open access control list.
    AclHandle = "ACL";
    /// witx `cache_handle`: a cache lookup or transaction.
    CacheHandle = "cache";
    /// witx `cache_busy_handle`: a transaction that another one may be ahead of.
    CacheBusyHandle = "cache busy";
    /// witx `cache_replace_handle`: a replacement under way.
    CacheReplaceHandle = "cache replace";
    /// witx `http_cache_handle`: an HTTP cache lookup or transaction.
    HttpCacheHandle = "HTTP cache";
    /// witx `request_promise_handle`: a further client request that was asked for.
    RequestPromiseHandle = "request promise";
}

/// What a session holds of one kind, by handle.
#[derive(Debug)]
pub struct Table<H, T> {
    items: BTreeMap<u32, T>,
    next: u32,
    handle: PhantomData<fn() -> H>,
}

impl<H: Handle, T> Table<H, T> {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            next: 1,
            handle: PhantomData,
        }
    }

    /// A table that holds one item, and the item's handle.
    #[must_use]
    pub fn with(item: T) -> (Self, H) {
        let mut table = Self::new();
        let number = table.next;
        table.next += 1;
        table.items.insert(number, item);
        (table, H::from_number(number))
    }

    /// Adds an item under a number that this table has never given out.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] when [`TABLE_CAPACITY`] items are held, or the numbers are used up.
    pub fn insert(&mut self, item: T) -> Result<H> {
        if self.items.len() >= TABLE_CAPACITY || self.next >= NO_HANDLE {
            return Err(Error::LimitExceeded(H::KIND));
        }
        let number = self.next;
        self.next += 1;
        self.items.insert(number, item);
        Ok(H::from_number(number))
    }

    /// The item that `handle` names.
    ///
    /// # Errors
    ///
    /// [`Error::BadHandle`].
    pub fn get(&self, handle: H) -> Result<&T> {
        self.items.get(&handle.number()).ok_or(bad(handle))
    }

    /// The item that `handle` names, to be changed.
    ///
    /// # Errors
    ///
    /// [`Error::BadHandle`].
    pub fn get_mut(&mut self, handle: H) -> Result<&mut T> {
        self.items.get_mut(&handle.number()).ok_or(bad(handle))
    }

    /// Takes the item that `handle` names out of the table; the handle is dead from then on.
    ///
    /// # Errors
    ///
    /// [`Error::BadHandle`].
    pub fn remove(&mut self, handle: H) -> Result<T> {
        self.items.remove(&handle.number()).ok_or(bad(handle))
    }

    /// The handle of the first item for which `matches` holds.
    pub fn find(&self, mut matches: impl FnMut(&T) -> bool) -> Option<H> {
        self.items
            .iter()
            .find(|(_, item)| matches(item))
            .map(|(number, _)| H::from_number(*number))
    }

    /// How many items are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl<H: Handle, T> Default for Table<H, T> {
    fn default() -> Self {
        Self::new()
    }
}

fn bad<H: Handle>(handle: H) -> Error {
    Error::BadHandle {
        kind: H::KIND,
        number: handle.number(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_never_reused() {
        let mut table = Table::<RequestHandle, &str>::new();
        let first = table.insert("a").unwrap();
        assert_eq!(table.remove(first).unwrap(), "a");
        let second = table.insert("b").unwrap();
        assert_ne!(first, second);
        assert!(matches!(table.get(first), Err(Error::BadHandle { .. })));
        assert_eq!(table.get(second).unwrap(), &"b");
    }

    #[test]
    fn a_full_table_refuses() {
        let mut table = Table::<RequestHandle, ()>::new();
        for _ in 0..TABLE_CAPACITY {
            table.insert(()).unwrap();
        }
        assert!(matches!(table.insert(()), Err(Error::LimitExceeded(_))));
    }
}
