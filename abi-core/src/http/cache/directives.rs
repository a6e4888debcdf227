//! Directives of Cache-Control (RFC 9111 section 5.2) and of Surrogate-Control.

use std::time::Duration;

use http::header::HeaderValue;

/// The longest time that caches count with, in seconds (RFC 9111 section 1.2.2).
const SECONDS_MAX: u64 = 1 << 31;

/// A list of directives, of any number of header fields. Names are in lower case; of two with one name the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives(Vec<(String, Option<String>)>);

impl Directives {
    /// Reads directives. What is none is left out.
    pub(super) fn parse<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut directives = Vec::new();
        for value in values {
            let text = String::from_utf8_lossy(value.as_bytes());
            for item in split_unquoted(&text) {
                let (name, argument) = match item.split_once('=') {
                    Some((name, argument)) => (name, Some(unquoted(argument))),
                    None => (item, None),
                };
                directives.push((name.to_ascii_lowercase(), argument));
            }
        }
        Self(directives)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// Whether the directive is there without an argument: with one it speaks of the header fields in it alone.
    pub(super) fn contains_unqualified(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|(other, argument)| other == name && argument.is_none())
    }

    /// The names of header fields that a directive has as its argument.
    pub(super) fn fields(&self, name: &str) -> impl Iterator<Item = &str> {
        let lists = self.0.iter().filter(move |(other, _)| other == name);
        lists
            .filter_map(|(_, argument)| argument.as_deref())
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .filter(|field| !field.is_empty())
    }

    /// The time of a directive. One that is not a number of seconds counts as none at all: what is not understood must
    /// not make a response fresh.
    pub(super) fn time(&self, name: &str) -> Option<Duration> {
        let (_, argument) = self.0.iter().find(|(other, _)| other == name)?;
        let seconds = argument.as_deref().and_then(seconds).unwrap_or(0);
        Some(Duration::from_secs(seconds))
    }

    /// Takes away the names of the surrogates that directives are meant for (`max-age=60;name`). The platform tells
    /// backends no name of its own (`Surrogate-Capability`), and obeys directives for whatever name.
    pub(super) fn for_any_surrogate(mut self) -> Self {
        for (name, argument) in &mut self.0 {
            let text = argument.as_mut().unwrap_or(name);
            if let Some(end) = text.find(';') {
                text.truncate(end);
            }
        }
        self
    }
}

/// A number of seconds; one that is too large for a number is the longest time there is.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| {
        text.parse()
            .map_or(SECONDS_MAX, |n: u64| n.min(SECONDS_MAX))
    })
}

/// The items between commas that are in no quoted string, without the space around them.
fn split_unquoted(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match character {
            _ if was_escaped => {}
            '"' => quoted = !quoted,
            '\\' if quoted => escaped = true,
            _ => {}
        }
        character == ',' && !quoted
    })
    .map(str::trim)
    .filter(|item| !item.is_empty())
}

fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.map_or_else(|| text.to_owned(), |inner| inner.replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &[&'static str]) -> Directives {
        let values: Vec<_> = list
            .iter()
            .map(|value| HeaderValue::from_static(value))
            .collect();
        Directives::parse(&values)
    }

    #[test]
    fn names_have_any_case_and_arguments_any_quotes() {
        let directives = parse(&["MaX-AgE=60, nO-sTore", r#"s-maxage="7""#]);
        assert_eq!(directives.time("max-age"), Some(Duration::from_secs(60)));
        assert_eq!(directives.time("s-maxage"), Some(Duration::from_secs(7)));
        assert!(directives.contains("no-store"));
        assert!(!directives.contains("no-cache"));
    }

    #[test]
    fn what_is_quoted_is_no_directive() {
        let directives = parse(&[r#"ext="a\", max-age=3600", max-age=1"#]);
        assert_eq!(directives.time("max-age"), Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_is_no_number_makes_nothing_fresh() {
        for text in [
            "max-age=-1",
            "max-age='60'",
            "max-age=60a",
            "max-age=6.5",
            "max-age=",
            "max-age",
        ] {
            assert_eq!(
                parse(&[text]).time("max-age"),
                Some(Duration::ZERO),
                "{text}"
            );
        }
        assert_eq!(parse(&["max-age = 60"]).time("max-age"), None);
        let forever = parse(&["max-age=99999999999999999999999"]).time("max-age");
        assert_eq!(forever, Some(Duration::from_secs(1 << 31)));
    }

    #[test]
    fn of_two_the_first_counts() {
        let directives = parse(&["max-age=1, max-age=2", "max-age=3"]);
        assert_eq!(directives.time("max-age"), Some(Duration::from_secs(1)));
    }

    #[test]
    fn arguments_may_be_names_of_fields() {
        let directives = parse(&[r#"no-cache="a, B""#]);
        assert!(!directives.contains_unqualified("no-cache"));
        assert_eq!(
            directives.fields("no-cache").collect::<Vec<_>>(),
            ["a", "B"]
        );
    }

    #[test]
    fn what_is_for_a_surrogate_is_for_this_one() {
        let directives = parse(&["max-age=60;abc, no-store;abc"]).for_any_surrogate();
        assert_eq!(directives.time("max-age"), Some(Duration::from_secs(60)));
        assert!(directives.contains("no-store"));
    }
}
