//! A program that passes requests on, with tests that run on the host: they may ask backends and open stores, as far as
//! `fastly.toml` has them.

use fastly::{ConfigStore, Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    greet(request)
}

/// What the backend `origin` says, with a greeting.
fn greet(request: Request) -> Result<Response, Error> {
    let greeting = ConfigStore::open("strings").get("greeting");
    let mut response = request.send("origin")?;
    response.set_header("x-greeting", greeting.unwrap_or_default());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backend_is_asked_and_the_store_read() {
        let response = greet(Request::get("http://example.com/")).unwrap();
        assert_eq!(response.get_status(), 203);
        assert_eq!(response.get_header_str("x-from"), Some("the mock"));
        assert_eq!(response.get_header_str("x-greeting"), Some("hello"));
        assert_eq!(response.into_body_str(), "made of nothing");
    }

    #[test]
    fn what_is_written_is_seen() {
        println!("a line of the test");
    }

    #[cfg(feature = "failing")]
    mod failing {
        #[test]
        fn fails() {
            assert_eq!(1 + 1, 3, "this is to fail");
        }

        #[test]
        fn exits() {
            std::process::exit(42);
        }
    }
}
