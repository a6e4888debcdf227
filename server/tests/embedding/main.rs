//! fastlike as a part of a larger program: backends in this process, a host as a service, the end of a run, mocks.

#[path = "../common/mod.rs"]
mod common;
mod hosts;
mod local;
mod programs;

use fastlike::test;

const ROUTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/routes.wasm");

/// The guest with many routes, on the engine that compiles it fastest: the last one.
fn routes() -> test::TestBuilder {
    let engine = fastlike::engines().last().unwrap();
    test::program(ROUTES).engine(engine.name)
}
