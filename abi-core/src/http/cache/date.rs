//! Dates as origins write them.

use std::time::SystemTime;

use http::HeaderValue;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// An HTTP date in any of its three forms, or one that is nearly so.
///
/// Recipients are to be robust about dates (RFC 9110 section 5.6.7), and caches are to take no notice of case and accept
/// UTC besides GMT (RFC 9111 section 4.2). The day of the week, which says nothing new, is not looked at.
pub(super) fn parse_date(value: &HeaderValue) -> Option<SystemTime> {
    let text = value.to_str().ok()?;
    let exact = httpdate::parse_http_date(text);
    exact.ok().or_else(|| parse_loosely(text))
}

/// A date with the right words in the right order, whatever stands between them.
fn parse_loosely(text: &str) -> Option<SystemTime> {
    let mut words = text
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .skip(1);
    let mut next = || words.next();
    let (first, second) = (next()?, next()?);
    let (day, month, year, time) = if first.starts_with(|first: char| first.is_ascii_digit()) {
        let (year, time, zone) = (next()?, next()?, next()?);
        let is_universal = ["GMT", "UTC"]
            .iter()
            .any(|name| zone.eq_ignore_ascii_case(name));
        (is_universal).then_some((first, second, year, time))?
    } else {
        let (time, year) = (next()?, next()?);
        (second, first, year, time)
    };
    if next().is_some() || year.len() != 4 {
        return None;
    }
    let month = MONTHS
        .iter()
        .find(|name| name.eq_ignore_ascii_case(month))?;
    // One of the seven is the right one, if there is such a day at all.
    WEEKDAYS.iter().find_map(|weekday| {
        let date = format!("{weekday}, {day:0>2} {month} {year} {time:0>8} GMT");
        httpdate::parse_http_date(&date).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Option<u64> {
        let date = parse_date(&HeaderValue::from_static(text))?;
        let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_secs())
    }

    #[test]
    fn three_forms_are_dates() {
        let moment = Some(784_111_777);
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), moment);
        assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT"), moment);
        assert_eq!(parse("Sun Nov  6 08:49:37 1994"), moment);
    }

    #[test]
    fn what_is_nearly_a_date_is_one() {
        for text in [
            "SUN, 06 NOV 1994 08:49:37 gmt",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 6  Nov  1994 8:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Mon Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        // Beyond what 32 bits can count.
        assert_eq!(parse("Sun 21 Nov 2286 04:46:39 GMT"), Some(10_000_039_599));
    }

    #[test]
    fn what_may_mean_another_time_is_none() {
        for text in [
            "",
            "0",
            "Sun, 06 Nov 1994 08:49:37 AEST",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Brumaire 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 108:49:37 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
