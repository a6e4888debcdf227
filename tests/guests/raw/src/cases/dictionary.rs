//! `fastly_dictionary`.

use super::{cases, stores};
use crate::sys::{self, Handle, Status};

struct Dictionary;

impl stores::Store for Dictionary {
    unsafe fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status {
        // SAFETY: the caller's.
        unsafe { sys::dictionary::open(name, name_len, store) }
    }

    unsafe fn get(
        store: Handle,
        key: *const u8,
        key_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status {
        // SAFETY: the caller's.
        unsafe { sys::dictionary::get(store, key, key_len, buffer, buffer_len, nwritten) }
    }
}

cases![
    dictionary_open = stores::open::<Dictionary>,
    dictionary_open_missing = stores::open_missing::<Dictionary>,
    dictionary_open_bad_name = stores::open_bad_name::<Dictionary>,
    dictionary_open_bad_result_pointer = stores::open_bad_result_pointer::<Dictionary>,
    dictionary_get = stores::get::<Dictionary>,
    dictionary_get_empty = stores::get_empty::<Dictionary>,
    dictionary_get_long = stores::get_long::<Dictionary>,
    dictionary_get_small_buffer = stores::get_small_buffer::<Dictionary>,
    dictionary_get_missing = stores::get_missing::<Dictionary>,
    dictionary_get_bad_arguments = stores::get_bad_arguments::<Dictionary>,
];
