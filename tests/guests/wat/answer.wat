;; The smallest complete guest: answers every request with 200 and the body "hello", through
;; fastly_http_resp and fastly_http_body only. Any status other than 0 traps, so a host that gets
;; one of the four calls wrong is noticed at once.
(module
  (import "fastly_http_resp" "new" (func $response_new (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; Where the calls put their results.
  (global $response_out i32 (i32.const 0))
  (global $body_out i32 (i32.const 4))
  (global $written_out i32 (i32.const 8))
  (data (i32.const 16) "hello")

  (func $expect_ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  (func (export "_start")
    (call $expect_ok (call $response_new (global.get $response_out)))
    (call $expect_ok (call $body_new (global.get $body_out)))
    (call $expect_ok
      (call $body_write
        (i32.load (global.get $body_out))
        (i32.const 16) (i32.const 5)
        (i32.const 0) ;; at the back
        (global.get $written_out)))
    (call $expect_ok
      (call $send_downstream
        (i32.load (global.get $response_out))
        (i32.load (global.get $body_out))
        (i32.const 0))))) ;; not streaming
