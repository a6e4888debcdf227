//! What may have been meant by a name that there is not.

/// How alike two names have to be, from 0 to 1, for one to be taken for a misspelling of the other.
const ALIKE: f64 = 0.8;

/// The one of the known names that is most like `name`, if any is like it.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &'a str| (strsim::jaro_winkler(name, known), known);
    let all = known.into_iter().map(likeness);
    let best = all.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.and_then(|(likeness, known)| (likeness >= ALIKE).then_some(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_seen_and_another_word_is_not() {
        let known = ["serve", "run", "inspect", "bench"];
        assert_eq!(closest("inspct", known), Some("inspect"));
        assert_eq!(closest("serv", known), Some("serve"));
        assert_eq!(closest("deploy", known), None);
        assert_eq!(closest("run", []), None);
    }
}
