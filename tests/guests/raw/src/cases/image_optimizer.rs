//! `fastly_image_optimizer`.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, REFUSED, UNKNOWN, end_of_memory};
use crate::sys::*;

cases![
    image_transform,
    image_transform_impossible,
    image_transform_errors,
    image_transform_malformed,
    image_transform_other_status,
    image_transform_not_an_image,
    image_transform_backend_fails,
    image_transform_off,
];

const SDK_CLAIMS_OPTS: u32 = 1 << 1;

/// Asks for an image; gives status, response, body and the tag of the error detail.
fn transform(
    (request, body): (Handle, Handle),
    backend: &str,
    mask: u32,
    options: &str,
) -> (Status, Handle, Handle, u32) {
    let configuration = [options.as_ptr() as u32, options.len() as u32];
    let (mut detail, mut response, mut response_body) = ([0; 3], NO_HANDLE, NO_HANDLE);
    let status = unsafe {
        image_optimizer::transform_image_optimizer_request(
            request,
            body,
            backend.as_ptr(),
            backend.len(),
            mask,
            configuration.as_ptr(),
            detail.as_mut_ptr(),
            &mut response,
            &mut response_body,
        )
    };
    (status, response, response_body, detail[0])
}

/// Asks for the image of eight by four pixels that the origin has; gives its new media type, what is told about it, and
/// its first bytes.
fn transformed(options: &str) -> Result<(String, String, Vec<u8>), String> {
    let request = guest::request_to("GET", "/image.png?width=3")?;
    let (status, response, body, tag) =
        transform((request, NO_HANDLE), ORIGIN, SDK_CLAIMS_OPTS, options);
    check_eq!((OK, 1), (status, tag));
    check_eq!(200, guest::status_of(response)?);
    // The request is still the guest's.
    check_status!(OK, http_req::close(request));
    let media_type = guest::response_header(response, "content-type")?;
    let info = guest::response_header(response, "fastly-io-info")?;
    Ok((media_type, info, guest::read_to_end(body)?))
}

fn image_transform() -> Outcome {
    for (options, format, dimensions, magic) in [
        ("region=asia", "png", "3x2", &b"\x89PNG"[..]),
        ("width=50p&format=webp", "webp", "4x2", b"RIFF"),
        ("width=8&format=webp&quality=9", "webp", "8x4", b"RIFF"),
        ("width=4&format=jpg", "jpeg", "4x2", b"\xFF\xD8"),
        ("width=8&crop=1:1&format=gif", "gif", "4x4", b"GIF8"),
        ("width=16&enable=upscale", "png", "16x8", b"\x89PNG"),
    ] {
        let (media_type, info, bytes) = transformed(options)?;
        check_eq!(format!("image/{format}"), media_type);
        let length = bytes.len();
        check!(info.contains("idim=8x4 ifmt=png"));
        check!(info.contains(&format!("ofsz={length} odim={dimensions} ofmt={format}")));
        check!(bytes.starts_with(magic));
    }
    let (media_type, _, bytes) = transformed("format=avif")?;
    check_eq!("image/avif", media_type);
    check_eq!(&b"ftypavif"[..], &bytes[4..12]);
    Ok(())
}

/// What cannot be done to this image is told in the response.
fn image_transform_impossible() -> Outcome {
    for (options, name) in [
        ("frame=2", "`frame`"),
        ("crop=9,9", "`crop`"),
        ("trim=5", "`trim`"),
        ("format=mp4", "`format`"),
    ] {
        let request = guest::request_to("GET", "/image.png")?;
        let (status, response, body, tag) =
            transform((request, NO_HANDLE), ORIGIN, SDK_CLAIMS_OPTS, options);
        check_eq!((OK, 1), (status, tag));
        check_eq!(400, guest::status_of(response)?);
        let text = String::from_utf8_lossy(&guest::read_to_end(body)?).into_owned();
        check!(text.contains(name));
    }
    Ok(())
}

fn image_transform_errors() -> Outcome {
    let request = guest::request_to("GET", "/")?;
    let ask = |handles, mask| transform(handles, ORIGIN, mask, "width=1").0;
    check_eq!(INVALID_ARGUMENT, ask((request, NO_HANDLE), 1 << 2));
    check_eq!(BAD_HANDLE, ask((9_999, NO_HANDLE), SDK_CLAIMS_OPTS));
    check_eq!(BAD_HANDLE, ask((request, 9_999), SDK_CLAIMS_OPTS));
    let (mut response, mut body) = (0, 0);
    check_status!(
        INVALID_ARGUMENT,
        image_optimizer::transform_image_optimizer_request(
            request,
            NO_HANDLE,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            SDK_CLAIMS_OPTS,
            end_of_memory(),
            [0; 3].as_mut_ptr(),
            &mut response,
            &mut body,
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        image_optimizer::transform_image_optimizer_request(
            request,
            NO_HANDLE,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            0,
            end_of_memory(),
            end_of_memory(),
            &mut response,
            &mut body,
        )
    );
    let mut odd = Misaligned::new();
    for (configuration, out) in [
        (odd.pointer::<u32>(), &raw mut body),
        (end_of_memory(), odd.pointer()),
    ] {
        let mask = match configuration.is_aligned() {
            true => 0,
            false => SDK_CLAIMS_OPTS,
        };
        check_status!(
            BAD_ALIGNMENT,
            image_optimizer::transform_image_optimizer_request(
                request,
                NO_HANDLE,
                ORIGIN.as_ptr(),
                ORIGIN.len(),
                mask,
                configuration,
                [0; 3].as_mut_ptr(),
                &mut response,
                out,
            )
        );
    }
    // None of these consumes the request, nor does one that reaches no backend.
    let (status, response, body, tag) = transform((request, NO_HANDLE), UNKNOWN, 0, "");
    check!(status != OK);
    check_eq!((NO_HANDLE, NO_HANDLE, 2), (response, body, tag));
    check_status!(OK, http_req::close(request));
    Ok(())
}

/// A parameter that cannot be read is told in the response.
fn image_transform_malformed() -> Outcome {
    let request = guest::request_to("GET", "/?height=wide")?;
    let body = guest::empty_body()?;
    let options = "region=us_east&width=50p";
    let (status, response, answer, tag) =
        transform((request, body), ORIGIN, SDK_CLAIMS_OPTS, options);
    check_eq!((OK, 1), (status, tag));
    // Its body is consumed.
    check_status!(BAD_HANDLE, http_body::close(body));
    check_eq!(400, guest::status_of(response)?);
    let body = answer;
    let text = String::from_utf8_lossy(&guest::read_to_end(body)?).into_owned();
    check!(text.contains("`height`"));
    Ok(())
}

fn image_transform_other_status() -> Outcome {
    let request = guest::request_to("GET", "/")?;
    let options = "width=50p&montage=a&allow_malformed_query_params=true";
    let (status, response, _, tag) =
        transform((request, NO_HANDLE), ORIGIN, SDK_CLAIMS_OPTS, options);
    check_eq!((OK, 3), (status, tag));
    check_eq!(404, guest::status_of(response)?);
    let warning = guest::response_header(response, "fastly-io-compute-warnings")?;
    check!(warning.contains("`montage`"));
    Ok(())
}

fn image_transform_not_an_image() -> Outcome {
    let request = guest::request_to("GET", "/echo")?;
    let (status, response, body, tag) =
        transform((request, NO_HANDLE), ORIGIN, SDK_CLAIMS_OPTS, "width=1");
    check_eq!((OK, 1), (status, tag));
    check_eq!(400, guest::status_of(response)?);
    check!(!guest::read_to_end(body)?.is_empty());
    Ok(())
}

fn image_transform_backend_fails() -> Outcome {
    let request = guest::request_to("GET", "/image.png")?;
    let (status, response, body, tag) =
        transform((request, NO_HANDLE), REFUSED, SDK_CLAIMS_OPTS, "width=1");
    check_eq!((ERROR, 2), (status, tag));
    check_eq!((NO_HANDLE, NO_HANDLE), (response, body));
    // The request is still the guest's.
    check_status!(OK, http_req::close(request));
    Ok(())
}

/// This one is run where the service has no image optimizer.
fn image_transform_off() -> Outcome {
    let mut has = 9;
    check_status!(OK, compute_runtime::has_image_optimizer(&mut has));
    check_eq!(0, has);
    let request = guest::request_to("GET", "/image.png")?;
    let body = guest::empty_body()?;
    let (status, response, answer, _) =
        transform((request, body), ORIGIN, SDK_CLAIMS_OPTS, "width=1");
    check_eq!(UNSUPPORTED, status);
    check_eq!((NO_HANDLE, NO_HANDLE), (response, answer));
    // Nothing was consumed.
    check_status!(OK, http_body::close(body));
    check_status!(OK, http_req::close(request));
    Ok(())
}
