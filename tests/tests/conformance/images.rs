//! The image optimizer, through the Rust SDK.

use bytes::Bytes;
use conformance::cases;
use conformance::client::{Answer, Content};
use conformance::context::Context;
use conformance::guests::STORES;
use conformance::host::TestHost;
use fastlike::BackendSettings;
use fastlike::backends::LocalBackend;
use http::{Request, Response};
use http_body_util::Full;

cases![
    images_are_transformed,
    formats_follow_the_client,
    the_origin_sees_what_it_may,
    what_cannot_be_done_is_told,
];

/// Eight by four pixels.
const IMAGE: &[u8] = include_bytes!("../../assets/image.png");

async fn start(cx: &Context) -> TestHost {
    let origin = LocalBackend::from_fn(async |request| {
        let answer = Response::builder().header("x-query", request.uri().query().unwrap_or("none"));
        answer
            .header("content-type", "image/png")
            .body(Full::new(Bytes::from_static(IMAGE)))
            .expect("it is a response")
    });
    let host = cx
        .host(STORES)
        .configure(|builder| builder.backend_with("images", BackendSettings::local(origin)));
    host.start().await
}

async fn ask(host: &TestHost, query: &str, accept: &str) -> Answer {
    let request = Request::get(format!("/image/images?{query}")).header("accept", accept);
    host.fetch(request.body(Content::empty()).expect("it is a request"))
        .await
}

async fn images_are_transformed(cx: Context) {
    let host = start(&cx).await;
    for (query, info) in [
        ("percent=50", "odim=4x2 ofmt=png"),
        ("height=2", "odim=4x2 ofmt=png"),
        ("square=1", "odim=4x4 ofmt=png"),
        ("percent=200", "odim=8x4 ofmt=png"),
        ("percent=200&upscale=1", "odim=16x8 ofmt=png"),
        ("percent=50&height=4&fit=cover", "odim=8x4 ofmt=png"),
        ("bw=1", "odim=8x4 ofmt=png"),
        ("format=jpeg&quality=40", "odim=8x4 ofmt=jpeg"),
        ("format=jpeg&optimize=1", "odim=8x4 ofmt=jpeg"),
        ("format=webp&quality=40", "odim=8x4 ofmt=webp"),
        ("format=avif&percent=50", "odim=4x2 ofmt=avif"),
    ] {
        let answer = ask(&host, query, "*/*").await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let told = answer.header("fastly-io-info");
        let expected = format!(
            "ifsz={} idim=8x4 ifmt=png ofsz={} {info}",
            IMAGE.len(),
            answer.body.len()
        );
        assert_eq!(told, expected, "{query}");
        let format = info.rsplit('=').next().expect("there is a format");
        assert_eq!(answer.header("content-type"), format!("image/{format}"));
    }
}

async fn formats_follow_the_client(cx: Context) {
    let host = start(&cx).await;
    for (accept, media_type) in [("image/webp,*/*", "image/webp"), ("image/*", "image/png")] {
        let answer = ask(&host, "auto=1", accept).await;
        assert_eq!(answer.header("content-type"), media_type);
        assert_eq!(answer.header("vary"), "Accept");
    }
}

async fn the_origin_sees_what_it_may(cx: Context) {
    let host = start(&cx).await;
    let answer = ask(&host, "height=2", "").await;
    assert_eq!(answer.header("x-query"), "none");
    let answer = ask(&host, "height=2&preserve=true", "").await;
    assert_eq!(answer.header("x-query"), "id=1");
}

async fn what_cannot_be_done_is_told(cx: Context) {
    let host = start(&cx).await;
    for (query, name) in [("format=jpegxl", "`format`"), ("frame=2", "`frame`")] {
        let answer = ask(&host, query, "").await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(name), "{query}: {}", answer.text());
    }
    let answer = ask(&host, "format=jpegxl&lenient=true&height=2", "").await;
    let warning = answer.header("fastly-io-compute-warnings");
    assert!(warning.contains("`format`"), "{warning}");
    assert_eq!(answer.header("content-type"), "image/png");
}
