//! `fastlike::test`: programs that are tested.

use fastlike::backends::read_body;
use fastlike::test;
use http::{Method, Request, StatusCode};

use super::routes;

#[tokio::test]
async fn a_test_sees_what_a_program_sends_and_logs() {
    let host = routes()
        .backend("origin", async |request| {
            let length = read_body(request.into_body()).await?.len();
            Ok::<_, abi_core::body::BodyError>(format!("{length} bytes"))
        })
        .start()
        .await
        .unwrap();
    let request = Request::post("http://localhost/proxy/origin/path?query");
    let request = request.header("x-a", "1").body("some text".to_owned());
    let answer = host.send(request.unwrap()).await;
    assert_eq!(answer.text(), "9 bytes");
    let [sent] = answer.sent_to("origin")[..] else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (&sent.method, sent.body.as_ref()),
        (&Method::POST, &b"some text"[..])
    );
    assert!(
        sent.uri
            .path_and_query()
            .unwrap()
            .as_str()
            .starts_with("/path")
    );
    assert!(answer.is_success() && answer.broken_off.is_none());
    assert!(answer.sent_to("other").is_empty());

    let answer = host.get("/log/access").await;
    assert!(
        answer.requests.is_empty(),
        "an answer has what came after the one before"
    );
    assert_eq!(answer.log("access").len(), answer.logs.len());
    assert!(host.get("/hello").await.logs.is_empty());
}

#[tokio::test]
async fn a_mock_that_does_not_read_has_been_sent_the_body_all_the_same() {
    let answer = routes()
        .backend("origin", async |_| StatusCode::NO_CONTENT)
        .send(
            Request::post("http://localhost/proxy/origin/")
                .body("some text".to_owned())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.requests[0].body, "some text");
}

#[tokio::test]
#[should_panic(expected = "the program asks for /x")]
async fn an_assertion_in_a_mock_is_one_of_the_test() {
    let asked = routes().backend("origin", async |request| {
        assert_eq!(request.uri().path(), "/y", "the program asks for /x");
        "hello"
    });
    drop(asked.get("/proxy/origin/x").await);
}

#[tokio::test]
async fn a_guest_that_fails_says_so_in_its_answer() {
    let answer = routes().get("/panic").await.unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.is_success());
    let error = test::program("no/such.wasm").get("/").await.unwrap_err();
    assert!(error.to_string().contains("no/such.wasm"), "{error}");
}

#[tokio::test]
async fn a_mock_of_a_configuration_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fastly.toml");
    let text = "[local_server.backends.origin]\n\
        respond = { status = 201, headers = { x-a = 'b' }, body = 'from the file' }\n";
    std::fs::write(&file, text).unwrap();
    let answer = routes()
        .configure(|host| host.config(file))
        .get("/proxy/origin/")
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(
        (answer.header("x-a"), answer.text().as_str()),
        (Some("b"), "from the file")
    );
}
