//! Handles: the numbers by which a guest names what the host holds for it.
//!
//! Each kind is a newtype, so that a request handle cannot be looked up as a response. Numbers start at 1, are never
//! reused within a session (a stale number must not name something new), and a table has a maximum.

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

            #[inline]
            fn from_number(number: u32) -> Self {
                Self(number)
            }

            #[inline]
            fn number(self) -> u32 {
                self.0
            }
        }

        impl GuestValue for $name {
            const SIZE: u32 = 4;
            const ALIGN: u32 = 4;

            #[inline]
            fn read(bytes: &[u8]) -> Self {
                Self(u32::read(bytes))
            }

            #[inline]
            fn write(self, bytes: &mut [u8]) {
                self.0.write(bytes);
            }
        }
    )*

        /// The name of each type, and what its handles are for.
        const KINDS: &[(&str, &str)] = &[$((stringify!($name), $kind)),*];
    };
}

/// What handles of the type of this name are for.
pub(crate) fn kind_of(ty: &str) -> Option<&'static str> {
    let mut kinds = KINDS.iter();
    kinds.find(|(name, _)| *name == ty).map(|(_, kind)| *kind)
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
///
/// Most sessions hold a few things of each kind, so they lie side by side in the order of their numbers. What is
/// removed leaves a gap; when gaps are the majority they are closed, so that memory follows what is held and not what
/// was ever made.
#[derive(Debug)]
pub struct Table<H, T> {
    /// Numbers and items, in rising order of the numbers.
    entries: Vec<(u32, Option<T>)>,
    held: usize,
    next: u32,
    handle: PhantomData<fn() -> H>,
}

/// How many gaps are left alone, however few items there are.
const GAPS_MIN: usize = 16;

impl<H: Handle, T> Table<H, T> {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            held: 0,
            next: 1,
            handle: PhantomData,
        }
    }

    /// A table that holds one item, and the item's handle. It has room for no other: most runs need none.
    #[must_use]
    pub fn with(item: T) -> (Self, H) {
        let mut table = Self::new();
        table.entries.reserve_exact(1);
        let handle = table.push(item);
        (table, handle)
    }

    /// Adds an item under a number that this table has never given out.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] when [`TABLE_CAPACITY`] items are held, or the numbers are used up.
    #[inline]
    pub fn insert(&mut self, item: T) -> Result<H> {
        self.check_room(1)?;
        Ok(self.push(item))
    }

    /// Makes sure that so many items can be added, before something is done that gives them.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    #[inline]
    pub fn check_room(&self, count: u16) -> Result<()> {
        let has_numbers = NO_HANDLE.saturating_sub(self.next) >= u32::from(count);
        if self.held + usize::from(count) > TABLE_CAPACITY || !has_numbers {
            return Err(Error::LimitExceeded(H::KIND));
        }
        Ok(())
    }

    fn push(&mut self, item: T) -> H {
        let number = self.next;
        self.next += 1;
        self.held += 1;
        self.entries.push((number, Some(item)));
        H::from_number(number)
    }

    /// Where the entry of this number is, if there is one.
    #[inline]
    fn position(&self, number: u32) -> Option<usize> {
        let (first, _) = self.entries.first()?;
        // Until gaps are closed for the first time, numbers are consecutive.
        let guess = number.checked_sub(*first)? as usize;
        match self.entries.get(guess) {
            Some((found, _)) if *found == number => Some(guess),
            _ => self
                .entries
                .binary_search_by_key(&number, |(number, _)| *number)
                .ok(),
        }
    }

    /// The item that `handle` names.
    ///
    /// # Errors
    ///
    /// [`Error::BadHandle`].
    #[inline]
    pub fn get(&self, handle: H) -> Result<&T> {
        self.position(handle.number())
            .and_then(|at| self.entries[at].1.as_ref())
            .ok_or_else(|| bad(handle))
    }

    /// The item that `handle` names, to be changed.
    ///
    /// # Errors
    ///
    /// [`Error::BadHandle`].
    #[inline]
    pub fn get_mut(&mut self, handle: H) -> Result<&mut T> {
        self.position(handle.number())
            .and_then(|at| self.entries[at].1.as_mut())
            .ok_or_else(|| bad(handle))
    }

    /// Takes the item that `handle` names out of the table; the handle is dead from then on.
    ///
    /// # Errors
    ///
    /// [`Error::BadHandle`].
    pub fn remove(&mut self, handle: H) -> Result<T> {
        let item = self
            .position(handle.number())
            .and_then(|at| self.entries[at].1.take())
            .ok_or_else(|| bad(handle))?;
        self.held -= 1;
        self.close_gaps();
        Ok(item)
    }

    fn close_gaps(&mut self) {
        let gaps = self.entries.len() - self.held;
        if gaps > GAPS_MIN.max(self.held) {
            self.entries.retain(|(_, item)| item.is_some());
            self.entries.shrink_to(2 * self.held + GAPS_MIN);
        }
    }

    /// The handle of the first item for which `matches` holds.
    pub fn find(&self, mut matches: impl FnMut(&T) -> bool) -> Option<H> {
        self.entries
            .iter()
            .find(|(_, item)| item.as_ref().is_some_and(&mut matches))
            .map(|(number, _)| H::from_number(*number))
    }

    /// How many items are held.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.held
    }

    /// Whether nothing is held.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }
}

impl<H: Handle, T> Default for Table<H, T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cold]
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
    fn memory_follows_what_is_held() {
        let mut table = Table::<RequestHandle, u32>::new();
        let kept: Vec<_> = (0..3).map(|item| table.insert(item).unwrap()).collect();
        let mut between = Vec::new();
        for item in 0..10_000 {
            let handle = table.insert(item).unwrap();
            if item % 1000 == 0 {
                between.push((handle, item));
            } else {
                assert_eq!(table.remove(handle).unwrap(), item);
                assert!(table.get(handle).is_err());
            }
        }
        assert_eq!(table.len(), 13);
        assert!(table.entries.capacity() < 100);
        for (item, handle) in kept.into_iter().enumerate() {
            assert_eq!(*table.get(handle).unwrap(), item as u32);
        }
        for (handle, item) in between {
            assert_eq!(table.remove(handle).unwrap(), item);
        }
        assert_eq!(table.len(), 3);
        assert!(table.find(|item| *item == 2).is_some());
        assert!(table.find(|item| *item == 1000).is_none());
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
