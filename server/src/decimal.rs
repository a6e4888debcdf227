//! Numbers as text, where every request has some.
//!
//! What the standard library makes of floating-point numbers is right for all of them, and takes longer than everything
//! else in the line about a request.

use std::fmt;

/// Room for the digits of any number, a point, and what it is padded with.
const TEXT_BYTES: usize = 24;

/// A short text that is made of digits.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    bytes: [u8; TEXT_BYTES],
    start: usize,
}

impl Digits {
    /// An integer.
    pub(crate) fn of(number: u64) -> Self {
        let mut digits = Self::none();
        digits.put(number, 1);
        digits
    }

    /// A number with two decimals.
    pub(crate) fn hundredths(hundredths: u64) -> Self {
        let mut digits = Self::none();
        digits.put(hundredths % 100, 2);
        digits.put_byte(b'.');
        digits.put(hundredths / 100, 1);
        digits
    }

    /// A number with at most two decimals, none of which is a zero at the end.
    pub(crate) fn shortest(hundredths: u64) -> Self {
        match (hundredths % 100, hundredths % 10) {
            (0, _) => Self::of(hundredths / 100),
            (_, 0) => Self::tenths(hundredths / 10),
            _ => Self::hundredths(hundredths),
        }
    }

    /// A number with one decimal.
    pub(crate) fn tenths(tenths: u64) -> Self {
        let mut digits = Self::none();
        digits.put(tenths % 10, 1);
        digits.put_byte(b'.');
        digits.put(tenths / 10, 1);
        digits
    }

    /// The same with spaces before it, where it is shorter than that.
    pub(crate) fn padded(mut self, width: usize) -> Self {
        while self.as_str().len() < width.min(TEXT_BYTES) {
            self.put_byte(b' ');
        }
        self
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        // All of it is ASCII.
        std::str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }

    const fn none() -> Self {
        Self {
            bytes: [b' '; TEXT_BYTES],
            start: TEXT_BYTES,
        }
    }

    /// Puts a number before what is there.
    fn put(&mut self, mut number: u64, count: usize) {
        let end = self.start;
        while number > 0 || end - self.start < count {
            self.put_byte(b'0' + (number % 10) as u8);
            number /= 10;
        }
    }

    /// Puts a byte before what is there, as long as there is room, which there is for any `u64` with a point in it.
    fn put_byte(&mut self, byte: u8) {
        if let Some(start) = self.start.checked_sub(1) {
            self.start = start;
            self.bytes[start] = byte;
        }
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        for number in [0, 1, 9, 10, 99, 100, 101, 110, 12_345, 9_999_999, u64::MAX] {
            assert_eq!(Digits::of(number).as_str(), number.to_string());
        }
        for hundredths in [0, 1, 9, 10, 12, 90, 99, 100, 101, 110, 111, 123_456] {
            let number = hundredths as f64 / 100.0;
            let two = Digits::hundredths(hundredths);
            assert_eq!(two.as_str(), format!("{number:.2}"));
            assert_eq!(two.padded(8).as_str(), format!("{number:>8.2}"));
            assert_eq!(Digits::shortest(hundredths).as_str(), number.to_string());
        }
        assert_eq!(Digits::tenths(15).as_str(), "1.5");
        assert_eq!(Digits::tenths(0).as_str(), "0.0");
    }

    #[test]
    fn the_largest_number_has_room() {
        let largest = Digits::hundredths(u64::MAX);
        assert_eq!(largest.as_str(), "184467440737095516.15");
        assert_eq!(largest.padded(100).as_str().len(), TEXT_BYTES);
    }
}
