//! What others have written, for terminals.

use std::borrow::Cow;
use std::fmt::Write;

/// A line as a terminal can have it: what would steer the terminal, or turn the direction of its text, is an escape such as
/// `\u{1b}` here, and so is what is no UTF-8. Tabs stay.
pub(crate) fn for_terminal(line: &[u8]) -> Cow<'_, [u8]> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    if line.iter().all(is_plain) {
        return Cow::Borrowed(line);
    }
    // A terminal goes to the next line by itself.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut text = String::with_capacity(line.len() + 16);
    for chunk in line.utf8_chunks() {
        for character in chunk.valid().chars() {
            match steers(character) {
                true => text.extend(character.escape_default()),
                false => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            // It writes to a text, which does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    Cow::Owned(text.into_bytes())
}

/// Whether a terminal does something else with a character than to show it.
pub(crate) fn steers(character: char) -> bool {
    match character {
        '\t' => false,
        // Marks of direction (Unicode Standard Annex 9).
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        character => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &[u8]) -> String {
        String::from_utf8(for_terminal(line).into_owned()).unwrap()
    }

    #[test]
    fn text_stays_as_it_is() {
        for text in ["", "plain\ttext ~", "grüße 😀 e\u{301}", "\\x1b"] {
            assert_eq!(shown(text.as_bytes()), text);
        }
        assert_eq!(shown("größer\r".as_bytes()), "größer");
        assert_eq!(shown(b"end\r"), "end");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(shown(b"\x1b[2J\x07"), r"\u{1b}[2J\u{7}");
        assert_eq!(shown(b"real\rfake\x08\x7f"), r"real\rfake\u{8}\u{7f}");
        assert_eq!(shown("\u{9b}31m\u{202e}".as_bytes()), r"\u{9b}31m\u{202e}");
        assert_eq!(shown(b"a\x9b\xffb"), r"a\x9b\xffb");
    }
}
