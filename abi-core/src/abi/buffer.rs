//! The output protocols that many hostcalls share: one value into a buffer, and a list of values through a cursor.

use crate::error::{Error, Result};
use crate::http::headers::{ListWritten, write_list};
use crate::memory::{GuestPtr, Memory};

/// A buffer for one value, with the place where its length goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutBuffer {
    pub buffer: GuestPtr<u8>,
    pub capacity: u32,
    pub written_out: GuestPtr<u32>,
}

impl OutBuffer {
    /// Checks both before the work whose result they will take.
    #[inline]
    pub(super) fn check(self, memory: &Memory<'_>) -> Result<Self> {
        memory.check_bytes(self.buffer, self.capacity)?;
        memory.check(self.written_out)?;
        Ok(self)
    }

    /// Writes a value and its length. When it does not fit, only the size it needs is written: guests retry with that.
    #[inline]
    pub(super) fn write(self, memory: &mut Memory<'_>, value: &[u8]) -> Result<()> {
        if value.len() > self.capacity as usize {
            let needed = u32::try_from(value.len()).unwrap_or(0);
            memory.write(self.written_out, needed)?;
            return Err(Error::BufferTooSmall);
        }
        let length = value.len() as u32;
        memory
            .bytes_mut(self.buffer, length)?
            .copy_from_slice(value);
        memory.write(self.written_out, length)?;
        Ok(())
    }
}

/// A buffer for a list of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutList {
    pub buffer: GuestPtr<u8>,
    pub capacity: u32,
    pub cursor: u32,
    /// May be null: not wanted.
    pub ending_cursor_out: GuestPtr<i64>,
    pub written_out: GuestPtr<u32>,
}

impl OutList {
    /// Checks all outputs before the work whose result they will take.
    pub(super) fn check(self, memory: &Memory<'_>) -> Result<Self> {
        memory.check_bytes(self.buffer, self.capacity)?;
        memory.check(self.written_out)?;
        if !self.ending_cursor_out.is_null() {
            memory.check(self.ending_cursor_out)?;
        }
        Ok(self)
    }

    /// Writes as many items as fit from the cursor on. The ending cursor is the next item's index, or -1 at the end.
    pub(super) fn write<'a>(
        self,
        memory: &mut Memory<'_>,
        items: impl Iterator<Item = &'a [u8]>,
    ) -> Result<()> {
        let buffer = memory.bytes_mut(self.buffer, self.capacity)?;
        let (written, next, fitted) = match write_list(items, buffer, self.cursor) {
            ListWritten::Fitted { written, next } => (written, next, true),
            ListWritten::TooSmall { needed } => (needed, None, false),
        };
        memory.write(self.written_out, written)?;
        if !self.ending_cursor_out.is_null() {
            memory.write(self.ending_cursor_out, next.map_or(-1, i64::from))?;
        }
        if fitted {
            Ok(())
        } else {
            Err(Error::BufferTooSmall)
        }
    }
}

/// Writes the octets of an IP address into a buffer of 16 bytes, and how many there are.
pub(super) fn write_ip(
    memory: &mut Memory<'_>,
    address: std::net::IpAddr,
    octets_out: GuestPtr<u8>,
    length_out: GuestPtr<u32>,
) -> Result<()> {
    memory.check(length_out)?;
    let length = match address.to_canonical() {
        std::net::IpAddr::V4(address) => {
            let octets = address.octets();
            memory.bytes_mut(octets_out, 4)?.copy_from_slice(&octets);
            4
        }
        std::net::IpAddr::V6(address) => {
            let octets = address.octets();
            memory.bytes_mut(octets_out, 16)?.copy_from_slice(&octets);
            16
        }
    };
    memory.write(length_out, length)?;
    Ok(())
}

/// The address of 4 or 16 octets.
pub(super) fn address(octets: &[u8]) -> Result<std::net::IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Ok(octets.into());
    }
    let octets = <[u8; 16]>::try_from(octets);
    octets
        .map(std::net::IpAddr::from)
        .map_err(|_| Error::InvalidArgument("an address has 4 or 16 octets"))
}
