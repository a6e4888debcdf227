;; Answers every request with 203 and the body "hello", through the names that the hostcalls had in
;; earlier days: fastly.init, and xqd_ names in env. Any status other than 0 traps.
(module
  (import "fastly" "init" (func $init (param i64) (result i32)))
  (import "env" "xqd_init" (func $init_too (param i64) (result i32)))
  (import "env" "xqd_req_body_downstream_get"
    (func $downstream_get (param i32 i32) (result i32)))
  (import "env" "xqd_req_version_get" (func $version_get (param i32 i32) (result i32)))
  (import "env" "xqd_resp_new" (func $response_new (param i32) (result i32)))
  (import "env" "xqd_resp_status_set" (func $status_set (param i32 i32) (result i32)))
  (import "env" "xqd_resp_send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))
  (import "env" "xqd_body_new" (func $body_new (param i32) (result i32)))
  (import "env" "xqd_body_write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "xqd_body_close_downstream" (func $close (param i32) (result i32)))

  (memory (export "memory") 1)

  ;; Where the calls put their results.
  (global $response_out i32 (i32.const 0))
  (global $body_out i32 (i32.const 4))
  (global $written_out i32 (i32.const 8))
  (global $request_out i32 (i32.const 12))
  (global $request_body_out i32 (i32.const 16))
  (global $version_out i32 (i32.const 20))
  (data (i32.const 32) "hello")

  (func $expect_ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  (func (export "_start")
    (call $expect_ok (call $init (i64.const 1)))
    (call $expect_ok (call $init_too (i64.const 1)))
    (call $expect_ok
      (call $downstream_get (global.get $request_out) (global.get $request_body_out)))
    (call $expect_ok
      (call $version_get (i32.load (global.get $request_out)) (global.get $version_out)))
    ;; HTTP/1.1 is 2.
    (if (i32.ne (i32.load (global.get $version_out)) (i32.const 2)) (then unreachable))
    (call $expect_ok (call $close (i32.load (global.get $request_body_out))))
    (call $expect_ok (call $response_new (global.get $response_out)))
    (call $expect_ok
      (call $status_set (i32.load (global.get $response_out)) (i32.const 203)))
    (call $expect_ok (call $body_new (global.get $body_out)))
    (call $expect_ok
      (call $body_write
        (i32.load (global.get $body_out))
        (i32.const 32) (i32.const 5)
        (i32.const 0) ;; at the back
        (global.get $written_out)))
    (call $expect_ok
      (call $send_downstream
        (i32.load (global.get $response_out))
        (i32.load (global.get $body_out))
        (i32.const 0))))) ;; not streaming
