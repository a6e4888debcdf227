//! Which SDK a program was written with.
//!
//! Some say so in the section `producers`, where the tools that made a module leave their names. Of the others the paths
//! of their sources are in the messages of their panics.

/// The SDK that a program was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdk {
    /// Its name, as its package registry knows it.
    pub name: String,
    /// The language it is for.
    pub language: &'static str,
    /// Its version, where the program tells.
    pub version: Option<String>,
}

/// A text that is in the programs of one SDK, followed by its version.
struct Trace {
    text: &'static [u8],
    name: &'static str,
    language: &'static str,
}

const TRACES: [Trace; 4] = [
    Trace {
        text: b"/compute-sdk-go@v",
        name: "github.com/fastly/compute-sdk-go",
        language: "Go",
    },
    Trace {
        text: b"/fastly-",
        name: "fastly",
        language: "Rust",
    },
    Trace {
        text: b"js-compute-runtime",
        name: "@fastly/js-compute",
        language: "JavaScript",
    },
    Trace {
        text: b"compute-sdk-go",
        name: "github.com/fastly/compute-sdk-go",
        language: "Go",
    },
];

/// How long a version may be.
const VERSION_LENGTH_MAX: usize = 32;

/// The SDK of a program, by its producers and its bytes.
pub(super) fn find(producers: &[(String, String, String)], wasm: &[u8]) -> Option<Sdk> {
    let declared = producers.iter().find(|(field, ..)| field == "sdk");
    if let Some((_, name, version)) = declared {
        return Some(Sdk {
            name: name.clone(),
            language: language(name),
            version: Some(version.clone()).filter(|version| !version.is_empty()),
        });
    }
    TRACES.iter().find_map(|trace| {
        let needs_version = trace.text.ends_with(b"-") || trace.text.ends_with(b"v");
        let mut rest = wasm;
        while let Some(at) = position(rest, trace.text) {
            rest = &rest[at + trace.text.len()..];
            let version = version(rest);
            if version.is_some() || !needs_version {
                return Some(Sdk {
                    name: trace.name.to_owned(),
                    language: trace.language,
                    version,
                });
            }
        }
        None
    })
}

fn language(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    if name.contains("js") {
        "JavaScript"
    } else if name.contains("go") {
        "Go"
    } else {
        "unknown"
    }
}

fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let (first, others) = text.split_first()?;
    let mut start = 0;
    loop {
        start += bytes[start..].iter().position(|byte| byte == first)?;
        if bytes[start + 1..].starts_with(others) {
            return Some(start);
        }
        start += 1;
    }
}

/// The version that `bytes` begin with: numbers with dots between them, and perhaps a suffix.
fn version(bytes: &[u8]) -> Option<String> {
    let bytes = &bytes[..bytes.len().min(VERSION_LENGTH_MAX)];
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".-+".contains(byte);
    let length = bytes.iter().take_while(|byte| is_part(byte)).count();
    let version = std::str::from_utf8(&bytes[..length]).ok()?;
    let mut numbers = version.split('.');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| part.starts_with(|first: char| first.is_ascii_digit()))
    };
    (is_number(numbers.next()) && is_number(numbers.next())).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(String, Option<String>)> {
        find(&[], text.as_bytes()).map(|sdk| (sdk.name, sdk.version))
    }

    #[test]
    fn traces_of_an_sdk_give_its_name_and_version() {
        let sdk = |name: &str, version: &str| Some((name.to_owned(), Some(version.to_owned())));
        assert_eq!(
            found("at /x/fastly-shared/fastly-0.13.2/src/http.rs"),
            sdk("fastly", "0.13.2")
        );
        assert_eq!(
            found("mod/github.com/fastly/compute-sdk-go@v1.9.0/fsthttp"),
            sdk("github.com/fastly/compute-sdk-go", "1.9.0")
        );
        assert_eq!(
            found("built by js-compute-runtime"),
            Some(("@fastly/js-compute".to_owned(), None))
        );
        assert_eq!(found("/fastly-sys/ and nothing else"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn what_the_producers_say_goes_first() {
        let producer = |field: &str, name: &str, version: &str| {
            (field.to_owned(), name.to_owned(), version.to_owned())
        };
        let producers = [
            producer("language", "Rust", ""),
            producer("sdk", "@fastly/js-compute", "3.46.0"),
        ];
        let sdk = find(&producers, b"/fastly-0.13.2/src").unwrap();
        assert_eq!(sdk.language, "JavaScript");
        assert_eq!(sdk.version.as_deref(), Some("3.46.0"));
    }
}
