;; Recurses without end. The host must stop the guest, not lose its own stack. The addition after the
;; call keeps it from being a tail call.
(module
  (memory (export "memory") 1)
  (func $recurse (param $depth i32) (result i32)
    (i32.add
      (call $recurse (i32.add (local.get $depth) (i32.const 1)))
      (i32.const 1)))
  (func (export "_start")
    (drop (call $recurse (i32.const 0)))))
