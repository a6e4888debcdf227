//! [`HandOff`]: a client's connection that the host is to join with a backend.

use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, EXPECT, HOST, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};

use super::{Destination, RequestHead};
use crate::body::Body;

/// What becomes of a client's request that its guest does not answer itself: it goes to a backend as it is, and when
/// the backend agrees to speak another protocol, both connections are joined.
#[derive(Debug)]
pub struct HandOff {
    /// Where it goes.
    pub target: HandOffTarget,
    /// The request's head. `Host` is the host's to set.
    pub head: RequestHead,
    /// The request's body, as far as the guest has left it.
    pub body: Body,
}

/// Where a client's request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOffTarget {
    /// To a backend.
    Backend(Destination),
    /// To the proxy that holds connections for publishing (GRIP), which finds the backend of this name by itself.
    GripProxy(String),
}

/// Headers that say what the client's connection is: a guest that makes a request for it cannot change them.
static OF_THE_CLIENT: [HeaderName; 16] = [
    HOST,
    CONNECTION,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_KEY,
    UPGRADE,
    HeaderName::from_static("pushpin-route"),
    CONTENT_LENGTH,
    CONTENT_RANGE,
    EXPECT,
    HeaderName::from_static("fastly-ff"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    HeaderName::from_static("cdn-loop"),
];

/// The head of a request that a guest made for a client's connection: its own method, URI and headers, and what says
/// what the connection is from the client.
pub(crate) fn for_connection(mut made: RequestHead, client: &HeaderMap) -> RequestHead {
    for name in &OF_THE_CLIENT {
        made.headers.remove(name);
        for value in client.get_all(name) {
            made.headers.append(name, value.clone());
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_the_connection_is_stays_with_the_client() {
        let mut client = HeaderMap::new();
        client.insert(UPGRADE, HeaderValue::from_static("websocket"));
        client.insert("x-client", HeaderValue::from_static("1"));
        let mut made = RequestHead::new();
        made.headers.insert("x-made", HeaderValue::from_static("2"));
        made.headers
            .insert("pushpin-route", HeaderValue::from_static("elsewhere"));
        let head = for_connection(made, &client);
        assert_eq!(head.headers[UPGRADE], "websocket");
        assert_eq!(head.headers["x-made"], "2");
        assert_eq!(head.headers.len(), 2);
    }
}
