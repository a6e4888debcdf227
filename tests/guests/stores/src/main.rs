//! A guest that reads and writes every kind of store, and the cache, through the official Rust SDK. Tests choose what happens by the
//! path, and set options by the query; a failure is answered with 4xx and the error's debugging text.

mod caches;
mod images;
mod kv;
mod limits;
mod lists;
mod lookups;

use std::collections::HashMap;
use std::fmt::Debug;
use std::str::FromStr;

use fastly::http::StatusCode;
use fastly::{Request, Response};

/// What a route comes to.
type Outcome = Result<Response, Response>;

/// The options of a request.
type Query = HashMap<String, String>;

#[fastly::main]
fn main(mut request: Request) -> Result<Response, fastly::Error> {
    let path = request.get_path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let query: Query = request.get_query().unwrap_or_default();
    let header = |name| request.get_header_str(name).unwrap_or_default().to_owned();
    let (agent, accept) = (header("user-agent"), header("accept"));
    let body = request.take_body();
    let outcome = match (request.get_method_str(), segments.as_slice()) {
        ("GET", ["kv", store, key @ ..]) => kv::lookup(store, &key.join("/")),
        ("PUT", ["kv", store, key @ ..]) => kv::insert(store, &key.join("/"), body, &query),
        ("DELETE", ["kv", store, key @ ..]) => kv::delete(store, &key.join("/")),
        ("GET", ["kv-list", store]) => kv::list(store, &query),
        ("POST", ["kv-increment", store, key]) => kv::increment(store, key),
        ("POST", ["kv-plain", store, key]) => kv::plain(store, key, body),
        ("POST", ["kv-many", store, count]) => kv::many(store, number(count)),
        ("GET", ["config", store, key]) => lists::config(store, key),
        ("GET", ["config-has", store, key]) => lists::config_has(store, key),
        ("GET", ["secret-has", store, name]) => lists::secret_has(store, name),
        ("GET", ["secret", store, name]) => lists::secret(store, name),
        ("GET", ["secret-of", text]) => lists::secret_of(text),
        ("GET", ["acl", list, address]) => lists::acl(list, address),
        ("GET", ["rate", counter, entry]) => limits::count(counter, entry, &query),
        ("GET", ["penalty", name, entry]) => limits::penalty(name, entry, &query),
        ("GET", ["check-rate", entry]) => limits::check_rate(entry, &query),
        ("GET", ["geo", address]) => lookups::geo(address),
        ("GET", ["image", backend]) => images::transformed(backend, &accept, &query),
        ("GET", ["user-agent"]) => lookups::user_agent(&agent),
        ("GET", ["device", ..]) => lookups::device(&agent),
        ("POST", ["simple", key]) => caches::get_or_set(key, body, &query),
        ("GET", ["simple", key]) => caches::get(key),
        ("DELETE", ["simple", key]) => caches::purge(key),
        ("GET", ["fetched", key, backend, path]) => caches::fetched(key, backend, path),
        ("GET", ["die", key, backend, path]) => caches::die(key, backend, path),
        ("POST", ["core", key]) => caches::core(key, body),
        ("GET", ["core", key, from, to]) => caches::part(key, number(from), number(to)),
        ("DELETE", ["core", key]) => caches::purge_key(key),
        _ => Err(not_found(&"no such route")),
    };
    Ok(outcome.unwrap_or_else(|failure| failure))
}

fn text(text: impl Into<String>) -> Outcome {
    Ok(Response::from_body(text.into()))
}

fn not_found(error: &dyn Debug) -> Response {
    Response::from_status(StatusCode::NOT_FOUND).with_body_text_plain(&format!("{error:?}"))
}

fn failed(error: &dyn Debug) -> Response {
    Response::from_status(StatusCode::CONFLICT).with_body_text_plain(&format!("{error:?}"))
}

/// An option that is a number.
fn option<T: FromStr>(query: &Query, name: &str) -> Option<T> {
    query.get(name).map(|text| number(text))
}

/// A number from the path or the query. One that does not parse is the test's mistake.
fn number<T: FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("not a number this route takes: {text}"))
}
