//! A guest without an SDK: it declares the host's calls itself and checks them one by one, including
//! what they say to arguments no SDK would pass.
//!
//! `/cases` answers with the names of all cases, a line each. `/case/<name>` runs one case: 200 `ok`,
//! or 500 with where it failed and with what. The paths below `/raw/` are for what cannot be reported
//! that way, because the answer itself is the matter or because there is none.
//!
//! Hosts disagree about some arguments. Where they do, the cases expect a status where another host
//! would end the guest: cases whose names end in `_bad_result_pointer` pass a bad place for a call's
//! result, and those that end in `_unknown_value` a number that an enumeration, a set of flags or a
//! 16-bit argument does not have. Viceroy 0.22 traps in both, and passes all other cases.
//!
//! What the cases expect of the host's configuration:
//!
//! * The backend `origin` serves `/echo` (200, the request's body, `x-backend: origin`),
//!   `/status/<n>`, `/delay/<milliseconds>/<anything>`, `/bytes/<n>` (that many `a`, with a length)
//!   and `/stream/<count>/<size>` (chunked). At `refused` nothing listens; `never` takes connections
//!   and says nothing; `unknown-backend` is not configured.
//! * The dictionary and the config store `strings` have `greeting` = `hello`, `empty` = nothing and
//!   `long` = 8000 times `x`. There is no store `missing`.
//! * The secret store `secrets` has `password` = `hunter2` and `empty` = nothing.
//! * The KV store `kv` has `greeting` = `hello` with the metadata `of the host`.
//! * Geo data says `city` of 10.0.0.0/8 (`Ten`), 10.1.0.0/16 (`Ten One`) and 2001:db8::/32 (`Six`), what is usual of
//!   loopback addresses, and nothing of others. The device of the user agent `Device/1.0` is known, and no other.
//! * Guests are left the cache of responses in the cases whose names begin with `http_cache_`; the others do not need it.
//! * The access control list `networks` blocks 10.0.0.0/8 and 2001:db8::/32, and allows 10.1.0.0/16.

mod cases;
mod check;
mod guest;
mod special;
mod sys;
mod texts;

fn main() {
    if let Err(failure) = serve() {
        // Reached only when the calls that answer have failed, so that there is nobody to tell but
        // the log of the host.
        panic!("{failure}");
    }
}

fn serve() -> check::Outcome {
    let path = guest::downstream_path()?;
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["cases"] => {
            let names: Vec<&str> = cases::all().map(|case| case.name).collect();
            guest::answer(200, (names.join("\n") + "\n").as_bytes())
        }
        ["case", name] => match cases::all().find(|case| case.name == *name) {
            Some(case) => match (case.run)() {
                Ok(()) => guest::answer(200, b"ok"),
                Err(failure) => guest::answer(500, failure.as_bytes()),
            },
            None => guest::answer(404, b"no such case"),
        },
        ["raw", route @ ..] => special::serve(route),
        _ => guest::answer(404, b"no such route"),
    }
}
