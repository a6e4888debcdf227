//! The two kinds of number a hostcall answers with: [`FastlyStatus`] for XQD, [`Errno`] for WASI preview 1.

/// witx `fastly_status`: what every XQD hostcall returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum FastlyStatus {
    /// The hostcall did what it was asked.
    Ok = 0,
    /// Something failed that has no status of its own.
    Error = 1,
    /// An argument is not valid.
    Inval = 2,
    /// A handle names nothing, or something of another kind.
    Badf = 3,
    /// An output buffer is too small; the size that is needed was written where the hostcall has a place for it.
    Buflen = 4,
    /// The operation is not available.
    Unsupported = 5,
    /// A pointer is not aligned as its pointee needs.
    Badalign = 6,
    /// A peer sent malformed HTTP.
    Httpinvalid = 7,
    /// The guest built a message that cannot be sent.
    Httpuser = 8,
    /// A peer closed before its message was complete.
    Httpincomplete = 9,
    /// The value asked for is absent, as opposed to empty.
    None = 10,
    /// A message head is larger than allowed.
    Httpheadtoolarge = 11,
    /// A peer sent a status that is not valid.
    Httpinvalidstatus = 12,
    /// The session holds too many things of this kind.
    Limitexceeded = 13,
    /// Not yet available; the guest has to wait for something else first.
    Again = 14,
}

impl FastlyStatus {
    /// Every status by its name in the witx, in upper case; a status is its position.
    const NAMES: [&str; 15] = [
        "OK",
        "ERROR",
        "INVAL",
        "BADF",
        "BUFLEN",
        "UNSUPPORTED",
        "BADALIGN",
        "HTTPINVALID",
        "HTTPUSER",
        "HTTPINCOMPLETE",
        "NONE",
        "HTTPHEADTOOLARGE",
        "HTTPINVALIDSTATUS",
        "LIMITEXCEEDED",
        "AGAIN",
    ];

    /// The name of the status with this number.
    #[must_use]
    pub fn name_of(code: u32) -> Option<&'static str> {
        Self::NAMES.get(code as usize).copied()
    }

    /// The number the guest gets.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }
}

/// witx `errno` of WASI preview 1, as far as this host uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
#[non_exhaustive]
pub enum Errno {
    /// No error.
    Success = 0,
    /// Bad file descriptor.
    Badf = 8,
    /// Bad address: a pointer outside of linear memory, or misaligned.
    Fault = 21,
    /// Illegal byte sequence: text that is not UTF-8.
    Ilseq = 25,
    /// Invalid argument.
    Inval = 28,
    /// Not a directory.
    Notdir = 54,
    /// Not a socket.
    Notsock = 57,
    /// Not supported.
    Notsup = 58,
    /// A seek on something that has no position.
    Spipe = 70,
}

impl Errno {
    /// The name of the error with this number, as far as this host uses it.
    #[must_use]
    pub fn name_of(code: u32) -> Option<&'static str> {
        Some(match code {
            0 => "OK",
            8 => "EBADF",
            21 => "EFAULT",
            25 => "EILSEQ",
            28 => "EINVAL",
            54 => "ENOTDIR",
            57 => "ENOTSOCK",
            58 => "ENOTSUP",
            70 => "ESPIPE",
            _ => return None,
        })
    }

    /// The number the guest gets.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }
}
