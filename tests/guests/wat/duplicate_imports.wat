;; Imports the same functions twice, as the Go compiler's programs do, and uses both copies:
;; the response is made by one import of fastly_http_resp.new and the body is written by two imports
;; of fastly_http_body.write. Answers 200 with the body "hello".
(module
  (import "fastly_http_resp" "new" (func $response_new (param i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response_new_again (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write_again (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  (data (i32.const 16) "hello")

  (func $expect_ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  (func (export "_start")
    ;; Two different responses have to come out, so that both imports are known to work.
    (call $expect_ok (call $response_new (i32.const 0)))
    (call $expect_ok (call $response_new_again (i32.const 12)))
    (if (i32.eq (i32.load (i32.const 0)) (i32.load (i32.const 12))) (then unreachable))
    (call $expect_ok (call $body_new (i32.const 4)))
    (call $expect_ok
      (call $body_write
        (i32.load (i32.const 4)) (i32.const 16) (i32.const 3) (i32.const 0) (i32.const 8)))
    (call $expect_ok
      (call $body_write_again
        (i32.load (i32.const 4)) (i32.const 19) (i32.const 2) (i32.const 0) (i32.const 8)))
    (call $expect_ok
      (call $send_downstream
        (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))
