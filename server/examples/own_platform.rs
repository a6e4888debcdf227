//! Bringing one's own world: here a clock that stands still, so that what a program does with time can be tested, and
//! logs that are counted.
//!
//! ```sh
//! cargo run --example own_platform
//! ```

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastlike::Host;
use fastlike::abi_core::Platform;
use fastlike::abi_core::platform::{Clock, LogSource, Logs};
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::BodyExt;

/// A guest that asks the clock for the time, and logs nothing but that.
const PROGRAM: &str = r#"(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "midnight\n")
  (data (i32.const 80) "\40\00\00\00\09\00\00\00")
  (func (export "_start")
    (drop (call $now (i32.const 0) (i64.const 1) (i32.const 0)))
    (if (i64.eqz (i64.rem_u (i64.load (i32.const 0)) (i64.const 86400000000000)))
      (then (drop (call $write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 88)))))))"#;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let logs = CountedLogs::default();
    let host = Host::builder()
        .program(PROGRAM.as_bytes())
        .logs(logs.clone())
        .platform(|platform| {
            // The rest stays as it is.
            let clock = Arc::new(Midnight(platform.clock.clone()));
            Platform { clock, ..platform }
        })
        .build()
        .await?;
    let request = Request::get("http://localhost/").body(String::new())?;
    let (response, finished) = host.handle_and_report(request).await;
    println!("answered with {}", response.status());
    response.into_body().collect().await?;
    let report = finished.await.ok_or("the request was refused")?;
    assert!(report.exit.is_success(), "{}", report.exit);
    assert_eq!(logs.lines.load(Ordering::Relaxed), 1);
    Ok(())
}

/// It is always midnight, but waiting takes as long as it does elsewhere.
struct Midnight(Arc<dyn Clock>);

impl Clock for Midnight {
    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(20_000 * 24 * 60 * 60)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

#[derive(Clone, Default)]
struct CountedLogs {
    lines: Arc<AtomicUsize>,
}

impl Logs for CountedLogs {
    fn write(&self, source: LogSource<'_>, message: &[u8]) {
        self.lines.fetch_add(1, Ordering::Relaxed);
        println!("{source:?}: {}", String::from_utf8_lossy(message));
    }
}
