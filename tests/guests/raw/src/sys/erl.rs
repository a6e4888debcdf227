//! `fastly_erl`.

use super::*;

#[link(wasm_import_module = "fastly_erl")]
unsafe extern "C" {
    pub fn check_rate(
        counter: *const u8,
        counter_len: usize,
        entry: *const u8,
        entry_len: usize,
        delta: u32,
        window: u32,
        limit: u32,
        penalty_box: *const u8,
        penalty_box_len: usize,
        seconds: u32,
        refused: *mut u32,
    ) -> Status;
    pub fn ratecounter_increment(
        counter: *const u8,
        counter_len: usize,
        entry: *const u8,
        entry_len: usize,
        delta: u32,
    ) -> Status;
    pub fn ratecounter_lookup_rate(
        counter: *const u8,
        counter_len: usize,
        entry: *const u8,
        entry_len: usize,
        window: u32,
        rate: *mut u32,
    ) -> Status;
    pub fn ratecounter_lookup_count(
        counter: *const u8,
        counter_len: usize,
        entry: *const u8,
        entry_len: usize,
        seconds: u32,
        count: *mut u32,
    ) -> Status;
    pub fn penaltybox_add(
        penalty_box: *const u8,
        penalty_box_len: usize,
        entry: *const u8,
        entry_len: usize,
        seconds: u32,
    ) -> Status;
    pub fn penaltybox_has(
        penalty_box: *const u8,
        penalty_box_len: usize,
        entry: *const u8,
        entry_len: usize,
        has: *mut u32,
    ) -> Status;
}
