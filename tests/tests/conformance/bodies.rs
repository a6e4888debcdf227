//! Large bodies.

use conformance::cases;
use conformance::client::{Client, Content, next_piece, request};
use conformance::content::{fnv, pattern};
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::origin::Origin;
use fastlike::BackendSettings;
use http_body_util::BodyExt;

cases![
    ten_mebibytes_are_read_in_pieces,
    read_in_odd_pieces,
    without_a_length,
    broken_off_while_it_is_read,
    ten_mebibytes_are_passed_on,
    sixty_four_mebibytes_are_streamed,
    trailers_are_passed_on,
];

const MEBIBYTE: usize = 1024 * 1024;

async fn ten_mebibytes_are_read_in_pieces(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let sent = pattern(10 * MEBIBYTE);
    let expected = format!("{} {:016x}", sent.len(), fnv(&sent));
    assert_eq!(host.post("/read/8192", sent).await.ok_text(), expected);
}

async fn read_in_odd_pieces(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let sent = pattern(10_007);
    let expected = format!("{} {:016x}", sent.len(), fnv(&sent));
    for size in [1, 3, 4096, 1_000_000] {
        let answer = host.post(&format!("/read/{size}"), sent.clone()).await;
        assert_eq!(answer.ok_text(), expected, "{size}");
    }
}

async fn without_a_length(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let sent = pattern(3 * 1000);
    let (feed, content) = Content::fed();
    let answering = host.fetch(request("POST", "/read/8192", content));
    let feeding = async {
        for piece in sent.chunks(1000) {
            assert!(feed.send(piece.to_vec()).await);
        }
        drop(feed);
    };
    let (answer, ()) = tokio::join!(answering, feeding);
    let expected = format!("{} {:016x}", sent.len(), fnv(&sent));
    assert_eq!(answer.ok_text(), expected);
}

async fn broken_off_while_it_is_read(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    wire.send("POST /read/16 HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\nbeginning")
        .await;
    host.runs
        .until(|runs| (runs.first()?.count("read") > 0).then_some(()))
        .await;
    drop(wire);
    // The guest is told, which its SDK makes a panic of.
    let run = host.runs.over(0).await;
    assert!(!run.exit().is_success(), "{run:?}");
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn ten_mebibytes_are_passed_on(cx: Context) {
    let origin = Origin::start().await;
    let host = cx
        .host(ROUTES)
        .backend("origin", origin.address)
        .start()
        .await;
    let sent = pattern(10 * MEBIBYTE);
    let answer = host.post("/proxy/origin/echo", sent.clone()).await;
    assert!(answer.body == sent, "{}", answer.body.len());
    let answer = host.post("/upload", sent).await;
    assert_eq!(answer.ok_text(), format!("{} bytes", 10 * MEBIBYTE));
}

async fn sixty_four_mebibytes_are_streamed(cx: Context) {
    const COUNT: usize = 1024;
    const CHUNK: usize = 64 * 1024;

    let host = cx.host(ROUTES).start().await;
    let stream = request("GET", &format!("/stream/{COUNT}/{CHUNK}"), Content::empty());
    let mut body = host.send(stream).await.into_body();
    let letter_at = |position: usize| b'a' + (position / CHUNK % 26) as u8;
    let mut position = 0;
    while position < COUNT * CHUNK {
        let piece = next_piece(&mut body).await;
        // Only the ends are looked at: the middle would take longer than the host does.
        let last = position + piece.len() - 1;
        assert_eq!(
            (piece[0], piece[piece.len() - 1]),
            (letter_at(position), letter_at(last))
        );
        position += piece.len();
    }
    assert!(body.frame().await.is_none());
}

/// Over HTTP/2, as in gRPC. With HTTP/1.1 they are sent only to those who ask for them, which an intermediary does not.
async fn trailers_are_passed_on(cx: Context) {
    let origin = Origin::start().await;
    let url = format!("http://{}", origin.address).parse();
    let mut settings = BackendSettings::new(url.expect("an address makes a URL"));
    settings.http2_only = true;
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.backend_with("origin", settings))
        .start()
        .await;
    let get = request("GET", "/proxy/origin/trailers", Content::empty());
    let answer = Client::http2().fetch(host.address, get).await;
    assert_eq!(answer.ok_text(), "content");
    assert_eq!(answer.trailers["x-checksum"], "42");
}
