;; Traps two calls deep. The names of the two functions have to appear in the backtrace that the
;; host reports. (Assemble with the names kept: `wat2wasm --debug-names`; the `wat` crate keeps them.)
(module
  (memory (export "memory") 1)
  (func $named_inner unreachable)
  (func $named_outer (call $named_inner))
  (func (export "_start") (call $named_outer)))
