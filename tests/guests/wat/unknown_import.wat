;; Imports two functions that no host has, one in a known module and one in an unknown module, and
;; calls neither. By default a host refuses such a guest, and names both. Told to let unknown
;; imports trap, it has to start it: programs carry imports they never reach, and SDKs newer than the
;; host import calls it has not heard of. Answers like answer.wat.
(module
  (import "fastly_http_req" "does_not_exist" (func $does_not_exist (param i32 i32) (result i32)))
  (import "nowhere" "at_all" (func $at_all (param i64)))
  (import "fastly_http_resp" "new" (func $response_new (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  (data (i32.const 16) "hello")

  (func $expect_ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  ;; Exported, so that the two imports stay in use, but never called.
  (func (export "never_called")
    (drop (call $does_not_exist (i32.const 0) (i32.const 0)))
    (call $at_all (i64.const 0)))

  (func (export "_start")
    (call $expect_ok (call $response_new (i32.const 0)))
    (call $expect_ok (call $body_new (i32.const 4)))
    (call $expect_ok
      (call $body_write
        (i32.load (i32.const 4)) (i32.const 16) (i32.const 5) (i32.const 0) (i32.const 8)))
    (call $expect_ok
      (call $send_downstream
        (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))
