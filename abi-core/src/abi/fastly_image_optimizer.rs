//! `fastly_image_optimizer`: an image of a backend, transformed.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, VARY,
};
use http::{Method, StatusCode, Uri};

use crate::body::{Body, OutgoingBody};
use crate::error::{Error, Result};
use crate::handle::{BodyHandle, RequestHandle, ResponseHandle};
use crate::http::{BackendRequest, BackendResponse, ResponseHead, SendError, SendErrorKind};
use crate::images::{self, ImageQuery, SOURCE_BYTES_MAX, TransformedImage};
use crate::memory::GuestPtr;
use crate::platform::Platform;
use crate::reuse::RequestsOfRun;
use crate::table::Call;
use crate::table::types::{ImageOptimizerErrorDetail, ImageOptimizerTransformConfig};

use super::send::{self, Cache, ResponseOut};

/// The bit of witx `image_optimizer_transform_config_options`.
const SDK_CLAIMS_OPTS: u32 = 1 << 1;

/// The longest options of a guest, in bytes.
const OPTIONS_BYTES_MAX: u32 = 8 * 1024;

const INFO: HeaderName = HeaderName::from_static("fastly-io-info");
const WARNINGS: HeaderName = HeaderName::from_static("fastly-io-compute-warnings");
const MONTAGE: HeaderName = HeaderName::from_static("x-fastly-imageopto-montage");

/// witx `image_optimizer_error_tag`.
mod tag {
    pub(super) const OK: u32 = 1;
    pub(super) const ERROR: u32 = 2;
    pub(super) const WARNING: u32 = 3;
}

/// Sends a request for an image past the cache, transforms what comes, and gives it as the response. Consumes the body, which
/// may be none. The request stays the guest's: the SDK for Rust closes it afterwards, and takes an error there for a bug.
///
/// What cannot be read, is not supported or does not fit is told in a response with status 400, as is an image that cannot
/// be decoded. What a backend answers with another status than 200, or to another method than GET, stays as it is.
///
/// # Errors
///
/// [`Error::Unsupported`] on a host without images and for a service that has not the product;
/// [`Error::InvalidArgument`] for unknown bits and options of more than
/// 8 KiB; those of `fastly_http_req.send`.
pub async fn transform_image_optimizer_request(
    call: &mut Call<'_>,
    origin_image_request: RequestHandle,
    origin_image_request_body: BodyHandle,
    origin_image_request_backend: GuestPtr<u8>,
    origin_image_request_backend_len: u32,
    io_transform_config_mask: u32,
    io_transform_configuration: GuestPtr<ImageOptimizerTransformConfig>,
    io_error_detail: GuestPtr<ImageOptimizerErrorDetail>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let out = ResponseOut {
        response: response_handle_out,
        body: body_handle_out,
        error_detail: None,
    }
    .check(&call.memory)?;
    let detail = io_error_detail.cast::<u32>();
    // Its three fields.
    call.memory.read_list(detail, 3)?;
    let options = options(call, io_transform_config_mask, io_transform_configuration)?;
    if call.session.environment.products.image_optimizer == Some(false) {
        return Err(Error::Unsupported("this service has no image optimizer"));
    }
    if call.session.platform.images.is_none() {
        return Err(Error::Unsupported("this host does not transform images"));
    }
    let backend = send::backend_name(
        &call.memory,
        origin_image_request_backend,
        origin_image_request_backend_len,
    )?;
    let session = &mut *call.session;
    let head = session.requests.get(origin_image_request)?.clone();
    let body = if origin_image_request_body == BodyHandle::NONE {
        session.check_room_for_response(0)?;
        OutgoingBody::empty()
    } else {
        session.items.body_mut(origin_image_request_body)?;
        session.check_room_for_response(1)?;
        session.items.take_whole(origin_image_request_body)?
    };
    let outcome = match send::request(session, &backend, head, body, Cache::Bypass)? {
        Ok(request) => {
            let session = &*call.session;
            let (platform, of_run) = (session.platform.clone(), session.requests_of_run().clone());
            answer_to(platform, of_run, &options, request).await
        }
        Err(error) => Err(error),
    };
    let tag = match &outcome {
        Ok(response) if response.head.headers.contains_key(WARNINGS) => tag::WARNING,
        Ok(_) => tag::OK,
        Err(_) => tag::ERROR,
    };
    call.memory.write(detail, tag)?;
    out.write(call, outcome)
}

/// The guest's options.
fn options(
    call: &Call<'_>,
    mask: u32,
    configuration: GuestPtr<ImageOptimizerTransformConfig>,
) -> Result<String> {
    if mask & !SDK_CLAIMS_OPTS != 0 {
        return Err(Error::InvalidArgument("there is no such image option"));
    }
    if mask == 0 {
        return Ok(String::new());
    }
    let fields = call.memory.read_list(configuration.cast::<u32>(), 2)?;
    let [text, length] = fields[..] else {
        return Err(Error::InvalidArgument("image options have two fields"));
    };
    if length > OPTIONS_BYTES_MAX {
        return Err(Error::InvalidArgument("the image options are too long"));
    }
    Ok(call.memory.text(GuestPtr::new(text), length)?.to_owned())
}

async fn answer_to(
    platform: Arc<Platform>,
    of_run: Arc<RequestsOfRun>,
    options: &str,
    mut request: BackendRequest,
) -> Result<BackendResponse, SendError> {
    let accept = request.head.headers.get(ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    let query = request.head.uri.query().unwrap_or_default();
    let read = images::parse(options, query, accept.unwrap_or_default());
    if let (Some(error), false) = (read.errors.first(), read.allow_malformed) {
        return Ok(refusal(&error.to_string()));
    }
    if request.head.headers.contains_key(MONTAGE) {
        return Ok(refusal(
            "header `x-fastly-imageopto-montage`: this host does not support it",
        ));
    }
    request.head.uri = with_query(&request.head.uri, read.origin_query.as_deref());
    let is_get = request.head.method == Method::GET;
    let sending = send::answer_to(&platform, of_run, request);
    let mut response = sending.wait().await?;
    let mut warnings: Vec<String> = read.errors.iter().map(ToString::to_string).collect();
    if is_get && response.head.status == StatusCode::OK {
        response = transformed(&platform, response, &read, &mut warnings).await?;
    }
    if let (false, Ok(text)) = (
        warnings.is_empty(),
        HeaderValue::from_str(&warnings.join(", ")),
    ) {
        response.head.headers.insert(WARNINGS, text);
    }
    Ok(response)
}

async fn transformed(
    platform: &Platform,
    mut response: BackendResponse,
    read: &ImageQuery,
    warnings: &mut Vec<String>,
) -> Result<BackendResponse, SendError> {
    let mut image = Vec::new();
    loop {
        match response.body.read(usize::MAX).await {
            Ok(Some(piece)) if image.len() + piece.len() > SOURCE_BYTES_MAX => {
                return Ok(refusal("the image is larger than 50 MiB"));
            }
            Ok(Some(piece)) => image.extend_from_slice(&piece),
            Ok(None) => break,
            Err(error) => {
                let kind = SendErrorKind::HttpIncompleteResponse;
                return Err(SendError::new(kind).with_source(error));
            }
        }
    }
    let Some(transformer) = &platform.images else {
        return Ok(refusal("this host does not transform images"));
    };
    let source_length = image.len();
    let transforming = transformer.transform(image.into(), read.transform.clone());
    let mut image = match transforming.await {
        Ok(image) => image,
        Err(error) => return Ok(refusal(&error.to_string())),
    };
    warnings.append(&mut image.warnings);
    let headers = &mut response.head.headers;
    for stale in [ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG] {
        headers.remove(stale);
    }
    let media_type = HeaderValue::from_static(image.format.media_type());
    headers.insert(CONTENT_TYPE, media_type);
    if let Ok(info) = HeaderValue::from_str(&info(&image, source_length)) {
        headers.insert(INFO, info);
    }
    if read.varies_by_accept {
        headers.append(VARY, HeaderValue::from_static("Accept"));
    }
    response.body = Body::from(image.bytes);
    Ok(response)
}

/// Sizes, dimensions and formats before and after.
fn info(image: &TransformedImage, source_length: usize) -> String {
    let ((width, height), (new_width, new_height)) = (image.source_dimensions, image.dimensions);
    format!(
        "ifsz={source_length} idim={width}x{height} ifmt={} ofsz={} odim={new_width}x{new_height} ofmt={}",
        image.source_format.name(),
        image.bytes.len(),
        image.format.name(),
    )
}

fn with_query(uri: &Uri, query: Option<&str>) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = match query {
        Some(query) => format!("{}?{query}", uri.path()).parse().ok(),
        None => uri.path().parse().ok(),
    };
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

fn refusal(why: &str) -> BackendResponse {
    let mut head = ResponseHead::new();
    head.status = StatusCode::BAD_REQUEST;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    head.headers.insert(CONTENT_TYPE, text);
    let text = format!("The image was not transformed: {why}\n");
    BackendResponse {
        head,
        body: Body::from(Bytes::from(text)),
    }
}
