//! Runs Fastly Compute programs on this machine: the library behind the program `fastlike`.
//!
//! [`Host`] is the way in: it takes a program, compiles it with one of the [`engines()`], and answers requests, over a
//! socket or without one. A map of the modules:
//!
//! * [`host`]: the host and its builder; [`program`]: what it runs; [`mod@engines`]: with what;
//! * [`serve`]: from a client's connection to a guest run, and back;
//! * [`identity`]: who a client is;
//! * [`backends`]: where guests send requests; [`stores`]: what they read from;
//!   [`lookups`]: what they ask about addresses and user agents;
//! * [`world`]: clock, randomness, executor and logs;
//! * [`config`]: `fastly.toml`; [`cli`]: the command line;
//! * [`mod@test`]: testing a program with mocked backends; [`inspect`]: what a program is made of; [`mod@bench`]:
//!   how the engines compare on it.
//!
//! What a hostcall means is said elsewhere, in [`abi_core`].

#![forbid(unsafe_code)]

pub mod backends;
pub mod bench;
mod body;
pub mod cli;
pub mod config;
mod decimal;
pub mod engines;
mod framing;
mod heads;
pub mod host;
pub mod identity;
#[cfg(feature = "images")]
pub mod images;
pub mod inspect;
pub mod lookups;
pub mod program;
pub mod serve;
pub mod stores;
mod suggestion;
pub mod test;
pub mod world;

/// What every hostcall means, and the traits that a world of one's own implements.
pub use abi_core;
pub use abi_core::http::cache::HttpCacheSettings;
pub use backends::{BackendSettings, LocalBackend};
pub use config::Manifest;
pub use engines::engines;
pub use host::{Drained, Finished, Host, HostBuilder, HostError, OnDisconnect};
pub use identity::{ClientProfile, ClientSettings};
pub use lookups::{DeviceSettings, DeviceTable, GeoDatabase, GeoTable};
pub use program::ProgramSource;
pub use serve::{ConnectionAddresses, ServerTls, ServerTlsError, Trace};
pub use stores::{AclEntries, Dictionary, DurableKv, KvSettings, MemoryKv, SecretItems};
pub use world::{CapturedLine, CapturedSource, LogCapture};

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
