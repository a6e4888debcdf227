//! Routes about what surrounds a guest: clocks, random bytes, environment, standard output.

use crate::check::{Outcome, check};
use std::time::{Duration, Instant, SystemTime};

/// Sleeps, then answers.
pub fn sleep(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
    crate::answer("slept");
}

/// The monotonic clock never goes back and advances while the guest sleeps; the wall clock is set.
pub fn time() -> Outcome {
    let mut last = Instant::now();
    for _ in 0..1000 {
        let now = Instant::now();
        check!(now >= last);
        last = now;
    }

    let pause = Duration::from_millis(5);
    let before = Instant::now();
    std::thread::sleep(pause);
    check!(before.elapsed() >= pause);

    let start_of_2020 = SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_836_800);
    check!(SystemTime::now() > start_of_2020);
    Ok(())
}

/// Two random values of 16 bytes, a line of hexadecimal digits each.
pub fn random() {
    let mut text = String::new();
    for _ in 0..2 {
        let mut value = [0; 16];
        getrandom::fill(&mut value).expect("the host gives random bytes");
        text.extend(value.iter().map(|byte| format!("{byte:02x}")));
        text.push('\n');
    }
    crate::answer(&text);
}

/// The environment variables whose names begin with `FASTLY_`, sorted, a line each, and the
/// arguments on one more line.
pub fn env() {
    let mut lines: Vec<String> = std::env::vars()
        .filter(|(name, _)| name.starts_with("FASTLY_"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.sort();
    let arguments: Vec<String> = std::env::args().collect();
    lines.push(format!("args={}", arguments.join(" ")));
    crate::answer(&(lines.join("\n") + "\n"));
}

/// Writes a line to standard output and one to standard error.
pub fn stdio() {
    println!("a line for standard output");
    eprintln!("a line for standard error");
    crate::answer("ok");
}
