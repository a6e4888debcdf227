//! Guests that want too much.

use std::time::Duration;

use abi_core::Limits;
use abi_core::engine::Exit;
use conformance::cases;
use conformance::client::Answer;
use conformance::context::Context;
use conformance::faulty::Faulty;
use conformance::guests::{Guest, RAW, ROUTES};
use conformance::host::{LIMITS, TestHost};
use conformance::origin::Origin;
use fastlike::OnDisconnect;

cases![
    an_endless_loop_is_stopped_by_the_cpu_limit,
    an_endless_loop_is_stopped_by_the_time_limit,
    an_endless_loop_leaves_time_for_others,
    as_many_endless_loops_as_there_are_threads,
    waiting_does_not_count_as_computing,
    a_guest_that_waits_is_stopped_by_the_time_limit,
    memory_bomb,
    more_memory_than_allowed_from_the_start,
    only_so_many_requests_are_sent_for_a_client,
];

const SHORT: Duration = Duration::from_millis(300);

const LONG: Duration = Duration::from_secs(600);

async fn start(cx: &Context, limits: Limits) -> TestHost {
    cx.host(ROUTES)
        .configure(|builder| builder.limits(limits))
        .start()
        .await
}

async fn an_endless_loop_is_stopped_by_the_cpu_limit(cx: Context) {
    let host = start(
        &cx,
        Limits {
            cpu: SHORT,
            ..LIMITS
        },
    )
    .await;
    let answer = host.get("/loop").await;
    assert_eq!(answer.status, 500);
    let expected = format!("{}\n", Exit::OutOfCpu);
    assert_eq!(answer.text(), expected);
    is_healthy(&host).await;
}

async fn an_endless_loop_is_stopped_by_the_time_limit(cx: Context) {
    let host = start(
        &cx,
        Limits {
            wall: SHORT,
            ..LIMITS
        },
    )
    .await;
    let answer = host.get("/loop").await;
    assert_eq!(answer.status, 504);
    let expected = format!("{}\n", Exit::OutOfTime);
    assert_eq!(answer.text(), expected);
    is_healthy(&host).await;
}

async fn an_endless_loop_leaves_time_for_others(cx: Context) {
    loops_leave_time_for_others(&cx, 1).await;
}

/// The runtime of a test has two threads.
async fn as_many_endless_loops_as_there_are_threads(cx: Context) {
    loops_leave_time_for_others(&cx, 3).await;
}

async fn loops_leave_time_for_others(cx: &Context, count: usize) {
    let host = cx
        .host(ROUTES)
        .configure(|builder| {
            // They are to be there until the end of the test.
            let limits = Limits {
                wall: LONG,
                cpu: LONG,
                ..LIMITS
            };
            builder.limits(limits).on_disconnect(OnDisconnect::Cancel)
        })
        .start()
        .await;
    let loops: Vec<_> = (0..count).map(|_| host.begin_get("/loop")).collect();
    host.runs
        .until(|runs| {
            let looping = runs.iter().filter(|run| run.count("uri_get") > 0);
            (looping.count() == count).then_some(())
        })
        .await;
    for _ in 0..3 {
        is_healthy(&host).await;
    }
    assert!(host.runs.all()[..count].iter().all(|run| !run.is_over()));
    // Their clients leave, and with them the guests.
    for looping in loops {
        looping.leave();
    }
    for index in 0..count {
        assert!(host.runs.over(index).await.stopped);
    }
}

async fn waiting_does_not_count_as_computing(cx: Context) {
    // Not the short limit: on a busy machine a guest that begins and ends takes time, too.
    let cpu = Duration::from_secs(2);
    let host = start(&cx, Limits { cpu, ..LIMITS }).await;
    let longer = cpu.as_millis() + 500;
    assert_eq!(host.text(&format!("/sleep/{longer}")).await, "slept");
}

async fn a_guest_that_waits_is_stopped_by_the_time_limit(cx: Context) {
    let never = Faulty::never().await;
    let host = cx
        .host(ROUTES)
        .backend("never", never.address)
        .configure(|builder| {
            builder.limits(Limits {
                wall: SHORT,
                ..LIMITS
            })
        })
        .start()
        .await;
    let answer = host.get("/proxy/never/").await;
    assert_eq!(answer.status, 504);
    // What it waited for is given up with it.
    never.left(1).await;
    is_healthy(&host).await;
}

async fn memory_bomb(cx: Context) {
    const MEMORY: u64 = 32 * 1024 * 1024;

    let host = start(
        &cx,
        Limits {
            memory_bytes: MEMORY,
            ..LIMITS
        },
    )
    .await;
    let answer = host.get("/memory-bomb").await;
    assert_eq!(answer.status, 500);
    let text = answer.text();
    assert!(text.contains("memory limit of 32 MiB"), "{text}");
    let run = host.runs.over(0).await;
    let bytes = run.ended.expect("it ended by itself").memory_bytes;
    assert!((MEMORY / 2..=MEMORY).contains(&bytes), "{bytes}");
    is_healthy(&host).await;
}

async fn more_memory_than_allowed_from_the_start(cx: Context) {
    let limits = Limits {
        memory_bytes: 1024 * 1024,
        ..LIMITS
    };
    let host = cx
        .host(Guest("wat/big_memory.wat"))
        .configure(|builder| builder.limits(limits))
        .start()
        .await;
    let answer: Answer = host.get("/").await;
    assert_eq!(answer.status, 500, "{}", answer.text());
}

async fn is_healthy(host: &TestHost) {
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

/// The limit is for each client: a guest that serves another one begins to count anew.
async fn only_so_many_requests_are_sent_for_a_client(cx: Context) {
    let limits = Limits {
        subrequests: Some(3),
        ..LIMITS
    };
    let origin = Origin::start().await;
    let host = cx.host(RAW).backend("origin", origin.address);
    let host = host.configure(|builder| builder.limits(limits));
    let host = host.start().await;
    let mut asked = 0;
    // Another guest may answer before the first one waits for a second client.
    while asked == host.runs.all().len() {
        assert_eq!(
            host.text("/raw/subrequests").await,
            "3 sent, then status 13"
        );
        asked += 1;
    }
    assert_eq!(origin.exchanges().len(), asked * 3);
}
