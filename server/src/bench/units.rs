//! Times and sizes as people read them.

/// A time in the unit that fits it, with three digits.
#[must_use]
pub fn time_text(seconds: f64) -> String {
    for (unit, length) in [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)] {
        if seconds >= length * 0.9995 {
            return format!("{} {unit}", digits(seconds / length));
        }
    }
    format!("{} ns", digits(seconds * 1e9))
}

/// A number of bytes in the unit that fits it.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    let kib = bytes as f64 / 1024.0;
    if kib < 1.0 {
        format!("{bytes} B")
    } else if kib < 1024.0 {
        format!("{} KiB", digits(kib))
    } else if kib < 1024.0 * 1024.0 {
        format!("{} MiB", digits(kib / 1024.0))
    } else {
        format!("{} GiB", digits(kib / 1024.0 / 1024.0))
    }
}

/// A number with commas between its thousands.
#[must_use]
pub fn count_text(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, of which `one` is the name of a single one: `1 function`, `2 functions`.
#[must_use]
pub fn counted_text(number: u64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {one}{ending}", count_text(number))
}

/// A number with three digits, or as many as it has before the point.
fn digits(number: f64) -> String {
    let decimals = match number {
        _ if number < 9.995 => 2,
        _ if number < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(time_text(2.5), "2.50 s");
        assert_eq!(time_text(0.012345), "12.3 ms");
        assert_eq!(time_text(0.99999), "1.00 s");
        assert_eq!(time_text(123e-6), "123 µs");
        assert_eq!(time_text(36e-9), "36.0 ns");
        assert_eq!(time_text(0.0), "0.00 ns");
        assert_eq!(bytes_text(100), "100 B");
        assert_eq!(count_text(0), "0");
        assert_eq!(count_text(999), "999");
        assert_eq!(count_text(1_234_567), "1,234,567");
        assert_eq!(counted_text(0, "request"), "0 requests");
        assert_eq!(counted_text(1, "request"), "1 request");
        assert_eq!(counted_text(1000, "request"), "1,000 requests");
        assert_eq!(bytes_text(1536), "1.50 KiB");
        assert_eq!(bytes_text(100 * 1024 * 1024), "100 MiB");
    }
}
