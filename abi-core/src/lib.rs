//! The semantics of the XQD ABI, by which programs for Fastly Compute talk to their host.
//!
//! This crate says what every hostcall means. It knows no engine, no socket, no clock and no asynchronous runtime:
//! an engine adapter lends it the guest's memory and waits for it, and a [`Platform`] gives it the world.
//!
//! Three lifetimes: the [`Platform`] is the world of a process, a [`Service`] is one program with its configuration, a
//! [`Session`] is one run of it. A map of the modules:
//!
//! * [`table`]: every hostcall as a row, and what is made from the rows; [`link`]: imports to rows;
//! * [`abi`]: the functions behind the rows, one file a module that guests import;
//! * [`memory`], [`handle`], [`status`], [`error`]: what those functions are made of;
//! * [`http`], [`body`], [`cache`], [`client`], [`stores`], [`lookups`]: meaning without pointers and handles; [`reuse`]:
//!   guests that serve several requests;
//! * [`platform`], [`session`], [`service`]: the three lifetimes; [`engine`]: what an adapter implements;
//!   [`start_section`]: what it runs after instantiation.

#![forbid(unsafe_code)]

pub mod abi;
mod async_item;
pub mod body;
pub mod cache;
mod cached;
pub mod client;
pub mod engine;
mod environment;
pub mod error;
pub mod handle;
mod held;
pub mod http;
pub mod images;
pub mod link;
pub mod lookups;
pub mod memory;
mod meter;
mod offload;
pub mod platform;
pub mod reuse;
mod sent;
pub mod service;
pub mod session;
pub mod start_section;
pub mod status;
mod stdio;
pub mod stores;
mod supervise;
pub mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod turn;

pub use cached::{CacheOutcome, CacheUse};
pub use client::ClientIdentity;
pub use engine::{Ended, Engine, Exit, Limits, Program};
pub use error::{Error, Result, Stop};
pub use memory::{ByteMemory, GuestMemory, GuestPtr, Memory};
pub use meter::{CpuMeter, Measured};
pub use platform::Platform;
pub use sent::{SentOutcome, SentRequest};
pub use service::{GuestRun, Report, Service};
pub use session::{ClientRequest, ClientResponse, Session};
pub use status::FastlyStatus;
pub use table::{Call, HOSTCALLS, Hostcall, HostcallId};
pub use turn::give_turn;
