;; Imports a known function with a type that is not its own: fastly_http_body.new takes one i32 and
;; returns one. A host must refuse the module when it is loaded, and name the import.
(module
  (import "fastly_http_body" "new" (func $body_new (param i64) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $body_new (i64.const 0)))))
