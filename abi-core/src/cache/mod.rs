//! The cache: objects by key, which all requests of a service share. It knows no pointers and no handles.
//!
//! What to begin with:
//!
//! * [`Cache`] is the storage. A service has one; it is in [`Platform`](crate::Platform), and clones share it. Every
//!   method takes `now`, the time by the platform's monotonic clock.
//! * [`Cache::lookup`] finds an object without ado. [`Cache::transaction`] gives a [`PendingLookup`]: it waits while
//!   another request is about to insert what this one asks for, and becomes a [`Transaction`].
//! * A [`Transaction`] has [`found`](Transaction::found) an object, or
//!   [must insert or update](Transaction::must_insert_or_update) one, or both: that is how a stale object is
//!   revalidated. The duty ends with [`insert`](Transaction::insert), [`update`](Transaction::update) or
//!   [`cancel`](Transaction::cancel), or when the transaction is dropped; then whoever waits goes on.
//! * [`Cache::replace`] starts a [`Replacement`] by one of three [strategies](ReplaceStrategy).
//! * [`Found`] is an object at the moment of a lookup: its metadata, and [bodies](Found::body) of it, which share the
//!   stored bytes and may be read before they were all written.
//! * [`WriteOptions`] says all about an object; what an interface keeps beside the body is its [`Attachment`], such as
//!   the head of a response.
//! * [`BodyWriter`] writes the body; [`BodyWriter::append`] and [`BodyWriter::store`] take a body that still arrives. A writer that
//!   is dropped before it has [finished](BodyWriter::finish) takes its object out of the cache, and breaks its readers
//!   off.
//! * [`CacheKey`] has a [`CacheSpace`]: the objects of one interface are not found by another.
//! * [`Cache::purge`] by [`SurrogateKey`], [`Cache::purge_object`] by key, [`Cache::clear`], [`Cache::statistics`] and
//!   [`Cache::objects`] are for purging and for looking at it from outside.
//!
//! How it is made: `state` has the directory from keys to objects, and who waits; `residents` decides what leaves when
//! memory is short; `content` holds the bytes of one body. One lock guards directory and residents, another one each body;
//! nobody is woken, and nothing large is dropped, while the first is held.

mod budget;
mod content;
mod fields;
mod inspect;
mod key;
mod object;
mod options;
mod overflow;
mod residents;
mod state;
mod storage;
mod transaction;
mod vary;
mod writer;

pub use fields::RequestFields;
pub use inspect::{CacheStatistics, CachedObject};
pub use key::{
    CACHE_KEY_BYTES_MAX, CacheKey, CacheSpace, SURROGATE_KEY_BYTES_MAX, SURROGATE_KEYS_BYTES_MAX,
    SurrogateKey, SurrogateKeys,
};
pub use object::{ByteRange, Found, Freshness};
pub use options::{Attachment, WriteOptions};
pub(crate) use overflow::{Overflowing, Unstored};
pub use storage::{CACHE_BYTES_DEFAULT, Cache, Purge};
pub use transaction::{PendingLookup, ReplaceStrategy, Replacement, Transaction};
pub use vary::{VARY_NAMES_MAX, VaryRule};
pub use writer::BodyWriter;
