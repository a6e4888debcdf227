;; Writes a body as the value of a key of the KV store "kv", with the earlier form of
;; pending_insert_wait, which has one parameter. The later form has two, under the same name: a
;; module imports one or the other. Any status other than the expected one traps.
(module
  (import "fastly_object_store" "open" (func $open (param i32 i32 i32) (result i32)))
  (import "fastly_object_store" "insert_async"
    (func $insert_async (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_object_store" "pending_insert_wait"
    (func $pending_insert_wait (param i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; Where the calls put their results.
  (global $store_out i32 (i32.const 0))
  (global $body_out i32 (i32.const 4))
  (global $written_out i32 (i32.const 8))
  (global $pending_out i32 (i32.const 12))
  (data (i32.const 16) "kv")
  (data (i32.const 24) "earlier")

  (func $expect (param $expected i32) (param $status i32)
    (if (i32.ne (local.get $expected) (local.get $status)) (then unreachable)))

  (func (export "_start")
    (call $expect (i32.const 0)
      (call $open (i32.const 16) (i32.const 2) (global.get $store_out)))
    (call $expect (i32.const 0) (call $body_new (global.get $body_out)))
    (call $expect (i32.const 0)
      (call $body_write
        (i32.load (global.get $body_out))
        (i32.const 24) (i32.const 7)
        (i32.const 0) ;; at the back
        (global.get $written_out)))
    (call $expect (i32.const 0)
      (call $insert_async
        (i32.load (global.get $store_out))
        (i32.const 24) (i32.const 7)
        (i32.load (global.get $body_out))
        (global.get $pending_out)))
    (call $expect (i32.const 0)
      (call $pending_insert_wait (i32.load (global.get $pending_out))))
    ;; A handle is used up.
    (call $expect (i32.const 3)
      (call $pending_insert_wait (i32.load (global.get $pending_out))))))
