//! A hostcall that has returned, as a line of text: its name, its arguments and what it gave, by the metadata of its row.
//!
//! ```text
//! fastly_http_req.header_value_get(request 1, name "host", value [1024]) = OK, value "localhost:7676"
//! ```
//!
//! Everything is read after the call. Text is shortened, and what is in secrets is left out.

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::{Hostcall, Parameter, WasmType};
use crate::error::Error;
use crate::handle::NO_HANDLE;
use crate::memory::{GuestPtr, Memory};
use crate::status::{Errno, FastlyStatus};

/// How many bytes of a text are shown.
const TEXT_BYTES_MAX: usize = 96;

/// How many elements of a list of handles are shown.
const ELEMENTS_MAX: usize = 8;

/// A hostcall that has returned to its guest, or has ended it. Displayed, it is a line of text.
#[non_exhaustive]
pub struct ReturnedHostcall<'a> {
    /// The hostcall.
    pub hostcall: &'static Hostcall,
    /// What the guest passed, in the order of the parameters; a number of 32 bits is extended with zeroes.
    pub arguments: &'a [u64],
    /// What the guest gets; `None` when it ends here.
    pub code: Option<u32>,
    /// What went wrong.
    pub error: Option<&'a Error>,
    /// The guest's memory, with what the hostcall wrote there.
    pub memory: &'a Memory<'a>,
    /// From the guest's call to its return, also when it waited.
    pub took: Duration,
}

/// What a parameter is to a reader.
enum Role {
    /// Said with the pointer before it.
    Length,
    /// A number that the guest passed.
    Number,
    /// The number of something that the host holds.
    Handle(&'static str),
    /// Bytes that the guest passed.
    Input,
    /// A buffer for bytes. The index is that of the pointer to the number of bytes written.
    Output(Option<usize>),
    /// A list of handles that the guest passed.
    Handles(&'static str),
    /// Where a number or a handle is written.
    Result(Pointee),
    /// Where a number is written that is said with a buffer.
    Written,
    /// A record, which a mask goes with.
    Record,
}

/// What is written by the host, as far as it is a number.
#[derive(Clone, Copy)]
enum Pointee {
    U16,
    U32,
    U64,
    I64,
    Handle(&'static str),
}

impl ReturnedHostcall<'_> {
    fn is_of_wasi(&self) -> bool {
        self.hostcall.module == "wasi_snapshot_preview1"
    }

    /// Secrets must not get into logs.
    fn hides(&self, name: &str) -> bool {
        self.hostcall.module == "fastly_secret_store" && name == "buf"
    }

    fn argument(&self, index: usize) -> u64 {
        self.arguments.get(index).copied().unwrap_or_default()
    }

    fn pointer(&self, index: usize) -> u32 {
        // Pointers are 32 bits wide.
        self.argument(index) as u32
    }

    fn role(&self, index: usize) -> Role {
        let parameters = self.hostcall.parameters;
        let parameter = &parameters[index];
        if index > 0 && is_length_of(&parameters[index - 1], parameter) {
            return Role::Length;
        }
        if let Some(kind) = kind_of(parameter.ty) {
            return Role::Handle(kind);
        }
        let Some(pointee) = pointee(parameter.ty) else {
            return Role::Number;
        };
        let has_length = parameters
            .get(index + 1)
            .is_some_and(|next| is_length_of(parameter, next));
        match (pointee, kind_of(pointee)) {
            ("u8", _) if self.is_output(index) => Role::Output(self.written(index)),
            ("u8", _) if has_length => Role::Input,
            (_, Some(kind)) if has_length => Role::Handles(kind),
            (_, Some(kind)) => Role::Result(Pointee::Handle(kind)),
            ("u32", _) if self.is_written(index) => Role::Written,
            ("u16" | "u32" | "u64" | "i64", _) if !is_result(parameter.name) => Role::Record,
            ("u16", _) => Role::Result(Pointee::U16),
            ("u32", _) => Role::Result(Pointee::U32),
            ("u64", _) => Role::Result(Pointee::U64),
            ("i64", _) => Role::Result(Pointee::I64),
            _ => Role::Record,
        }
    }

    /// Whether the host writes to the bytes that a parameter points to.
    fn is_output(&self, index: usize) -> bool {
        let parameters = self.hostcall.parameters;
        let name = parameters[index].name;
        let length = parameters.get(index + 1).map_or("", |next| next.name);
        if self.hostcall.name == "write" || self.hostcall.name == "from_bytes" {
            return false;
        }
        let next = parameters.get(index + 2).map_or("", |next| next.name);
        name.contains("_out")
            || length.ends_with("_max_len")
            || name == "buf"
            || name.ends_with("_buf")
            || is_count(next)
    }

    /// Where the number of bytes is written that a buffer has got.
    fn written(&self, index: usize) -> Option<usize> {
        let rest = self.hostcall.parameters.iter().enumerate().skip(index + 1);
        let mut rest = rest.filter(|(_, parameter)| pointee(parameter.ty) == Some("u32"));
        rest.find(|(_, parameter)| is_count(parameter.name) || parameter.name == "out")
            .map(|(index, _)| index)
    }

    /// Whether a parameter is where such a number is written.
    fn is_written(&self, index: usize) -> bool {
        (0..index).any(|before| {
            pointee(self.hostcall.parameters[before].ty) == Some("u8")
                && self.is_output(before)
                && self.written(before) == Some(index)
        })
    }

    fn read(&self, index: usize, pointee: Pointee) -> Option<u64> {
        let at = self.pointer(index);
        Some(match pointee {
            Pointee::U16 => self.memory.read(GuestPtr::<u16>::new(at)).ok()?.into(),
            Pointee::U32 | Pointee::Handle(_) => {
                self.memory.read(GuestPtr::<u32>::new(at)).ok()?.into()
            }
            Pointee::U64 => self.memory.read(GuestPtr::<u64>::new(at)).ok()?,
            Pointee::I64 => self
                .memory
                .read(GuestPtr::<i64>::new(at))
                .ok()?
                .cast_unsigned(),
        })
    }

    /// The bytes of a parameter: `count` of them, or as many as the one after it says.
    fn write_bytes(
        &self,
        f: &mut fmt::Formatter<'_>,
        index: usize,
        count: Option<u64>,
    ) -> fmt::Result {
        let name = self.hostcall.parameters[index].name;
        let count = count.unwrap_or_else(|| self.argument(index + 1)) as u32;
        if self.hides(name) {
            return write!(f, "[{count} secret]");
        }
        let bytes = self.memory.bytes(GuestPtr::new(self.pointer(index)), count);
        match bytes {
            Ok(bytes) if name.contains("octets") && write_address(f, bytes)? => Ok(()),
            Ok(bytes) => write_text(f, bytes),
            Err(error) => write!(f, "[{error}]"),
        }
    }

    fn write_argument(&self, f: &mut fmt::Formatter<'_>, index: usize) -> fmt::Result {
        let parameter = &self.hostcall.parameters[index];
        let (name, value) = (parameter.name, self.argument(index));
        match self.role(index) {
            // The usual ones say what they are by their kind.
            Role::Handle(kind) => write_handle(f, kind, value),
            Role::Number if name.ends_with("mask") || name.contains("flags") => {
                write!(f, "{name} {value:#x}")
            }
            Role::Number if parameter.ty == "i64" => write!(f, "{name} {}", value.cast_signed()),
            Role::Number => write!(f, "{name} {value}"),
            Role::Input => {
                write!(f, "{name} ")?;
                self.write_bytes(f, index, None)
            }
            Role::Output(_) if self.is_length(index + 1) => {
                write!(f, "{} [{}]", plain(name), self.argument(index + 1))
            }
            Role::Handles(kind) => {
                write!(f, "{name} ")?;
                self.write_handles(f, index, kind)
            }
            Role::Record if value == 0 => write!(f, "{name} null"),
            Role::Record => write!(f, "{name} {value:#x}"),
            Role::Length | Role::Output(_) | Role::Result(_) | Role::Written => Ok(()),
        }
    }

    fn is_length(&self, index: usize) -> bool {
        index < self.hostcall.parameters.len() && matches!(self.role(index), Role::Length)
    }

    fn is_shown(&self, index: usize) -> bool {
        match self.role(index) {
            Role::Length | Role::Result(_) | Role::Written => false,
            Role::Output(_) => self.is_length(index + 1),
            _ => true,
        }
    }

    fn write_handles(&self, f: &mut fmt::Formatter<'_>, index: usize, kind: &str) -> fmt::Result {
        let count = self.argument(index + 1) as usize;
        let shown = count.min(ELEMENTS_MAX) as u32;
        let list = self
            .memory
            .read_list(GuestPtr::<u32>::new(self.pointer(index)), shown);
        match list {
            Ok(list) => write!(f, "{kind}s {list:?}")?,
            Err(error) => write!(f, "[{error}]")?,
        }
        if count > ELEMENTS_MAX {
            write!(f, "… ({count})")?;
        }
        Ok(())
    }

    fn write_status(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.is_of_wasi()) {
            (None, _) => f.write_str("the guest ends"),
            (Some(code), true) => match Errno::name_of(code) {
                Some(name) => f.write_str(name),
                None => write!(f, "errno {code}"),
            },
            (Some(code), false) => match FastlyStatus::name_of(code) {
                Some(name) => f.write_str(name),
                None => write!(f, "status {code}"),
            },
        }
    }

    fn write_results(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, parameter) in self.hostcall.parameters.iter().enumerate() {
            let name = plain(parameter.name);
            match self.role(index) {
                Role::Result(pointee) => {
                    let Some(value) = self.read(index, pointee) else {
                        continue;
                    };
                    f.write_str(", ")?;
                    // That it comes out is said by where it is.
                    if name != "out" && !matches!(pointee, Pointee::Handle(_)) {
                        write!(f, "{name} ")?;
                    }
                    match pointee {
                        Pointee::Handle(kind) => write_handle(f, kind, value)?,
                        Pointee::I64 => write!(f, "{}", value.cast_signed())?,
                        _ => write!(f, "{value}")?,
                    }
                }
                Role::Output(Some(written)) => {
                    if let Some(count) = self.read(written, Pointee::U32) {
                        write!(f, ", {name} ")?;
                        self.write_bytes(f, index, Some(count))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl fmt::Display for ReturnedHostcall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}(",
            self.hostcall.module,
            self.hostcall.import_name()
        )?;
        let mut shown = (0..self.hostcall.parameters.len()).filter(|index| self.is_shown(*index));
        if let Some(first) = shown.next() {
            self.write_argument(f, first)?;
        }
        for index in shown {
            f.write_str(", ")?;
            self.write_argument(f, index)?;
        }
        f.write_str(") = ")?;
        self.write_status(f)?;
        match self.error {
            Some(error) => write!(f, ": {error}"),
            None => self.write_results(f),
        }
    }
}

impl fmt::Debug for ReturnedHostcall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnedHostcall")
            .field("hostcall", &self.hostcall.name)
            .field("arguments", &self.arguments)
            .field("code", &self.code)
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}

/// `T` of `GuestPtr<T>`.
fn pointee(ty: &'static str) -> Option<&'static str> {
    // What `stringify!` puts between is not promised.
    let inner = ty.trim().strip_prefix("GuestPtr")?.trim();
    Some(inner.strip_prefix('<')?.strip_suffix('>')?.trim())
}

/// What a handle of this type names.
fn kind_of(ty: &str) -> Option<&'static str> {
    crate::handle::kind_of(ty)
}

/// Whether a parameter is the length of what the one before it points to.
fn is_length_of(pointer: &Parameter, length: &Parameter) -> bool {
    pointee(pointer.ty).is_some()
        && length.wasm == WasmType::I32
        && length.name.ends_with("len")
        && pointee(length.ty).is_none()
}

fn is_count(name: &str) -> bool {
    name.ends_with("nwritten_out") || name == "nread_out" || name == "bufused_out"
}

/// Whether something is written there.
fn is_result(name: &str) -> bool {
    name == "out" || name.contains("_out")
}

/// A name without what says that something is written there.
fn plain(name: &'static str) -> &'static str {
    let name = name.strip_suffix("_ptr").unwrap_or(name);
    name.strip_suffix("_out").unwrap_or(name)
}

fn write_handle(f: &mut fmt::Formatter<'_>, kind: &str, number: u64) -> fmt::Result {
    match number == u64::from(NO_HANDLE) {
        true => write!(f, "no {kind}"),
        false => write!(f, "{kind} {number}"),
    }
}

fn write_address(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> Result<bool, fmt::Error> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        write!(f, "{}", Ipv4Addr::from(octets))?;
    } else if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
        write!(f, "{}", Ipv6Addr::from(octets))?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn write_text(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let shown = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    f.write_char('"')?;
    for chunk in shown.utf8_chunks() {
        write!(f, "{}", chunk.valid().escape_debug())?;
        // The end may be in the middle of a character.
        let is_cut = chunk.invalid().len() < 4
            && shown.len() < bytes.len()
            && shown.ends_with(chunk.invalid());
        if !is_cut {
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
    }
    f.write_char('"')?;
    match shown.len() < bytes.len() {
        true => write!(f, "… ({} bytes)", bytes.len()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::ByteMemory;
    use crate::table::HOSTCALLS;

    /// A hostcall with a memory that has this at these places.
    fn line(
        module: &str,
        name: &str,
        arguments: &[u64],
        code: u32,
        content: &[(u32, &[u8])],
    ) -> String {
        let mut hostcalls = HOSTCALLS.iter();
        let hostcall =
            hostcalls.find(|hostcall| (hostcall.module, hostcall.name) == (module, name));
        let mut bytes = ByteMemory::new(4096);
        let mut memory = bytes.lend();
        for (at, content) in content {
            let place = memory.bytes_mut(GuestPtr::new(*at), content.len() as u32);
            place.unwrap().copy_from_slice(content);
        }
        let returned = ReturnedHostcall {
            hostcall: hostcall.unwrap(),
            arguments,
            code: Some(code),
            error: None,
            memory: &memory,
            took: Duration::ZERO,
        };
        returned.to_string()
    }

    #[test]
    fn text_goes_in_and_comes_out() {
        let content: &[(u32, &[u8])] =
            &[(8, b"host"), (64, b"a\n\xff"), (32, &3_u32.to_le_bytes())];
        assert_eq!(
            line(
                "fastly_http_req",
                "header_value_get",
                &[1, 8, 4, 64, 1024, 32],
                0,
                content
            ),
            r#"fastly_http_req.header_value_get(request 1, name "host", value [1024]) = OK, value "a\n\xff""#
        );
        assert_eq!(
            line("fastly_http_body", "write", &[2, 8, 4, 0, 32], 0, content),
            r#"fastly_http_body.write(body 2, buf "host", end 0) = OK, nwritten 3"#
        );
        assert_eq!(
            line("fastly_log", "write", &[1, 8, 4, 32], 0, content),
            r#"fastly_log.write(log endpoint 1, msg "host") = OK, nwritten 3"#
        );
        assert_eq!(
            line("fastly_http_body", "read", &[2, 8, 4, 32], 0, content),
            r#"fastly_http_body.read(body 2, buf [4]) = OK, buf "hos""#
        );
    }

    #[test]
    fn handles_have_kinds_and_statuses_names() {
        let content: &[(u32, &[u8])] = &[(8, &7_u32.to_le_bytes()), (12, &NO_HANDLE.to_le_bytes())];
        assert_eq!(
            line(
                "fastly_http_req",
                "body_downstream_get",
                &[8, 12],
                0,
                content
            ),
            "fastly_http_req.body_downstream_get() = OK, request 7, no body"
        );
        assert_eq!(
            line("fastly_async_io", "select", &[8, 1, 20, 100], 0, content),
            "fastly_async_io.select(hs async items [7], timeout_ms 20) = OK, done_index 0"
        );
        assert_eq!(
            line("fastly_http_resp", "status_set", &[3, 404], 2, &[]),
            "fastly_http_resp.status_set(response 3, status 404) = INVAL"
        );
        assert_eq!(
            line("wasi_snapshot_preview1", "fd_close", &[9], 8, &[]),
            "wasi_snapshot_preview1.fd_close(fd 9) = EBADF"
        );
    }

    #[test]
    fn addresses_are_read_and_secrets_are_not() {
        let content: &[(u32, &[u8])] = &[(8, &[192, 0, 2, 1]), (32, &4_u32.to_le_bytes())];
        assert_eq!(
            line("fastly_acl", "lookup", &[1, 8, 4, 100, 104], 0, content),
            "fastly_acl.lookup(ACL 1, ip_octets 192.0.2.1) = OK, body 0, acl_error 0"
        );
        assert_eq!(
            line(
                "fastly_http_req",
                "downstream_client_ip_addr",
                &[8, 32],
                0,
                content
            ),
            "fastly_http_req.downstream_client_ip_addr() = OK, addr_octets 192.0.2.1"
        );
        assert_eq!(
            line(
                "fastly_secret_store",
                "plaintext",
                &[1, 8, 64, 32],
                0,
                content
            ),
            "fastly_secret_store.plaintext(secret 1, buf [64]) = OK, buf [4 secret]"
        );
        assert_eq!(
            line(
                "fastly_secret_store",
                "from_bytes",
                &[8, 4, 100],
                0,
                content
            ),
            "fastly_secret_store.from_bytes(buf [4 secret]) = OK, secret 0"
        );
    }

    #[test]
    fn whatever_guests_pass_is_bounded() {
        let long = [b'x'; 2000];
        let shown = line(
            "fastly_log",
            "endpoint_get",
            &[8, 2000, 4],
            0,
            &[(8, &long)],
        );
        assert!(shown.contains("x\"… (2000 bytes)"), "{shown}");
        assert!(shown.len() < 200, "{shown}");
        for hostcall in HOSTCALLS {
            for value in [0, 5, u64::from(u32::MAX), u64::MAX] {
                let arguments = vec![value; hostcall.parameters.len()];
                let shown = line(hostcall.module, hostcall.name, &arguments, 0, &[]);
                assert!(shown.len() < 1000, "{shown}");
            }
        }
    }
}
