//! What the conformance suite is made of. The cases themselves are in `tests/conformance/`.
//!
//! * [`case`]: one declaration, one test per engine; [`context`]: what a case is given;
//! * [`engines`] and [`guests`]: programs, compiled once for all tests of the process;
//! * [`host`]: a host on a socket; [`runs`]: what its guests did; [`clock`]: pauses that the test ends;
//! * [`stepped`]: a world without sockets, in which a test finds each wait of a guest;
//! * [`client`], [`wire`] and [`frames`]: clients, with HTTP, with bytes and with frames of HTTP/2;
//! * [`certificates`]: an authority that only tests trust; [`nginx`]: a backend of others;
//! * [`origin`]: a backend that keeps account; [`faulty`]: backends that fail;
//! * [`transcript`]: everything observable about one request, to be compared between engines;
//! * [`process`]: the program `fastlike` as a process.

#![forbid(unsafe_code)]

pub mod case;
pub mod certificates;
pub mod client;
pub mod clock;
pub mod content;
pub mod context;
pub mod engines;
pub mod faulty;
pub mod frames;
pub mod guests;
pub mod host;
pub mod nginx;
pub mod origin;
pub mod process;
pub mod runs;
pub mod stepped;
pub mod transcript;
pub mod wire;
