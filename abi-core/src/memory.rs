//! Guest linear memory: what an adapter lends, what a test owns, and the checked access that hostcalls use.
//!
//! Three layers, so that 300 hostcall signatures stay free of generics:
//!
//! * [`GuestMemory`] is what a linear memory looks like to this crate: a slice of bytes;
//! * [`ByteMemory`] is a linear memory made of a vector, for tests and for hosts without an engine;
//! * [`Memory`] wraps the lent slice and is the only way in which hostcalls touch guest memory. Every access is
//!   bounds-checked and, where the pointee has an alignment, alignment-checked.
//!
//! A [`GuestPtr`] promises nothing: it is an offset with a type. Validity is a question for the memory.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// A linear memory, as bytes.
pub trait GuestMemory {
    /// The whole memory, from offset 0 to its current length.
    fn data(&self) -> &[u8];

    /// The whole memory, writable.
    fn data_mut(&mut self) -> &mut [u8];
}

/// A linear memory without an engine, for tests and for hosts that call the ABI natively.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByteMemory {
    bytes: Vec<u8>,
}

impl ByteMemory {
    /// A zeroed memory of `len` bytes.
    #[must_use]
    #[inline]
    pub fn new(len: usize) -> Self {
        Self {
            bytes: vec![0; len],
        }
    }

    /// Access to this memory as hostcalls have it.
    #[inline]
    pub fn lend(&mut self) -> Memory<'_> {
        Memory::new(self.data_mut())
    }
}

impl From<Vec<u8>> for ByteMemory {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }
}

impl GuestMemory for ByteMemory {
    #[inline]
    fn data(&self) -> &[u8] {
        &self.bytes
    }

    #[inline]
    fn data_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// An offset into a guest's linear memory at which the guest says a `T` lies.
pub struct GuestPtr<T> {
    offset: u32,
    pointee: PhantomData<fn() -> T>,
}

impl<T> GuestPtr<T> {
    /// A pointer to `offset`.
    #[must_use]
    #[inline]
    pub const fn new(offset: u32) -> Self {
        Self {
            offset,
            pointee: PhantomData,
        }
    }

    /// The offset in bytes from the start of the linear memory.
    #[must_use]
    #[inline]
    pub const fn offset(self) -> u32 {
        self.offset
    }

    /// Whether this is the null pointer, which some hostcalls read as "not wanted".
    #[must_use]
    #[inline]
    pub const fn is_null(self) -> bool {
        self.offset == 0
    }

    /// The same offset with another pointee.
    #[must_use]
    #[inline]
    pub const fn cast<U>(self) -> GuestPtr<U> {
        GuestPtr::new(self.offset)
    }
}

impl<T> Clone for GuestPtr<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for GuestPtr<T> {}

impl<T> fmt::Debug for GuestPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.offset)
    }
}

/// A value with a fixed little-endian layout in guest memory.
pub trait GuestValue: Copy {
    /// Size in bytes; a multiple of [`ALIGN`](Self::ALIGN).
    const SIZE: u32;
    /// Natural alignment in bytes.
    const ALIGN: u32;

    /// Decodes a value from exactly [`SIZE`](Self::SIZE) bytes; missing bytes read as zero.
    fn read(bytes: &[u8]) -> Self;

    /// Encodes the value into exactly [`SIZE`](Self::SIZE) bytes.
    fn write(self, bytes: &mut [u8]);
}

macro_rules! guest_integers {
    ($($ty:ty),*) => {$(
        impl GuestValue for $ty {
            const SIZE: u32 = size_of::<$ty>() as u32;
            const ALIGN: u32 = size_of::<$ty>() as u32;

            #[inline]
            fn read(bytes: &[u8]) -> Self {
                <[u8; size_of::<$ty>()]>::try_from(bytes).map_or(0, Self::from_le_bytes)
            }

            #[inline]
            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

guest_integers!(u8, u16, u32, u64, i64);

/// Consecutive fields of four bytes, which many of the ABI's records are made of.
impl<const N: usize> GuestValue for [u32; N] {
    const SIZE: u32 = 4 * N as u32;
    const ALIGN: u32 = 4;

    fn read(bytes: &[u8]) -> Self {
        let mut fields = [0; N];
        for (field, bytes) in fields.iter_mut().zip(bytes.chunks_exact(4)) {
            *field = u32::read(bytes);
        }
        fields
    }

    fn write(self, bytes: &mut [u8]) {
        for (field, bytes) in self.into_iter().zip(bytes.chunks_exact_mut(4)) {
            field.write(bytes);
        }
    }
}

/// Why an access to guest memory was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryError {
    /// The range does not lie inside the linear memory.
    OutOfBounds {
        /// First byte of the range.
        offset: u32,
        /// Length of the range in bytes.
        len: u64,
    },
    /// The pointer is not a multiple of the pointee's alignment.
    Misaligned {
        /// The pointer.
        offset: u32,
        /// The alignment it should have, in bytes.
        align: u32,
    },
    /// The bytes should be text and are not UTF-8.
    NotUtf8 {
        /// First byte of the text.
        offset: u32,
    },
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds { offset, len } => {
                write!(f, "{len} bytes at {offset:#x} lie outside of linear memory")
            }
            Self::Misaligned { offset, align } => {
                write!(f, "pointer {offset:#x} is not aligned to {align} bytes")
            }
            Self::NotUtf8 { offset } => write!(f, "the text at {offset:#x} is not UTF-8"),
        }
    }
}

impl std::error::Error for MemoryError {}

/// Checked, typed access to a lent linear memory.
pub struct Memory<'a> {
    bytes: &'a mut [u8],
}

impl<'a> Memory<'a> {
    /// Wraps the bytes of a linear memory.
    #[must_use]
    #[inline]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    /// The current size of the linear memory in bytes.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the guest has no memory, or an empty one.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The `len` bytes at `ptr`.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`].
    #[inline]
    pub fn bytes(&self, ptr: GuestPtr<u8>, len: u32) -> Result<&[u8], MemoryError> {
        let range = self.range(ptr.offset(), u64::from(len))?;
        Ok(&self.bytes[range])
    }

    /// The `len` bytes at `ptr`, to be filled by the host.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`].
    #[inline]
    pub fn bytes_mut(&mut self, ptr: GuestPtr<u8>, len: u32) -> Result<&mut [u8], MemoryError> {
        let range = self.range(ptr.offset(), u64::from(len))?;
        Ok(&mut self.bytes[range])
    }

    /// The text of `len` bytes at `ptr`.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`] and [`MemoryError::NotUtf8`].
    #[inline]
    pub fn text(&self, ptr: GuestPtr<u8>, len: u32) -> Result<&str, MemoryError> {
        std::str::from_utf8(self.bytes(ptr, len)?).map_err(|_| MemoryError::NotUtf8 {
            offset: ptr.offset(),
        })
    }

    /// Reads one value.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`] and [`MemoryError::Misaligned`].
    #[inline]
    pub fn read<T: GuestValue>(&self, ptr: GuestPtr<T>) -> Result<T, MemoryError> {
        let range = self.typed_range(ptr, 1)?;
        Ok(T::read(&self.bytes[range]))
    }

    /// Reads `count` consecutive values.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`] and [`MemoryError::Misaligned`].
    #[inline]
    pub fn read_list<T: GuestValue>(
        &self,
        ptr: GuestPtr<T>,
        count: u32,
    ) -> Result<Vec<T>, MemoryError> {
        let range = self.typed_range(ptr, count)?;
        Ok(self.bytes[range]
            .chunks_exact(T::SIZE as usize)
            .map(T::read)
            .collect())
    }

    /// Writes one value.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`] and [`MemoryError::Misaligned`].
    #[inline]
    pub fn write<T: GuestValue>(&mut self, ptr: GuestPtr<T>, value: T) -> Result<(), MemoryError> {
        let range = self.typed_range(ptr, 1)?;
        value.write(&mut self.bytes[range]);
        Ok(())
    }

    /// Checks an output pointer before the work whose result it will take.
    ///
    /// A hostcall that makes a handle and only then finds that it cannot say so has lost the handle.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`] and [`MemoryError::Misaligned`].
    #[inline]
    pub fn check<T: GuestValue>(&self, ptr: GuestPtr<T>) -> Result<(), MemoryError> {
        self.typed_range(ptr, 1).map(drop)
    }

    /// Checks an output buffer before the work whose result it will take.
    ///
    /// # Errors
    ///
    /// [`MemoryError::OutOfBounds`].
    #[inline]
    pub fn check_bytes(&self, ptr: GuestPtr<u8>, len: u32) -> Result<(), MemoryError> {
        self.range(ptr.offset(), u64::from(len)).map(drop)
    }

    #[inline]
    fn typed_range<T: GuestValue>(
        &self,
        ptr: GuestPtr<T>,
        count: u32,
    ) -> Result<Range<usize>, MemoryError> {
        let offset = ptr.offset();
        if !offset.is_multiple_of(T::ALIGN) {
            return Err(MemoryError::Misaligned {
                offset,
                align: T::ALIGN,
            });
        }
        self.range(offset, u64::from(T::SIZE) * u64::from(count))
    }

    /// The one place where bounds are checked; indexing with its result cannot panic.
    #[inline]
    fn range(&self, offset: u32, len: u64) -> Result<Range<usize>, MemoryError> {
        let end = u64::from(offset) + len;
        if end > self.bytes.len() as u64 {
            return Err(MemoryError::OutOfBounds { offset, len });
        }
        // `end` is at most the length of a slice, so both bounds fit into `usize`.
        Ok(offset as usize..end as usize)
    }
}

impl GuestMemory for Memory<'_> {
    #[inline]
    fn data(&self) -> &[u8] {
        self.bytes
    }

    #[inline]
    fn data_mut(&mut self) -> &mut [u8] {
        self.bytes
    }
}

impl fmt::Debug for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_little_endian_and_checked() {
        let mut bytes = ByteMemory::new(16);
        let mut memory = bytes.lend();
        memory.write(GuestPtr::new(4), 0x0102_0304_u32).unwrap();
        assert_eq!(memory.bytes(GuestPtr::new(4), 4).unwrap(), [4, 3, 2, 1]);
        assert_eq!(memory.read(GuestPtr::<u16>::new(6)).unwrap(), 0x0102);
        assert_eq!(
            memory.read(GuestPtr::<u32>::new(6)),
            Err(MemoryError::Misaligned {
                offset: 6,
                align: 4
            })
        );
        assert_eq!(
            memory.read(GuestPtr::<u64>::new(16)),
            Err(MemoryError::OutOfBounds { offset: 16, len: 8 })
        );
    }

    #[test]
    fn the_end_of_memory_is_inside_and_one_more_byte_is_not() {
        let mut bytes = ByteMemory::new(8);
        let memory = bytes.lend();
        assert_eq!(memory.bytes(GuestPtr::new(8), 0).unwrap(), b"");
        assert_eq!(memory.bytes(GuestPtr::new(0), 8).unwrap().len(), 8);
        assert!(memory.bytes(GuestPtr::new(1), 8).is_err());
        assert!(memory.bytes(GuestPtr::new(9), 0).is_err());
        assert!(memory.bytes(GuestPtr::new(u32::MAX), u32::MAX).is_err());
        assert!(memory.read_list(GuestPtr::<u32>::new(0), u32::MAX).is_err());
    }

    #[test]
    fn text_must_be_utf8() {
        let mut bytes = ByteMemory::from(b"ok\xff".to_vec());
        let memory = bytes.lend();
        assert_eq!(memory.text(GuestPtr::new(0), 2), Ok("ok"));
        assert_eq!(
            memory.text(GuestPtr::new(0), 3),
            Err(MemoryError::NotUtf8 { offset: 0 })
        );
    }
}
