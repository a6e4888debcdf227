//! Reading TOML tables key by key, so that every mistake can be told with its place.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use crate::suggestion::closest;

pub(super) type Result<T> = std::result::Result<T, Problem>;

/// A value with its place and its name.
#[derive(Clone, Debug)]
pub(super) struct Value<'a> {
    /// Its name in one line, as in `local_server.backends.origin.url`.
    pub key: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            span: self.value.span(),
            key: self.key.clone(),
            message: message.into(),
        }
    }

    fn expected(&self, what: &str) -> Problem {
        let found = self.value.get_ref().type_str();
        self.problem(format!("expected {what}, found {}", article(found)))
    }

    pub(super) fn string(&self) -> Result<&'a str> {
        let string = self.value.get_ref().as_str();
        string.ok_or_else(|| self.expected("a string"))
    }

    pub(super) fn bool(&self) -> Result<bool> {
        let bool = self.value.get_ref().as_bool();
        bool.ok_or_else(|| self.expected("true or false"))
    }

    /// A number without sign.
    pub(super) fn number(&self) -> Result<u64> {
        const EXPECTED: &str = "an integer that is not negative";
        let integer = self.value.get_ref().as_integer();
        let integer = integer.ok_or_else(|| self.expected(EXPECTED))?;
        u64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| self.problem(format!("expected {EXPECTED}, found {integer}")))
    }

    pub(super) fn table(&self) -> Result<Table<'a>> {
        let table = self.value.get_ref().as_table();
        let entries = table.ok_or_else(|| self.expected("a table"))?;
        Ok(Table {
            key: self.key.clone(),
            span: self.value.span(),
            entries,
            known: HashSet::new(),
        })
    }

    /// The value as JSON. A date or time is a text there.
    pub(super) fn json(&self) -> Result<serde_json::Value> {
        json(self.value.get_ref()).ok_or_else(|| self.expected("a value that JSON has too"))
    }

    pub(super) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// The elements, when this is an array.
    pub(super) fn elements(&self) -> Option<Vec<Value<'a>>> {
        let array = self.value.get_ref().as_array()?;
        let elements = array.iter().enumerate();
        Some(
            elements
                .map(|(index, value)| Value {
                    key: format!("{}[{index}]", self.key),
                    value,
                })
                .collect(),
        )
    }
}

/// A table of which some keys have been asked for.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    pub key: String,
    span: Range<usize>,
    entries: &'a DeTable<'a>,
    known: HashSet<&'static str>,
}

impl<'a> Table<'a> {
    pub(super) fn root(document: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            key: String::new(),
            span: document.span(),
            entries: document.get_ref(),
            known: HashSet::new(),
        }
    }

    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            span: self.span.clone(),
            key: self.key.clone(),
            message: message.into(),
        }
    }

    /// The value of a key that this table may have.
    pub(super) fn get(&mut self, name: &'static str) -> Option<Value<'a>> {
        self.known.insert(name);
        let value = self.entries.get(name)?;
        Some(Value {
            key: join(&self.key, name),
            value,
        })
    }

    /// The value of a key that this table must have.
    pub(super) fn require(&mut self, name: &'static str) -> Result<Value<'a>> {
        let value = self.get(name);
        value.ok_or_else(|| self.missing(name))
    }

    /// That a key is not there, and which other one may be a misspelling of it.
    pub(super) fn missing(&self, name: &str) -> Problem {
        let there = self.entries.keys().map(|name| name.get_ref().as_ref());
        let others = there.filter(|other| !self.known.contains(other));
        let misspelt = closest(name, others).map(|other| format!("; is `{other}` meant to be it?"));
        self.problem(format!(
            "the key `{name}` is missing{}",
            misspelt.unwrap_or_default()
        ))
    }

    /// The value of a key that has two names; at most one of them may be used.
    pub(super) fn get_either(
        &mut self,
        name: &'static str,
        alias: &'static str,
    ) -> Result<Option<Value<'a>>> {
        match (self.get(name), self.get(alias)) {
            (Some(_), Some(value)) => Err(value.problem(format!(
                "`{alias}` is another name of `{name}`; use only one of them"
            ))),
            (value, other) => Ok(value.or(other)),
        }
    }

    /// A problem with a key that may be a misspelling of `name`, which is not there.
    pub(super) fn misspelt(&self, name: &str) -> Option<Problem> {
        let there = self.entries.keys().map(|key| key.get_ref().as_ref());
        let found = closest(name, there)?;
        let (key, _) = self.entries.get_key_value(found)?;
        Some(Problem {
            span: key.span(),
            key: self.key.clone(),
            message: format!("`{found}` has no effect; did you mean `{name}`?"),
        })
    }

    /// Every key and value, whatever the keys are.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let key = self.key.clone();
        self.entries.iter().map(move |(name, value)| {
            let name = name.get_ref().as_ref();
            let key = join(&key, name);
            (name, Value { key, value })
        })
    }

    /// A problem for each key that nobody asked for.
    pub(super) fn unknown(&self) -> impl Iterator<Item = Problem> {
        let unknown = self.entries.iter();
        let unknown = unknown.filter(|(name, _)| !self.known.contains(name.get_ref().as_ref()));
        unknown.map(|(name, _)| Problem {
            span: name.span(),
            key: self.key.clone(),
            message: format!(
                "there is no key `{}`{}",
                name.get_ref(),
                self.suggestion(name.get_ref())
            ),
        })
    }

    /// Makes an error of the first key that nobody asked for.
    pub(super) fn refuse_unknown(&self) -> Result<()> {
        self.unknown().next().map_or(Ok(()), Err)
    }

    fn suggestion(&self, name: &str) -> String {
        if let Some(closest) = closest(name, self.known.iter().copied()) {
            return format!("; did you mean `{closest}`?");
        }
        let mut known: Vec<_> = self.known.iter().copied().collect();
        known.sort_unstable();
        format!("; there are: {}", known.join(", "))
    }
}

/// Nothing for a number that is out of range. The nesting is bounded by the parser of TOML.
fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    use serde_json::Value as Json;
    Some(match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => {
            Json::from(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => Json::from(number.as_str().parse::<f64>().ok()?),
        DeValue::Boolean(boolean) => Json::from(*boolean),
        DeValue::Datetime(moment) => Json::from(moment.to_string()),
        DeValue::Array(elements) => {
            let elements = elements.iter().map(|element| json(element.get_ref()));
            Json::Array(elements.collect::<Option<_>>()?)
        }
        DeValue::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                Some((key.get_ref().as_ref().to_owned(), json(value.get_ref())?))
            });
            Json::Object(entries.collect::<Option<_>>()?)
        }
    })
}

fn join(key: &str, name: &str) -> String {
    if key.is_empty() {
        name.to_owned()
    } else {
        format!("{key}.{name}")
    }
}

fn article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}
