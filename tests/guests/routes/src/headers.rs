//! Assertions about headers, through the SDK and therefore through its idea of how the host behaves:
//! it retries with a larger buffer where the first was too small, and panics on a status it does not
//! expect.
//!
//! A new request or response of the SDK keeps its headers in the guest. Turning it into handles hands
//! them over to the host; one made from handles asks the host for everything. Each assertion is
//! therefore about a message that made that journey.

use crate::check::{Outcome, check, check_eq};
use fastly::handle::{RequestHandle, ResponseHandle};
use fastly::http::header::{HeaderName, HeaderValue};
use fastly::{Body, Request, Response};

/// Runs them all.
pub fn run() -> Outcome {
    request::all()?;
    response::all()?;
    set_values_through_handles()
}

/// Makes the same assertions about requests and about responses: the two SDK types have the same
/// methods but no trait in common.
macro_rules! header_assertions {
    ($module:ident, $message:ty, $new:expr, $through_host:expr) => {
        mod $module {
            use super::*;

            pub fn all() -> Outcome {
                names_in_any_case()?;
                several_values()?;
                unusual_values()?;
                changes_at_the_host()?;
                many_headers()?;
                long_values()
            }

            fn new() -> $message {
                ($new)()
            }

            /// The same message with all its headers at the host.
            fn through_host(message: $message) -> $message {
                ($through_host)(message)
            }

            fn names_in_any_case() -> Outcome {
                let message = through_host(new().with_header("X-MiXeD-cAsE", "value"));
                check_eq!(Some("value"), message.get_header_str("x-mixed-case"));
                check_eq!(Some("value"), message.get_header_str("X-MIXED-CASE"));
                check!(message.contains_header("x-Mixed-Case"));
                check!(!message.contains_header("x-mixed"));
                let names: Vec<&str> = message.get_header_names_str();
                check_eq!(vec!["x-mixed-case"], names);
                Ok(())
            }

            fn several_values() -> Outcome {
                let mut message = new();
                for value in ["one", "two", "", "one"] {
                    message.append_header("x-many", value);
                }
                message.set_header("x-single", "first");
                message.set_header("X-Single", "second");
                let message = through_host(message);
                check_eq!(
                    vec!["one", "two", "", "one"],
                    message.get_header_all_str("x-many")
                );
                check_eq!(vec!["second"], message.get_header_all_str("x-single"));
                check_eq!(5, message.get_headers().count());
                Ok(())
            }

            fn unusual_values() -> Outcome {
                let bytes = HeaderValue::from_bytes(b"\x80\xfe\xff\ttab")
                    .map_err(|error| error.to_string())?;
                let message = through_host(
                    new()
                        .with_header("x-empty", "")
                        .with_header("x-bytes", &bytes)
                        .with_header("x-spaces", "a  b"),
                );
                check_eq!(Some(""), message.get_header_str("x-empty"));
                check_eq!(Some(&bytes), message.get_header("x-bytes"));
                check_eq!(Some("a  b"), message.get_header_str("x-spaces"));
                Ok(())
            }

            /// Here the message is at the host while it is changed, so that each change is a call.
            fn changes_at_the_host() -> Outcome {
                let mut message = through_host(new().with_header("x-kept", "kept"));
                message.set_header("x-replaced", "old");
                message.append_header("x-replaced", "older");
                message.set_header("x-replaced", "new");
                message.append_header("x-grown", "1");
                message.append_header("x-grown", "2");
                message.set_header("x-removed", "gone");
                check_eq!(
                    Some(HeaderValue::from_static("gone")),
                    message.remove_header("x-removed")
                );
                check_eq!(None, message.remove_header("x-removed"));
                check_eq!(None, message.get_header("x-removed"));

                let message = through_host(message);
                check_eq!(Some("kept"), message.get_header_str("x-kept"));
                check_eq!(vec!["new"], message.get_header_all_str("x-replaced"));
                check_eq!(vec!["1", "2"], message.get_header_all_str("x-grown"));
                check!(!message.contains_header("x-removed"));
                Ok(())
            }

            /// More names than fit the SDK's first buffer for names, one of them longer than the
            /// whole of it, so that the list comes in several rounds and in one larger buffer.
            fn many_headers() -> Outcome {
                let long = HeaderName::from_bytes("x-long-".repeat(60).as_bytes())
                    .map_err(|error| error.to_string())?;
                let mut message = new().with_header(&long, "long");
                for index in 0..100 {
                    let name = HeaderName::from_bytes(format!("X-Number-{index}").as_bytes())
                        .map_err(|error| error.to_string())?;
                    message.set_header(name, index.to_string());
                }
                let message = through_host(message);
                let mut names = message.get_header_names_str();
                check_eq!(101, names.len());
                names.sort();
                names.dedup();
                check_eq!(101, names.len());
                check_eq!(Some("long"), message.get_header_str(&long));
                for index in 0..100 {
                    let name = format!("x-number-{index}");
                    let value = index.to_string();
                    check_eq!(Some(value.as_str()), message.get_header_str(name.as_str()));
                }
                Ok(())
            }

            /// Values larger than the SDK's first buffer for values: a single one, and many that
            /// exceed it together.
            fn long_values() -> Outcome {
                let long = "v".repeat(60 * 1024);
                let mut message = new().with_header("x-long", long.as_str());
                let values: Vec<String> = (0..300).map(|index| format!("{index:0>100}")).collect();
                for value in &values {
                    message.append_header("x-list", value.as_str());
                }
                let message = through_host(message);
                check!(message.get_header_str("x-long") == Some(long.as_str()));
                let list = message.get_header_all_str("x-list");
                check_eq!(values.len(), list.len());
                check!(list == values);
                Ok(())
            }
        }
    };
}

header_assertions!(
    request,
    Request,
    || Request::get("http://example.org/"),
    |message: Request| {
        let (handle, body) = message.into_handles();
        Request::from_handles(handle, body)
    }
);

header_assertions!(
    response,
    Response,
    || Response::from_body(Body::new()),
    |message: Response| {
        let (handle, body) = message.into_handles();
        Response::from_handles(handle, body)
    }
);

/// The call that replaces all values of a header at once is one the SDK makes only for handles, as is
/// reading with a buffer of a chosen size, which is not retried.
fn set_values_through_handles() -> Outcome {
    let name = HeaderName::from_static("x-list");
    let values = ["one", "", "three"].map(HeaderValue::from_static);

    let mut request = RequestHandle::new();
    request.append_header(&name, &HeaderValue::from_static("before"));
    request.set_header_values(&name, &values);
    let read: Vec<_> = request.get_header_values(&name, 64).collect();
    check_eq!(3, read.len());
    for (expected, actual) in values.iter().zip(read) {
        check_eq!(
            Ok(expected),
            actual.as_ref().map_err(|error| error.to_string())
        );
    }
    // A buffer too small for the first value is an error; it is the last thing the list yields.
    check!(
        request
            .get_header_values(&name, 2)
            .any(|value| value.is_err())
    );
    check!(request.get_header_value(&name, 2).is_err());
    check!(request.remove_header(&name));
    check!(!request.remove_header(&name));

    let mut response = ResponseHandle::new();
    response.append_header(&name, &HeaderValue::from_static("before"));
    response.set_header_values(&name, &values);
    let read: Vec<_> = response.get_header_values(&name, 64).collect();
    check_eq!(3, read.len());
    for (expected, actual) in values.iter().zip(read) {
        check_eq!(
            Ok(expected),
            actual.as_ref().map_err(|error| error.to_string())
        );
    }
    check!(
        response
            .get_header_values(&name, 2)
            .any(|value| value.is_err())
    );
    check!(response.get_header_value(&name, 2).is_err());
    check!(response.remove_header(&name));
    check!(!response.remove_header(&name));
    Ok(())
}
