//! `fastly_config_store`.

use super::{cases, stores};
use crate::sys::{self, Handle, Status};

struct ConfigStore;

impl stores::Store for ConfigStore {
    unsafe fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status {
        // SAFETY: the caller's.
        unsafe { sys::config_store::open(name, name_len, store) }
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
        unsafe { sys::config_store::get(store, key, key_len, buffer, buffer_len, nwritten) }
    }
}

cases![
    config_store_open = stores::open::<ConfigStore>,
    config_store_open_missing = stores::open_missing::<ConfigStore>,
    config_store_open_bad_name = stores::open_bad_name::<ConfigStore>,
    config_store_open_bad_result_pointer = stores::open_bad_result_pointer::<ConfigStore>,
    config_store_get = stores::get::<ConfigStore>,
    config_store_get_empty = stores::get_empty::<ConfigStore>,
    config_store_get_long = stores::get_long::<ConfigStore>,
    config_store_get_small_buffer = stores::get_small_buffer::<ConfigStore>,
    config_store_get_missing = stores::get_missing::<ConfigStore>,
    config_store_get_bad_arguments = stores::get_bad_arguments::<ConfigStore>,
];
