//! The example, run as it is.

#[path = "../examples/no_engine.rs"]
mod no_engine;

#[test]
fn the_abi_works_without_an_engine() {
    no_engine::main();
}
