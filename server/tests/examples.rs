//! The examples, run as they are.

#[path = "../examples/axum.rs"]
mod axum_application;
#[path = "../examples/mock_backend.rs"]
mod mock_backend;
#[path = "../examples/own_platform.rs"]
mod own_platform;

#[test]
fn a_program_is_part_of_an_axum_application() {
    axum_application::main().unwrap();
}

#[test]
fn a_program_is_tested_with_mocked_backends() {
    mock_backend::main().unwrap();
}

#[test]
fn a_program_runs_in_a_world_of_the_embedders_own() {
    own_platform::main().unwrap();
}
