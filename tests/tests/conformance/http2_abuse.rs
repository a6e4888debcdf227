//! Clients on HTTP/2 that make work, or hold what they do not use: their connections end or stay bounded, and nobody else
//! notices.

use std::time::Duration;

use conformance::cases;
use conformance::client::{Client, Content, request};
use conformance::context::Context;
use conformance::frames::{
    self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR,
    Frame, Frames, GOAWAY, HEADERS, NO_ERROR, PING, PROTOCOL_ERROR, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, fields, frame, get, reset,
};
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::{HostBuilder, OnDisconnect};

cases![
    requests_that_are_reset_at_once,
    requests_that_are_reset_when_they_have_begun,
    pings_whose_answers_nobody_reads,
    settings_whose_answers_nobody_reads,
    fields_without_an_end,
    more_fields_than_a_head_may_have,
    data_without_any,
    windows_that_do_not_move_or_overflow,
    windows_that_are_shut,
    a_client_that_goes_away_gets_its_answers,
    who_only_pings_is_idle,
    a_client_of_http1_without_a_request_is_idle,
];

/// How long a client may do nothing, where a case waits for that.
const SHORT: Duration = Duration::from_millis(200);

async fn start(
    cx: &Context,
    configure: impl FnOnce(HostBuilder) -> HostBuilder,
) -> (TestHost, Origin) {
    let origin = Origin::start().await;
    let host = cx.host(ROUTES).backend("origin", origin.address);
    let host = host
        .configure(|builder| builder.on_disconnect(OnDisconnect::Cancel))
        .configure(configure);
    (host.start().await, origin)
}

/// Others are answered, on both versions.
async fn others_are_answered(host: &TestHost) {
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
    let hello = request("GET", "/hello", Content::empty());
    let answer = Client::http2().begin(host.address, hello).answer().await;
    assert_eq!(answer.ok_text(), "Hello from Compute\n");
}

/// CVE-2023-44487.
async fn requests_that_are_reset_at_once(cx: Context) {
    let (host, origin) = start(&cx, |builder| builder).await;
    let mut client = Frames::connect(host.address, &[]).await;
    let mut all = Vec::new();
    for stream in (1..10_000).step_by(2) {
        all.extend(get(stream, "/proxy/origin/gate"));
        all.extend(reset(stream, frames::CANCEL));
    }
    let flood = client.flood(all, 1);
    assert_eq!(client.ended().await, Some(ENHANCE_YOUR_CALM));
    drop(flood.await);
    // Whatever has begun is stopped.
    host.runs
        .until(|runs| runs.iter().all(|run| run.stopped).then_some(()))
        .await;
    assert!(host.runs.all().len() < 300);
    assert!(origin.exchanges().len() < 300);
    others_are_answered(&host).await;
}

async fn requests_that_are_reset_when_they_have_begun(cx: Context) {
    // Its guests would go on.
    let (host, origin) = start(&cx, |builder| builder.on_disconnect(OnDisconnect::Finish)).await;
    let mut client = Frames::connect(host.address, &[]).await;
    let mut reason = None;
    let mut sent = 0;
    for stream in (1..2_000).step_by(2) {
        client.send(get(stream, "/proxy/origin/gate")).await;
        client.send(frame(PING, 0, 0, b"is begun")).await;
        sent += 1;
        let next = loop {
            match client.next().await {
                Some(next) if next.kind == PING && next.flags == ACK => break Some(next),
                Some(next) if next.kind == GOAWAY => reason = next.reason(),
                Some(_) => {}
                None => break None,
            }
        };
        if next.is_none() {
            break;
        }
        client.send(reset(stream, frames::CANCEL)).await;
    }
    assert_eq!(reason, Some(ENHANCE_YOUR_CALM), "after {sent} requests");
    assert!((250..400).contains(&sent), "{sent}");
    others_are_answered(&host).await;
    origin.open_gate();
    let begun = host.runs.all().len();
    assert!(begun <= sent + 2, "{begun} of {sent}");
}

/// CVE-2019-9512: the host stops to read where its answers are not read, and gives the client up in the end.
async fn pings_whose_answers_nobody_reads(cx: Context) {
    is_not_read(&cx, frame(PING, 0, 0, b"are you?")).await;
}

/// CVE-2019-9515.
async fn settings_whose_answers_nobody_reads(cx: Context) {
    is_not_read(&cx, frame(SETTINGS, 0, 0, b"")).await;
}

async fn is_not_read(cx: &Context, question: Vec<u8>) {
    let (host, _origin) = start(cx, |builder| builder.send_timeout(SHORT)).await;
    let mut client = Frames::connect(host.address, &[]).await;
    let many = question.repeat(4096);
    let count = 100_000;
    let flood = client.flood(many, count);
    let sent = flood.await.expect("sending does not panic");
    assert!(sent < count, "all of it was read");
    assert!(host.runs.all().is_empty());
    others_are_answered(&host).await;
}

/// CVE-2024-27316 and its kin.
async fn fields_without_an_end(cx: Context) {
    let (host, _origin) = start(&cx, |builder| builder).await;
    let mut client = Frames::connect(host.address, &[]).await;
    client
        .send(frame(HEADERS, END_STREAM, 1, &fields("GET", "/hello")))
        .await;
    // `x: y`, without an entry in the table.
    let more = b"\x00\x01x\x01y".repeat(200);
    let count = 100_000;
    let flood = client.flood(frame(CONTINUATION, 0, 1, &more), count);
    let reason = client.ended().await;
    let sent = flood.await.expect("sending does not panic");
    assert!(sent < count, "all of it was read: {reason:?}");
    assert!(host.runs.all().is_empty());
    others_are_answered(&host).await;
}

async fn more_fields_than_a_head_may_have(cx: Context) {
    let (host, _origin) = start(&cx, |builder| builder).await;
    let mut client = Frames::connect(host.address, &[]).await;
    // What is counted is 32 bytes more for each: RFC 7541 section 4.1. It is more than is taken, and not much more.
    let mut first = fields("GET", "/hello");
    first.extend(b"\x00\x01x\x01y".repeat(3_000));
    let continued = b"\x00\x01x\x01y".repeat(3_000);
    client.send(frame(HEADERS, END_STREAM, 1, &first)).await;
    client
        .send(frame(CONTINUATION, END_HEADERS, 1, &continued))
        .await;
    // The request is refused, and the connection goes on.
    let refused = client.until(|frame| frame.stream == 1).await;
    assert!(!refused.is_status(200));
    client.send(get(3, "/hello")).await;
    client
        .until(|frame| frame.stream == 3 && frame.is_status(200))
        .await;
    assert_eq!(host.runs.all().len(), 1);
}

/// CVE-2019-9518.
async fn data_without_any(cx: Context) {
    let (host, _origin) = start(&cx, |builder| builder).await;
    let mut client = Frames::connect(host.address, &[]).await;
    let head = fields("POST", "/proxy/origin/echo");
    client.send(frame(HEADERS, END_HEADERS, 1, &head)).await;
    let count = 10_000;
    let flood = client.flood(frame(DATA, 0, 1, b"").repeat(1024), count);
    assert_eq!(client.ended().await, Some(ENHANCE_YOUR_CALM));
    assert!(flood.await.expect("sending does not panic") < count);
    // Stopped, or ended by itself when it learnt first that its upload broke off.
    host.runs
        .until(|runs| runs.iter().all(|run| run.is_over()).then_some(()))
        .await;
    others_are_answered(&host).await;
}

/// RFC 9113 sections 6.9 and 6.9.1.
async fn windows_that_do_not_move_or_overflow(cx: Context) {
    let (host, origin) = start(&cx, |builder| builder).await;
    let most = 0x7fff_ffff_u32;
    for (increment, reason) in [(0, PROTOCOL_ERROR), (most, FLOW_CONTROL_ERROR)] {
        let update = |stream| frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
        let mut client = Frames::connect(host.address, &[]).await;
        let number = origin.exchanges().len();
        client.send(get(1, "/proxy/origin/gate")).await;
        origin.arrived(number + 1).await;
        client.send(update(1)).await;
        // A stream, or the connection: a server may choose the larger one.
        let ended = client
            .until(|frame| frame.kind == RST_STREAM || frame.kind == GOAWAY)
            .await;
        assert_eq!(ended.reason(), Some(reason), "{ended:?}");
        origin
            .until(|exchanges| exchanges[number].left.then_some(()))
            .await;
        let mut client = Frames::connect(host.address, &[]).await;
        client.send(update(0)).await;
        assert_eq!(client.ended().await, Some(reason));
    }
    others_are_answered(&host).await;
}

/// CVE-2019-9517: its streams are answered, and nothing of the answers is taken.
async fn windows_that_are_shut(cx: Context) {
    let (host, _origin) = start(&cx, |builder| builder.send_timeout(SHORT)).await;
    // SETTINGS_INITIAL_WINDOW_SIZE.
    let mut client = Frames::connect(host.address, &[(4, 0)]).await;
    let count = 20;
    let streams = (0..count).map(|number| 2 * number + 1);
    for stream in streams.clone() {
        client.send(get(stream, "/stream/4000/65536")).await;
    }
    let mut left: Vec<u32> = streams.collect();
    while !left.is_empty() {
        let reset = client.until(|frame| frame.kind == RST_STREAM).await;
        assert_eq!(reset.reason(), Some(frames::CANCEL));
        left.retain(|stream| *stream != reset.stream);
    }
    for number in 0..count as usize {
        let run = host.runs.over(number).await;
        // A piece is 64 KiB.
        let written = run.count("write");
        assert!(written < 40, "{written}");
    }
    // The connection goes on, as far as it is used.
    client.is_read().await;
    others_are_answered(&host).await;
}

async fn a_client_that_goes_away_gets_its_answers(cx: Context) {
    let (host, origin) = start(&cx, |builder| builder).await;
    let mut client = Frames::connect(host.address, &[]).await;
    client.send(get(1, "/proxy/origin/gate")).await;
    origin.arrived(1).await;
    let no_error = [0, NO_ERROR].map(u32::to_be_bytes).concat();
    client.send(frame(GOAWAY, 0, 0, &no_error)).await;
    client.is_read().await;
    origin.open_gate();
    let frames = client.rest().await;
    assert!(frames.iter().any(|frame| frame.is_status(200)));
    let body: Vec<u8> = frames
        .iter()
        .filter(|frame| frame.kind == DATA)
        .flat_map(|frame| frame.payload.clone())
        .collect();
    assert_eq!(body, b"the gate is open");
}

async fn who_only_pings_is_idle(cx: Context) {
    let (host, origin) = start(&cx, |builder| builder.idle_timeout(SHORT)).await;
    // It asks for something that takes longer, and before that for nothing for a moment.
    let mut busy = Frames::connect(host.address, &[]).await;
    busy.send(get(1, "/proxy/origin/gate")).await;
    origin.arrived(1).await;
    let mut idle = Frames::connect(host.address, &[]).await;
    idle.send(get(1, "/hello")).await;
    idle.until(|frame| frame.stream == 1 && frame.is_status(200))
        .await;
    let mut told = Vec::new();
    let mut pings = 0;
    let is_ping = |frame: &Frame| frame.kind == PING && frame.flags == ACK;
    'pinging: loop {
        idle.send(frame(PING, 0, 0, b"for ever")).await;
        loop {
            match idle.next().await {
                Some(frame) if is_ping(&frame) => break,
                Some(frame) => told.extend(frame.reason()),
                None => break 'pinging,
            }
        }
        pings += 1;
    }
    // It is told to leave, and stays all the same.
    assert_eq!(told, [NO_ERROR]);
    assert!(pings > 10, "{pings}");
    // Who waits for an answer is not idle.
    origin.open_gate();
    busy.until(|frame| frame.stream == 1 && frame.is_status(200))
        .await;
    // One that does what it is told has its connection closed in order.
    let mut leaving = Frames::connect(host.address, &[]).await;
    let asked = leaving
        .until(|frame| frame.kind == PING && frame.flags == 0)
        .await;
    leaving.send(frame(PING, ACK, 0, &asked.payload)).await;
    assert_eq!(leaving.ended().await, Some(NO_ERROR));
    others_are_answered(&host).await;
}

async fn a_client_of_http1_without_a_request_is_idle(cx: Context) {
    let (host, _origin) = start(&cx, |builder| builder.idle_timeout(SHORT)).await;
    let mut silent = host.connect().await;
    assert_eq!(silent.read_to_end().await, "");
    let mut kept = host.connect().await;
    kept.get("/hello").await;
    let answer = kept.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut slow = host.connect().await;
    slow.send("GET /hello HTTP/1.1\r\n").await;
    let answer = slow.read_to_end().await;
    assert!(!answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(host.runs.all().len(), 1);
}
