//! `fastly_image_optimizer`, with a transformer that says what it was asked for.

use std::sync::Arc;

use abi_core::abi::{fastly_compute_runtime as runtime, fastly_image_optimizer as images};
use abi_core::abi::{fastly_http_req as req, fastly_http_resp as resp};
use abi_core::http::BackendRequest;
use abi_core::images::{Format, ImageError, ImageTransformer, Transform, TransformedImage};
use abi_core::table::types::*;
use abi_core::testing::World;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::fixture::{Fixture, OUT, OUT_2, OUT_3, OUTSIDE, response};

const CONFIGURATION: u32 = 0x200;

struct Describes;

impl ImageTransformer for Describes {
    fn transform(
        &self,
        image: Bytes,
        transform: Transform,
    ) -> BoxFuture<'static, Result<TransformedImage, ImageError>> {
        Box::pin(async move {
            if image == "broken" {
                return Err(ImageError("it is broken".to_owned()));
            }
            Ok(TransformedImage {
                bytes: format!("{:?}", transform.width).into(),
                format: Format::WebP,
                dimensions: (1, 2),
                source_format: Format::Png,
                source_dimensions: (3, 4),
                warnings: Vec::new(),
            })
        })
    }
}

fn fixture() -> Fixture {
    let world = World::new();
    world.set_images(Arc::new(Describes));
    let fixture = Fixture::in_world(world);
    fixture
        .world
        .add_backend("origin", |request: BackendRequest| async move {
            assert_eq!(request.head.uri.query(), None);
            assert!(request.bypass_cache);
            Ok(response(200, "image"))
        });
    fixture
        .world
        .add_backend("broken", |_| async { Ok(response(200, "broken")) });
    fixture
        .world
        .add_backend("missing", |_| async { Ok(response(404, "none")) });
    fixture
}

/// Asks for an image; gives status, tag and, after a success, the response's status and body.
fn ask(fixture: &mut Fixture, backend: &str, options: &str) -> (u32, u32, u16, String) {
    let request = fixture.new_request();
    let (uri, uri_length) = fixture.text("/a?width=7&id=1");
    assert_eq!(
        fixture.call(|call| req::uri_set(call, request, uri, uri_length)),
        0
    );
    let (text, length) = fixture.text(options);
    let (name, name_length) = fixture.text(backend);
    let configuration = GuestPtr::<u32>::new(CONFIGURATION);
    let mut memory = fixture.memory();
    memory.write(configuration, text.offset()).unwrap();
    memory
        .write(GuestPtr::<u32>::new(CONFIGURATION + 4), length)
        .unwrap();
    let (none, out, body_out) = (
        BodyHandle(0xFFFF_FFFE),
        GuestPtr::new(OUT),
        GuestPtr::new(OUT_2),
    );
    let detail = GuestPtr::new(OUT_3);
    let status = fixture.wait(async |call| {
        images::transform_image_optimizer_request(
            call,
            request,
            none,
            name,
            name_length,
            2,
            configuration.cast(),
            detail,
            out,
            body_out,
        )
        .await
    });
    let tag = fixture.read(OUT_3);
    if status != 0 {
        return (status, tag, 0, String::new());
    }
    let head = ResponseHandle(fixture.read(OUT));
    let status_out = GuestPtr::new(OUT_3);
    assert_eq!(
        fixture.call(|call| resp::status_get(call, head, status_out)),
        0
    );
    let head: u16 = fixture.read(OUT_3);
    let body = BodyHandle(fixture.read(OUT_2));
    let text = fixture.read_to_end(body);
    (status, tag, head, String::from_utf8(text).unwrap())
}

#[test]
fn images_are_transformed_as_asked() {
    let mut fixture = fixture();
    let (_, tag, status, text) = ask(&mut fixture, "origin", "region=asia");
    assert_eq!((tag, status, &*text), (1, 200, "Some(Pixels(7.0))"));
    let (.., text) = ask(&mut fixture, "origin", "width=50p");
    assert_eq!(text, "Some(Percent(50.0))");
    let (_, tag, status, text) = ask(&mut fixture, "broken", "");
    assert_eq!((tag, status), (1, 400));
    assert!(text.contains("it is broken"));
    let (_, tag, status, text) = ask(&mut fixture, "missing", "");
    assert_eq!((tag, status, &*text), (1, 404, "none"));
}

#[test]
fn errors_are_told() {
    let mut fixture = fixture();
    let (_, _, status, text) = ask(&mut fixture, "origin", "width=a");
    assert_eq!(status, 400);
    assert!(text.contains("`width`"), "{text}");
    let allowed = "montage=a&allow_malformed_query_params=true";
    let (_, tag, status, _) = ask(&mut fixture, "origin", allowed);
    assert_eq!((tag, status), (3, 200));
    let (status, tag, ..) = ask(&mut fixture, "unknown", "");
    assert!(status != 0);
    assert_eq!(tag, 2);
}

#[test]
fn arguments_are_checked_first() {
    let mut fixture = fixture();
    let out = GuestPtr::new(OUT);
    let has = fixture.call(|call| runtime::has_image_optimizer(call, out));
    assert_eq!((has, fixture.read::<u32>(OUT)), (0, 1));
    let request = fixture.new_request();
    let ask = |fixture: &mut Fixture, mask, detail| {
        fixture.wait(async |call| {
            images::transform_image_optimizer_request(
                call,
                request,
                BodyHandle(0xFFFF_FFFE),
                GuestPtr::new(0),
                0,
                mask,
                GuestPtr::new(OUTSIDE),
                GuestPtr::new(detail),
                GuestPtr::new(OUT),
                GuestPtr::new(OUT_2),
            )
            .await
        })
    };
    assert_eq!(ask(&mut fixture, 4, OUT_3), 2);
    assert_eq!(ask(&mut fixture, 2, OUT_3), 2);
    assert_eq!(ask(&mut fixture, 0, OUTSIDE), 2);
    let mut without = Fixture::new();
    assert_eq!(ask(&mut without, 0, OUT_3), 5);
    let has = without.call(|call| runtime::has_image_optimizer(call, out));
    assert_eq!((has, without.read::<u32>(OUT)), (0, 0));
}
