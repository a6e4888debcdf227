//! The programs that are run.
//!
//! A guest that measures hostcalls makes so many of them that its instantiation vanishes beside them.

use std::fmt::Write;

/// How many hostcalls a guest makes that measures them.
pub const HOSTCALLS: u32 = 100_000;

/// Reads the method of a request, over and over: three bytes and their number cross into the guest's memory each time.
#[must_use]
pub fn sync_hostcalls() -> Vec<u8> {
    looping(
        r#"(import "fastly_http_req" "new" (func $new (param i32) (result i32)))
           (import "fastly_http_req" "method_get" (func $method_get (param i32 i32 i32 i32) (result i32)))"#,
        "(call $expect_ok (call $new (i32.const 0)))",
        "(call $method_get (i32.load (i32.const 0)) (i32.const 16) (i32.const 8) (i32.const 4))",
    )
}

/// Reads from an empty body, over and over: the hostcall may wait, but never does.
#[must_use]
pub fn ready_hostcalls() -> Vec<u8> {
    looping(
        r#"(import "fastly_http_body" "new" (func $new (param i32) (result i32)))
           (import "fastly_http_body" "read" (func $read (param i32 i32 i32 i32) (result i32)))"#,
        "(call $expect_ok (call $new (i32.const 0)))",
        "(call $read (i32.load (i32.const 0)) (i32.const 16) (i32.const 8) (i32.const 4))",
    )
}

/// Yields, over and over: the guest is suspended each time, and woken at once.
#[must_use]
pub fn pending_hostcalls() -> Vec<u8> {
    looping(
        r#"(import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))"#,
        "",
        "(call $sched_yield)",
    )
}

/// A guest that traps on a status other than 0, so that an error path cannot be measured by mistake.
fn looping(imports: &str, before: &str, hostcall: &str) -> Vec<u8> {
    assemble(&format!(
        r#"(module
          {imports}
          (memory (export "memory") 1)
          (func $expect_ok (param $status i32)
            (if (local.get $status) (then unreachable)))
          (func (export "_start") (local $left i32)
            {before}
            (local.set $left (i32.const {HOSTCALLS}))
            (loop $again
              (call $expect_ok {hostcall})
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (br_if $again (local.get $left)))))"#
    ))
}

/// Has 17 pages of memory and touches one of them.
#[must_use]
pub fn big_memory() -> Vec<u8> {
    assemble(include_str!("../../tests/guests/wat/big_memory.wat"))
}

/// The smallest guest of the Rust SDK that answers.
#[must_use]
pub fn hello() -> Vec<u8> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/hello.wasm");
    match std::fs::read(file) {
        Ok(wasm) => wasm,
        Err(error) => panic!("{file}: {error}; `tests/guests/build` makes it"),
    }
}

/// Imports what [`hello`] imports, and does nothing: what is left of a real guest when its own work is taken away.
#[must_use]
pub fn hello_imports() -> Vec<u8> {
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, hello()).expect("the guest is a valid module");
    let mut text = String::from("(module\n");
    for import in module.imports() {
        let wasmi::ExternType::Func(ty) = import.ty() else {
            panic!("a guest of the SDK imports functions only");
        };
        let types = |types: &[wasmi::ValType]| {
            let names = types.iter().map(|ty| match ty {
                wasmi::ValType::I64 => "i64",
                _ => "i32",
            });
            names.collect::<Vec<_>>().join(" ")
        };
        let (module, name) = (import.module(), import.name());
        let (parameters, results) = (types(ty.params()), types(ty.results()));
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "(import \"{module}\" \"{name}\" (func (param {parameters}) (result {results})))"
        );
    }
    text.push_str("(memory (export \"memory\") 17)\n(func (export \"_start\")))");
    assemble(&text)
}

fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the guest is valid text")
}
