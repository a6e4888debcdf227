//! Why growing a memory or a table costs more than anything else, and has a bound for each function.
//!
//! wasmi goes from one instruction to the next by calls that the compiler turns into jumps, but for these two: a growth
//! that is refused leaves a frame of less than 200 bytes on the thread's own stack (measured on x86-64), until the guest
//! is suspended (<https://github.com/wasmi-labs/wasmi/pull/1946>). A guest that asks for memory over and over would
//! overflow that stack, and end the process. Interpreting without such calls would make loops three times slower.
//!
//! So a growth costs as much fuel as it can, which bounds how many of them there are in a turn. What a function does
//! between two branches is paid for at once, however much it is: so there is a bound on growths in one function as well.

use abi_core::engine::CompileError;
use wasmi::OperatorCost;
use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// The most places in a function where a memory or a table grows. Allocators have one or two.
const PLACES_MAX: usize = 500;

/// How instructions that grow something begin: `memory.grow`, and the prefix of `table.grow`.
const FIRST_BYTES: [u8; 2] = [0x40, 0xfc];

/// What each instruction costs: one, but for growths. With [`FUEL_PER_TURN`](crate::run::FUEL_PER_TURN) and
/// [`PLACES_MAX`], fewer than 2500 of those are between two times that the guest is suspended.
pub(crate) fn operator_cost() -> OperatorCost {
    OperatorCost {
        memory_grow: u8::MAX,
        table_grow: u8::MAX,
        ..OperatorCost::default()
    }
}

/// Refuses a module with a function that has too many growths. One that is not valid is left for the engine to say so.
pub(crate) fn check(wasm: &[u8]) -> Result<(), CompileError> {
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        let Payload::CodeSectionEntry(body) = payload else {
            continue;
        };
        if may_have_too_many(body.as_bytes()) && places(&body) > PLACES_MAX {
            return Err(CompileError::Invalid(format!(
                "a function has more than {PLACES_MAX} places where a memory or a table grows, the most on this engine"
            )));
        }
    }
    Ok(())
}

/// Whether it is worth a closer look, as for hardly any function.
fn may_have_too_many(body: &[u8]) -> bool {
    let first_bytes = body.iter().filter(|byte| FIRST_BYTES.contains(byte));
    body.len() > PLACES_MAX && first_bytes.count() > PLACES_MAX
}

fn places(body: &FunctionBody<'_>) -> usize {
    let operators = body.get_operators_reader().into_iter().flatten();
    let growths = operators.map_while(Result::ok).filter(|operator| {
        matches!(
            operator,
            Operator::MemoryGrow { .. } | Operator::TableGrow { .. }
        )
    });
    growths.count()
}
