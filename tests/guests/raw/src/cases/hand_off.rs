//! Handing the client over, and interim responses: what is refused. What becomes of them is told by routes of their own.

use super::cases;
use crate::check::{Outcome, check_status};
use crate::guest::{ORIGIN, UNKNOWN, end_of_memory, new_request};
use crate::sys::*;

cases![
    redirect_to_websocket_proxy_bad_arguments,
    redirect_to_grip_proxy_without_one,
    upgrade_websocket_is_unsupported,
    send_informational_response_bad_arguments,
];

fn redirect_to_websocket_proxy_bad_arguments() -> Outcome {
    let request = new_request()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::redirect_to_websocket_proxy(UNKNOWN.as_ptr(), UNKNOWN.len())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::redirect_to_websocket_proxy_v2(request, UNKNOWN.as_ptr(), UNKNOWN.len())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::redirect_to_websocket_proxy(end_of_memory::<u8>(), 1)
    );
    check_status!(
        BAD_HANDLE,
        http_req::redirect_to_websocket_proxy_v2(NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::redirect_to_websocket_proxy_v2(request, end_of_memory(), 1)
    );
    Ok(())
}

fn redirect_to_grip_proxy_without_one() -> Outcome {
    let request = new_request()?;
    check_status!(
        UNSUPPORTED,
        http_req::redirect_to_grip_proxy(ORIGIN.as_ptr(), ORIGIN.len())
    );
    check_status!(
        UNSUPPORTED,
        http_req::redirect_to_grip_proxy_v2(request, ORIGIN.as_ptr(), ORIGIN.len())
    );
    // A name that is none is told first.
    check_status!(
        INVALID_ARGUMENT,
        http_req::redirect_to_grip_proxy(end_of_memory(), 1)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::redirect_to_grip_proxy_v2(request, end_of_memory(), 1)
    );
    Ok(())
}

fn upgrade_websocket_is_unsupported() -> Outcome {
    check_status!(
        UNSUPPORTED,
        http_req::upgrade_websocket(ORIGIN.as_ptr(), ORIGIN.len())
    );
    Ok(())
}

fn send_informational_response_bad_arguments() -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    for status in [0, 100, 101, 102, 104, 200, 1_000, 65_639] {
        check_status!(
            INVALID_ARGUMENT,
            http_resp::send_informational_response(response, status)
        );
    }
    check_status!(
        BAD_HANDLE,
        http_resp::send_informational_response(NO_HANDLE, 103)
    );
    // The response stays, and may be sent so again.
    check_status!(OK, http_resp::send_informational_response(response, 103));
    check_status!(OK, http_resp::send_informational_response(response, 103));
    check_status!(OK, http_resp::close(response));
    Ok(())
}
