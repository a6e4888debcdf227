//! Responses that were written down: what `respond` in `fastly.toml` means.

use abi_core::body::OutgoingBody;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};

/// Responses of a backend that is none. The first one that a request matches is given; when there is none, 404.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixedResponses(Vec<FixedResponse>);

/// One response, and which requests it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// The method it is for; `None` is for all.
    pub method: Option<Method>,
    /// The path it is for, without the query; `None` is for all. With a `*` at its end every path that begins so.
    pub path: Option<String>,
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Default for FixedResponse {
    /// An empty 200, for every request.
    fn default() -> Self {
        Self {
            method: None,
            path: None,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

impl FixedResponse {
    fn matches<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        let is_path = match self.path.as_deref() {
            None => true,
            Some(pattern) => match pattern.strip_suffix('*') {
                Some(beginning) => path.starts_with(beginning),
                None => path == pattern,
            },
        };
        is_path
            && self
                .method
                .as_ref()
                .is_none_or(|method| method == request.method())
    }
}

impl FixedResponses {
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<OutgoingBody> {
        let mut answer = Response::new(OutgoingBody::empty());
        match self.0.iter().find(|response| response.matches(request)) {
            Some(response) => {
                *answer.status_mut() = response.status;
                *answer.headers_mut() = response.headers.clone();
                *answer.body_mut() = response.body.clone().into();
            }
            None => *answer.status_mut() = StatusCode::NOT_FOUND,
        }
        answer
    }
}

impl From<FixedResponse> for FixedResponses {
    fn from(response: FixedResponse) -> Self {
        Self(vec![response])
    }
}

impl FromIterator<FixedResponse> for FixedResponses {
    fn from_iter<I: IntoIterator<Item = FixedResponse>>(responses: I) -> Self {
        Self(responses.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(responses: &FixedResponses, method: Method, path: &str) -> u16 {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        responses.answer(&request).status().as_u16()
    }

    #[test]
    fn the_first_response_that_matches_is_given() {
        let response = |method: Option<Method>, path: &str, status: u16| FixedResponse {
            method,
            path: Some(path.to_owned()),
            status: StatusCode::from_u16(status).unwrap(),
            ..FixedResponse::default()
        };
        let responses = FixedResponses::from_iter([
            response(Some(Method::POST), "/a", 201),
            response(None, "/a", 202),
            response(None, "/b/*", 203),
        ]);
        assert_eq!(status(&responses, Method::POST, "http://h/a?q"), 201);
        assert_eq!(status(&responses, Method::GET, "http://h/a"), 202);
        assert_eq!(status(&responses, Method::GET, "http://h/b/c"), 203);
        assert_eq!(status(&responses, Method::GET, "http://h/a/b"), 404);
        let every = FixedResponses::from(FixedResponse::default());
        assert_eq!(status(&every, Method::GET, "http://h/a/b"), 200);
    }
}
