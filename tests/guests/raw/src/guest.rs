//! What most cases need before they get to their point. These helpers check their own calls, so that
//! a case which stops here says which call it was.

use crate::check::{Outcome, check_eq, check_status};
use crate::sys::*;

/// The backend that answers.
pub const ORIGIN: &str = "origin";
/// The backend at whose address nothing listens.
pub const REFUSED: &str = "refused";
/// The backend that takes connections and never answers.
pub const NEVER: &str = "never";
/// A name that no backend has.
pub const UNKNOWN: &str = "unknown-backend";

/// The address behind the last byte of memory: not null, aligned for everything, and out of bounds.
pub fn end_of_memory<T>() -> *mut T {
    (core::arch::wasm32::memory_size(0) * 65536) as *mut T
}

/// An address that is within memory and aligned for nothing larger than a byte.
pub struct Misaligned([u64; 4]);

impl Misaligned {
    pub fn new() -> Self {
        Misaligned([0; 4])
    }

    pub fn pointer<T>(&mut self) -> *mut T {
        (self.0.as_mut_ptr() as usize + 1) as *mut T
    }
}

/// A new, empty body.
pub fn empty_body() -> Result<Handle, String> {
    let mut body = NO_HANDLE;
    check_status!(OK, http_body::new(&mut body));
    Ok(body)
}

/// A new body with content.
pub fn body_with(content: &[u8]) -> Result<Handle, String> {
    let body = empty_body()?;
    write(body, content)?;
    Ok(body)
}

/// Writes at the back of a body. All of it: the host never takes a part.
pub fn write(body: Handle, content: &[u8]) -> Outcome {
    let mut nwritten = 0;
    check_status!(
        OK,
        http_body::write(body, content.as_ptr(), content.len(), BACK, &mut nwritten)
    );
    check_eq!(content.len(), nwritten);
    Ok(())
}

/// Everything that is left of a body. The body stays open, so that its trailers can be read.
pub fn read_to_end(body: Handle) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let mut nread = 0;
        check_status!(
            OK,
            http_body::read(body, piece.as_mut_ptr(), piece.len(), &mut nread)
        );
        if nread == 0 {
            return Ok(content);
        }
        content.extend_from_slice(&piece[..nread]);
    }
}

/// A new request as the host makes it.
pub fn new_request() -> Result<Handle, String> {
    let mut request = NO_HANDLE;
    check_status!(OK, http_req::new(&mut request));
    Ok(request)
}

/// A new request to a path of a backend. Its host name is one that no backend needs.
pub fn request_to(method: &str, path: &str) -> Result<Handle, String> {
    let request = new_request()?;
    let uri = format!("http://example.org{path}");
    check_status!(
        OK,
        http_req::method_set(request, method.as_ptr(), method.len())
    );
    check_status!(OK, http_req::uri_set(request, uri.as_ptr(), uri.len()));
    Ok(request)
}

/// Sets a header of a request.
pub fn set_request_header(request: Handle, name: &str, value: &str) -> Outcome {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    check_status!(
        OK,
        http_req::header_insert(
            request,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len()
        )
    );
    Ok(())
}

/// A new response with a status and headers.
pub fn new_response(status: u32, headers: &[(&str, &str)]) -> Result<Handle, String> {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    check_status!(OK, http_resp::status_set(response, status));
    for (name, value) in headers {
        check_status!(
            OK,
            http_resp::header_insert(
                response,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len()
            )
        );
    }
    Ok(response)
}

/// Starts a request without a body.
pub fn start(path: &str, backend: &str) -> Result<Handle, String> {
    let request = request_to("GET", path)?;
    let body = empty_body()?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        http_req::send_async(request, body, backend.as_ptr(), backend.len(), &mut pending)
    );
    Ok(pending)
}

/// Starts a request whose body stays open, and returns the pending request and the body, which can
/// only be written from now on.
pub fn start_streaming(path: &str, backend: &str) -> Result<(Handle, Handle), String> {
    let request = request_to("POST", path)?;
    let body = empty_body()?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        http_req::send_async_streaming(
            request,
            body,
            backend.as_ptr(),
            backend.len(),
            &mut pending
        )
    );
    Ok((pending, body))
}

/// Waits for a pending request that has to succeed.
pub fn wait(pending: Handle) -> Result<(Handle, Handle), String> {
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::pending_req_wait(pending, &mut response, &mut body)
    );
    Ok((response, body))
}

/// The status of a response.
pub fn status_of(response: Handle) -> Result<u16, String> {
    let mut status = 0;
    check_status!(OK, http_resp::status_get(response, &mut status));
    Ok(status)
}

/// The first value of a response's header.
pub fn response_header(response: Handle, name: &str) -> Result<String, String> {
    let mut buffer = [0; 256];
    let mut nwritten = 0;
    check_status!(
        OK,
        http_resp::header_value_get(
            response,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(String::from_utf8_lossy(&buffer[..nwritten]).into_owned())
}

/// The request that this guest is to answer, and its body.
pub fn downstream() -> Result<(Handle, Handle), String> {
    let (mut request, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(OK, http_req::body_downstream_get(&mut request, &mut body));
    Ok((request, body))
}

/// The path of the request that this guest is to answer.
pub fn downstream_path() -> Result<String, String> {
    let (request, _) = downstream()?;
    let mut buffer = [0; 4096];
    let mut nwritten = 0;
    check_status!(
        OK,
        http_req::uri_get(request, buffer.as_mut_ptr(), buffer.len(), &mut nwritten)
    );
    let uri = String::from_utf8_lossy(&buffer[..nwritten]).into_owned();
    let after_scheme = uri.find("://").map_or(0, |position| position + 3);
    let path = uri[after_scheme..]
        .find('/')
        .map_or("/", |position| &uri[after_scheme + position..]);
    Ok(path.split('?').next().unwrap_or_default().to_owned())
}

/// Answers the client.
pub fn answer(status: u16, content: &[u8]) -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    check_status!(OK, http_resp::status_set(response, u32::from(status)));
    let body = body_with(content)?;
    check_status!(OK, http_resp::send_downstream(response, body, 0));
    Ok(())
}
