//! Routes that have a say in what is sent to a backend, and in what of its response is cached.

use fastly::http::CandidateResponse;
use fastly::http::HeaderName;
use fastly::http::body::StreamingBody;
use fastly::http::request::SendErrorCause;
use fastly::http::{Body, StatusCode};
use fastly::{Request, Response};
use std::io::{Error, Read, Write};
use std::time::Duration;

/// Sends the client's request to the backend `origin` under another path, with both hooks. The settings, separated by
/// commas, say what the hooks do:
///
/// * `before`: the backend gets a header `x-before`; `reject`: it gets nothing;
/// * `after`: a header `x-after` is stored; `upper`: the body is stored in capital letters;
/// * `ttl=<seconds>`, `swr=<seconds>`, `sie=<seconds>`, `vary=<header>`, `key=<surrogate key>`;
/// * `private`: the response is not stored; `pass`: nor will the next one be; `store`: it is, whatever it says;
/// * `refuse`: a response with a status from 500 on counts as an error.
///
/// The answer says in `x-ttl` how long the response is fresh, as far as the SDK tells, and in `x-masked` whether it stands
/// in for an error.
pub fn send(mut request: Request, settings: &str, path: &[&str]) {
    request.set_path(&format!("/{}", path.join("/")));
    let (before, after) = (settings.to_owned(), settings.to_owned());
    request.set_before_send(move |request| {
        for setting in before.split(',') {
            match setting {
                "before" => request.set_header("x-before", "1"),
                "reject" => return Err(failure("the hook wants nothing sent")),
                _ => {}
            }
        }
        Ok(())
    });
    request.set_after_send(move |response| {
        for setting in after.split(',') {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            apply(response, name, value)?;
        }
        Ok(())
    });
    match request.send("origin") {
        Ok(response) => answer(response),
        Err(error) => Response::from_status(StatusCode::BAD_GATEWAY)
            .with_body_text_plain(&format!("{:?}", error.root_cause()))
            .send_to_client(),
    }
}

fn apply(response: &mut CandidateResponse, name: &str, value: &str) -> Result<(), SendErrorCause> {
    let seconds = || Duration::from_secs(crate::number(value));
    match name {
        "after" => response.set_header("x-after", "1"),
        "upper" => response.set_body_transform(in_capitals),
        "ttl" => response.set_ttl(seconds()),
        "swr" => response.set_stale_while_revalidate(seconds()),
        "sie" => response.set_stale_if_error(seconds()),
        "vary" => {
            let header: HeaderName = value.parse().expect("the setting is a header's name");
            response.set_vary([&header]);
        }
        "key" => response.set_surrogate_keys([value]),
        "private" => response.set_uncacheable(false),
        "pass" => response.set_uncacheable(true),
        "store" => response.set_cacheable(),
        "refuse" if response.get_status().is_server_error() => {
            return Err(failure("the backend is in trouble"));
        }
        _ => {}
    }
    Ok(())
}

fn in_capitals(mut body: Body, out: &mut StreamingBody) -> Result<(), SendErrorCause> {
    let mut piece = vec![0; 8 * 1024];
    loop {
        let count = body.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        out.write_all(&piece[..count].to_ascii_uppercase())?;
    }
}

fn failure(text: &str) -> SendErrorCause {
    SendErrorCause::IoError(Error::other(text.to_owned()))
}

fn answer(mut response: Response) {
    if let Some(ttl) = response.get_ttl() {
        response.set_header("x-ttl", ttl.as_secs().to_string());
    }
    if response.get_masked_error().is_some() {
        response.set_header("x-masked", "1");
    }
    response.send_to_client();
}
