//! From a guest's answer to the response a client gets.

use abi_core::ClientResponse;
use abi_core::body::OutgoingBody;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::BodyExt;

use crate::framing::{self, Length};
use crate::host::Host;

/// The response as it is sent.
pub(super) fn outgoing(
    host: &Host,
    answer: ClientResponse,
    method: &Method,
    version: Version,
) -> Response<OutgoingBody> {
    let (response, unsent) = convert(answer, method, version);
    if let Some(body) = unsent {
        // A guest that still writes must not see its reader leave: the client asked for no body.
        host.spawn(read_to_end(body));
    }
    response
}

/// The response, and a body that nobody will get, if the guest may still write it.
fn convert(
    answer: ClientResponse,
    method: &Method,
    version: Version,
) -> (Response<OutgoingBody>, Option<OutgoingBody>) {
    let ClientResponse {
        mut head, mut body, ..
    } = answer;
    if head.status.is_informational() {
        tracing::warn!(
            "a guest answered with status {}, which is no final one",
            head.status
        );
        head.headers.clear();
        head.status = StatusCode::INTERNAL_SERVER_ERROR;
        body =
            Bytes::from_static(b"the guest answered with a status that is no final one\n").into();
    }
    let known = body.size_hint().exact();
    let has_body = *method != Method::HEAD
        && head.status != StatusCode::NO_CONTENT
        && head.status != StatusCode::NOT_MODIFIED;
    let length = if has_body {
        Length::of(known)
    } else {
        Length::Elsewhere
    };
    framing::settle(&mut head.headers, head.framing, length);
    let mut unsent = None;
    if !has_body {
        if head.status == StatusCode::NO_CONTENT {
            head.headers.remove(CONTENT_LENGTH);
        } else if let Some(length) = known.filter(|length| *length > 0) {
            let entry = head.headers.entry(CONTENT_LENGTH);
            entry.or_insert_with(|| HeaderValue::from(length));
        }
        let body = std::mem::take(&mut body);
        unsent = known.is_none().then_some(body);
    }
    if head.close_connection && version < Version::HTTP_2 {
        head.headers
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    (response, unsent)
}

async fn read_to_end(mut body: OutgoingBody) {
    while let Some(Ok(_)) = body.frame().await {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi_core::http::ResponseHead;

    fn answer(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> ClientResponse {
        let mut head = ResponseHead::new();
        head.status = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            head.headers.append(*name, HeaderValue::from_static(value));
        }
        ClientResponse::new(head, Bytes::from_static(body.as_bytes()))
    }

    fn sent(answer: ClientResponse, method: Method) -> Response<OutgoingBody> {
        convert(answer, &method, Version::HTTP_11).0
    }

    #[test]
    fn a_response_to_head_tells_the_length_of_the_body_it_leaves_out() {
        let response = sent(answer(200, &[], "hello"), Method::HEAD);
        assert_eq!(response.headers()[CONTENT_LENGTH], "5");
        assert!(response.body().is_end_stream());
        let response = sent(answer(200, &[("content-length", "7")], ""), Method::HEAD);
        assert_eq!(response.headers()[CONTENT_LENGTH], "7");
    }

    #[test]
    fn no_content_has_no_length() {
        let response = sent(
            answer(204, &[("content-length", "5")], "hello"),
            Method::GET,
        );
        assert!(response.headers().is_empty());
        assert!(response.body().is_end_stream());
    }

    #[test]
    fn the_library_frames_other_bodies() {
        let headers = [
            ("content-length", "99"),
            ("transfer-encoding", "chunked"),
            ("x", "y"),
        ];
        let response = sent(answer(200, &headers, "hello"), Method::GET);
        assert_eq!(response.headers().len(), 1);
        assert_eq!(response.body().size_hint().exact(), Some(5));
    }

    #[test]
    fn an_answer_that_is_not_final_is_an_error() {
        let response = sent(answer(103, &[("x", "y")], ""), Method::GET);
        assert_eq!(response.status(), 500);
        assert!(response.headers().is_empty());
    }

    #[test]
    fn connections_are_closed_on_demand_where_there_are_any() {
        let mut closing = answer(200, &[], "");
        closing.head.close_connection = true;
        assert_eq!(sent(closing, Method::GET).headers()[CONNECTION], "close");
        let mut closing = answer(200, &[], "");
        closing.head.close_connection = true;
        let response = convert(closing, &Method::GET, Version::HTTP_2).0;
        assert!(response.headers().is_empty());
    }

    #[test]
    fn a_stream_that_nobody_gets_is_kept_for_its_writer() {
        let (_writer, reader) = abi_core::body::pipe();
        let streaming = OutgoingBody::streaming(abi_core::body::Body::empty(), reader);
        let streaming = ClientResponse::new(ResponseHead::new(), streaming);
        let (response, unsent) = convert(streaming, &Method::HEAD, Version::HTTP_11);
        assert!(unsent.is_some());
        assert!(response.body().is_end_stream());
    }
}
