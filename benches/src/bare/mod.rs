//! How each engine runs a guest without fastlike: the floor.
//!
//! The engines are configured as fastlike configures them, because what is measured is what fastlike adds. Each guest
//! gets exactly the functions it imports: those of [`guests`](crate::guests) do the same work on the guest's memory
//! that the real ones do and nothing else, and all others do nothing and answer 0.

mod wasmer;
mod wasmi;
mod wasmtime;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::Method;

/// A program, compiled and linked as far as the engine allows.
pub trait BareProgram: Send + Sync {
    /// Makes an instance and runs its entry point.
    fn run(&self) -> BoxFuture<'static, ()>;
}

/// Compiles a program with the engine that fastlike knows by `name`.
#[must_use]
pub fn program(name: &str, wasm: &[u8]) -> Arc<dyn BareProgram> {
    match name {
        "wasmtime" => wasmtime::program(wasmtime::Compiler::Cranelift, wasm),
        "winch" => wasmtime::program(wasmtime::Compiler::Winch, wasm),
        "pulley" => wasmtime::program(wasmtime::Compiler::Pulley, wasm),
        "wasmer" => wasmer::program(wasmer::Compiler::Cranelift, wasm),
        "wasmer-singlepass" => wasmer::program(wasmer::Compiler::Singlepass, wasm),
        "wasmi" => wasmi::program(wasm),
        _ => panic!("no bare counterpart is written for the engine {name}"),
    }
}

/// The hostcalls that guests here make, and what is done for them.
#[derive(Clone, Copy)]
enum Hostcall {
    /// `new` of requests and bodies: writes a handle to the address in its argument.
    New,
    /// `fastly_http_req.method_get`: writes a method and its length.
    MethodGet,
    /// `fastly_http_body.read` of an empty body: writes that nothing was read.
    Read,
    /// `sched_yield`: suspends the guest once.
    SchedYield,
    /// Anything else: does nothing.
    Other,
}

impl Hostcall {
    fn of(module: &str, name: &str) -> Self {
        match (module, name) {
            ("fastly_http_req" | "fastly_http_body", "new") => Self::New,
            ("fastly_http_req", "method_get") => Self::MethodGet,
            ("fastly_http_body", "read") => Self::Read,
            ("wasi_snapshot_preview1", "sched_yield") => Self::SchedYield,
            _ => Self::Other,
        }
    }
}

/// What a store carries: the guest's memory, and the methods of its requests, whose handles are their positions.
struct State<M> {
    memory: Option<M>,
    methods: Vec<Method>,
}

impl<M> Default for State<M> {
    fn default() -> Self {
        Self {
            memory: None,
            methods: vec![Method::GET, Method::GET],
        }
    }
}

/// Writes a handle.
fn new(memory: &mut [u8], out: u32) -> Option<()> {
    write(memory, out, &1u32.to_le_bytes())
}

/// Finds a request by its handle, and writes its method and its length.
fn method_get(
    memory: &mut [u8],
    methods: &[Method],
    request: u32,
    buffer: u32,
    capacity: u32,
    written_out: u32,
) -> Option<()> {
    let method = methods.get(request as usize)?.as_str().as_bytes();
    if method.len() > capacity as usize {
        return None;
    }
    write(memory, buffer, method)?;
    write(memory, written_out, &(method.len() as u32).to_le_bytes())
}

/// Writes that nothing was read.
fn read(memory: &mut [u8], read_out: u32) -> Option<()> {
    write(memory, read_out, &0u32.to_le_bytes())
}

fn write(memory: &mut [u8], offset: u32, bytes: &[u8]) -> Option<()> {
    let offset = offset as usize;
    memory
        .get_mut(offset..offset.checked_add(bytes.len())?)?
        .copy_from_slice(bytes);
    Some(())
}

/// A status from what became of an access to memory.
fn status(done: Option<()>) -> u32 {
    match done {
        Some(()) => 0,
        None => 1,
    }
}
