//! Testing a program with mocked backends: no socket, no server, no file but the program.
//!
//! ```sh
//! cargo run --example mock_backend
//! ```

use std::error::Error;

use fastlike::abi_core::http::{SendError, SendErrorKind};
use fastlike::test;
use http::{Request, Response, StatusCode};

/// A guest that is part of this repository: `/proxy/origin/x` asks the backend `origin` for `/x`.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/routes.wasm");

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // In five lines: a program, a mock, a request, and what came of it.
    let answer = test::program(PROGRAM)
        .backend("origin", async |_| "hello from the mock")
        .get("/proxy/origin/x")
        .await?;
    assert_eq!(answer.text(), "hello from the mock");
    println!("the program answered: {}", answer.text());

    // What the backend was asked for is part of the answer.
    assert_eq!(answer.sent_to("origin")[0].uri.path(), "/x");
    assert!(answer.is_success());

    // A mock may look at the request, give any response, fail, or be a whole axum router (`HostBuilder::backend_service`).
    let host = test::program(PROGRAM)
        .backend("origin", async |request| {
            Response::builder()
                .status(StatusCode::CREATED)
                .header("x-method", request.method().as_str())
                .body(format!("you asked for {}", request.uri().path()))
        })
        .backend("broken", async |_| {
            Err::<StatusCode, _>(SendError::new(SendErrorKind::ConnectionRefused))
        })
        .other_backends(async |_| StatusCode::IM_A_TEAPOT)
        .start()
        .await?;

    let request = Request::post("http://localhost/proxy/origin/a").body("text".to_owned())?;
    let answer = host.send(request).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("x-method"), Some("POST"));
    assert_eq!(answer.sent_to("origin")[0].body, "text");

    let answer = host.get("/proxy/broken/").await;
    assert!(answer.status.is_server_error(), "{}", answer.status);

    let answer = host.get("/proxy/never-heard-of/").await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);

    // Log endpoints, and how the run went.
    let answer = host.get("/log/access").await;
    println!("it logged: {:?}", answer.log("access"));
    assert!(!answer.log("access").is_empty());
    if let Some(report) = answer.report {
        println!("it took {:?} of CPU time", report.cpu);
    }
    Ok(())
}
