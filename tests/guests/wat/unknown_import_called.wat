;; Calls a function that no host has. Where unknown imports are to trap, the guest has to start, and to
;; trap at the call with a message that names the module and the function.
(module
  (import "fastly_http_req" "does_not_exist" (func $does_not_exist (param i32 i32) (result i32)))

  (memory (export "memory") 1)

  (func (export "_start")
    (drop (call $does_not_exist (i32.const 0) (i32.const 0)))))
