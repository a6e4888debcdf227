//! The records of options that the hostcalls of the HTTP cache take and give.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_LENGTH;

use crate::cache::{Attachment, CacheKey, CacheSpace, SurrogateKeys, VaryRule, WriteOptions};
use crate::error::{Error, Result};
use crate::handle::{RequestHandle, ResponseHandle};
use crate::http::cache::{lookup_key, retention};
use crate::http::{FramingMode, RequestHead};
use crate::memory::{GuestPtr, Memory};
use crate::sent::Sent;
use crate::table::Call;
use crate::table::types::{HttpCacheLookupOptions, HttpCacheWriteOptions};

use super::cache_items::{check_mask, long, nanoseconds};

/// What is looked up, and how: a request with witx `http_cache_lookup_options`.
pub(super) struct Asked {
    pub key: CacheKey,
    pub head: Arc<RequestHead>,
    pub missing_backend: Option<Arc<Sent>>,
}

impl Asked {
    pub(super) fn lift(
        call: &Call<'_>,
        request: RequestHandle,
        mask: u32,
        options: GuestPtr<HttpCacheLookupOptions>,
    ) -> Result<Self> {
        const OVERRIDE_KEY: u32 = 1 << 1;
        const BACKEND_NAME: u32 = 1 << 2;
        check_mask(mask, OVERRIDE_KEY | BACKEND_NAME)?;
        let [key, key_len, backend, backend_len] = call.memory.read(options.cast::<[u32; 4]>())?;
        let request = call.session.requests.get(request)?;
        let mut head = RequestHead {
            headers: call.session.held.copy_headers(&request.headers)?,
            ..request.clone()
        };
        // Backends do not see a key that the guest has put into the request.
        let mut own_key = lookup_key(&mut head);
        if mask & OVERRIDE_KEY != 0 {
            let key = call.memory.bytes(GuestPtr::new(key), key_len)?;
            own_key = CacheKey::new(CacheSpace::Http, key)?;
        }
        let mut missing_backend = None;
        if mask & BACKEND_NAME != 0 {
            let name = call.memory.bytes(GuestPtr::new(backend), backend_len)?;
            let text = std::str::from_utf8(name);
            if text.map_or(true, |name| call.session.backend(name).is_none()) {
                missing_backend = Some(Arc::new(Sent::to_nowhere(name)));
            }
        }
        Ok(Self {
            key: own_key,
            head: Arc::new(head),
            missing_backend,
        })
    }
}

/// The bits of witx `http_cache_write_options_mask`.
mod option {
    pub(super) const RESERVED: u32 = 1;
    pub(super) const VARY_RULE: u32 = 1 << 1;
    pub(super) const INITIAL_AGE_NS: u32 = 1 << 2;
    pub(super) const STALE_WHILE_REVALIDATE_NS: u32 = 1 << 3;
    pub(super) const SURROGATE_KEYS: u32 = 1 << 4;
    pub(super) const LENGTH: u32 = 1 << 5;
    pub(super) const SENSITIVE_DATA: u32 = 1 << 6;
    pub(super) const STALE_IF_ERROR_NS: u32 = 1 << 7;
    pub(super) const ALL: u32 = (1 << 8) - 1;
}

/// witx `http_cache_write_options`, as 32-bit words.
type WriteRecord = [u32; 14];

fn read_record(
    memory: &Memory<'_>,
    options: GuestPtr<HttpCacheWriteOptions>,
) -> Result<WriteRecord> {
    memory.check(options.cast::<u64>())?;
    Ok(memory.read(options.cast::<WriteRecord>())?)
}

/// Reads witx `http_cache_write_options`. Surrogate keys that are none are left out: guests pass on what backends say.
pub(super) fn write_options(
    call: &Call<'_>,
    mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
) -> Result<WriteOptions> {
    check_mask(mask, option::ALL & !option::RESERVED)?;
    let fields = read_record(&call.memory, options)?;
    let has = |option: u32| mask & option != 0;
    let time = |option: u32, at: usize| match has(option) {
        true => Duration::from_nanos(long(fields[at], fields[at + 1])),
        false => Duration::ZERO,
    };
    let vary = match has(option::VARY_RULE) {
        true => VaryRule::parse(call.memory.text(GuestPtr::new(fields[2]), fields[3])?)?,
        false => VaryRule::default(),
    };
    let surrogate_keys = match has(option::SURROGATE_KEYS) {
        true => call.memory.bytes(GuestPtr::new(fields[8]), fields[9])?,
        false => &[],
    };
    Ok(WriteOptions {
        vary,
        initial_age: time(option::INITIAL_AGE_NS, 4),
        stale_while_revalidate: time(option::STALE_WHILE_REVALIDATE_NS, 6),
        stale_if_error: time(option::STALE_IF_ERROR_NS, 12),
        surrogate_keys: SurrogateKeys::from_lists([surrogate_keys]),
        length: has(option::LENGTH).then_some(long(fields[10], fields[11])),
        sensitive_data: has(option::SENSITIVE_DATA),
        ..WriteOptions::new(Duration::from_nanos(long(fields[0], fields[1])))
    })
}

/// What to store of a response, under `options`. How long its body is, is said by what the guest writes.
pub(super) fn of_response(
    call: &Call<'_>,
    response: ResponseHandle,
    options: WriteOptions,
) -> Result<WriteOptions> {
    let mut head = call.session.responses.get(response)?.clone();
    head.framing = FramingMode::Automatic;
    head.headers.remove(CONTENT_LENGTH);
    Ok(WriteOptions {
        retention: retention(&head.headers),
        attachment: Attachment::Response(Arc::new(head)),
        ..options
    })
}

/// Where suggested options go: numbers into a record, texts into the buffers of another one.
pub(super) struct OptionsOut {
    wanted: u32,
    /// Buffer and capacity, for vary rule and surrogate keys.
    vary: (GuestPtr<u8>, u32),
    surrogate_keys: (GuestPtr<u8>, u32),
    mask_out: GuestPtr<u32>,
    options_out: GuestPtr<HttpCacheWriteOptions>,
}

impl OptionsOut {
    pub(super) fn lift(
        call: &Call<'_>,
        wanted: u32,
        options: GuestPtr<HttpCacheWriteOptions>,
        mask_out: GuestPtr<u32>,
        options_out: GuestPtr<HttpCacheWriteOptions>,
    ) -> Result<Self> {
        // SDKs ask for the reserved bit as well.
        if wanted & !option::ALL != 0 {
            return Err(Error::InvalidArgument("there is no such option"));
        }
        let memory = &call.memory;
        let fields = read_record(memory, options)?;
        let buffer = |option: u32, at: usize| match wanted & option {
            0 => (GuestPtr::new(0), 0),
            _ => (GuestPtr::new(fields[at]), fields[at + 1]),
        };
        let vary = buffer(option::VARY_RULE, 2);
        let surrogate_keys = buffer(option::SURROGATE_KEYS, 8);
        memory.check_bytes(vary.0, vary.1)?;
        memory.check_bytes(surrogate_keys.0, surrogate_keys.1)?;
        memory.check(mask_out)?;
        memory.check(options_out.cast::<u64>())?;
        memory.check(options_out.cast::<WriteRecord>())?;
        Ok(Self {
            wanted,
            vary,
            surrogate_keys,
            mask_out,
            options_out,
        })
    }

    /// Writes the options. The mask says which of those that were asked for there are.
    ///
    /// # Errors
    ///
    /// [`Error::BufferTooSmall`]; then lengths are those that are needed.
    pub(super) fn write(self, memory: &mut Memory<'_>, options: &WriteOptions) -> Result<()> {
        let vary = options.vary.to_string();
        let surrogate_keys = options.surrogate_keys.to_string();
        let mut there =
            option::INITIAL_AGE_NS | option::STALE_WHILE_REVALIDATE_NS | option::STALE_IF_ERROR_NS;
        let mut set = |option: u32, is_there: bool| there |= if is_there { option } else { 0 };
        set(option::VARY_RULE, !vary.is_empty());
        set(option::SURROGATE_KEYS, !surrogate_keys.is_empty());
        set(option::LENGTH, options.length.is_some());
        set(option::SENSITIVE_DATA, options.sensitive_data);
        let text = |option: u32, text: &str| match self.wanted & option {
            0 => 0,
            // Both have bounds far below this.
            _ => u32::try_from(text.len()).unwrap_or(u32::MAX),
        };
        let vary_len = text(option::VARY_RULE, &vary);
        let keys_len = text(option::SURROGATE_KEYS, &surrogate_keys);
        let halves = |number: u64| [number as u32, (number >> 32) as u32];
        let time = |time| halves(nanoseconds(time));
        let [max_age, more_max_age] = time(options.max_age);
        let [initial_age, more_initial_age] = time(options.initial_age);
        let [revalidate, more_revalidate] = time(options.stale_while_revalidate);
        let [length, more_length] = halves(options.length.unwrap_or(0));
        let [error, more_error] = time(options.stale_if_error);
        let record: WriteRecord = [
            max_age,
            more_max_age,
            self.vary.0.offset(),
            vary_len,
            initial_age,
            more_initial_age,
            revalidate,
            more_revalidate,
            self.surrogate_keys.0.offset(),
            keys_len,
            length,
            more_length,
            error,
            more_error,
        ];
        memory.write(self.options_out.cast(), record)?;
        memory.write(self.mask_out, there & self.wanted)?;
        if vary_len > self.vary.1 || keys_len > self.surrogate_keys.1 {
            return Err(Error::BufferTooSmall);
        }
        let texts = [
            (self.vary.0, vary_len, &vary),
            (self.surrogate_keys.0, keys_len, &surrogate_keys),
        ];
        for (buffer, length, text) in texts {
            // What was not asked for has length 0.
            let bytes = &text.as_bytes()[..length as usize];
            memory.bytes_mut(buffer, length)?.copy_from_slice(bytes);
        }
        Ok(())
    }
}
