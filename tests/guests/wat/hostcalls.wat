;; For benchmarks of what one hostcall costs. `run_sync` loops over a call that never waits,
;; `run_async` over one that may wait in general but never does here. Both make their handle on first
;; use, so that the measured loop contains nothing but the call and its check, and both trap on a
;; status other than 0, so that an error path cannot be measured by mistake.
(module
  (import "fastly_http_req" "new" (func $request_new (param i32) (result i32)))
  (import "fastly_http_req" "method_get"
    (func $method_get (param i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "read"
    (func $body_read (param i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; 0xFFFFFFFE is the number that is never a handle.
  (global $request (mut i32) (i32.const 0xFFFFFFFE))
  (global $body (mut i32) (i32.const 0xFFFFFFFE))

  (func $expect_ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  ;; Reads the method of a request, `count` times: three bytes and their number cross into the
  ;; guest's memory at each call.
  (func (export "run_sync") (param $count i32)
    (if (i32.eq (global.get $request) (i32.const 0xFFFFFFFE))
      (then
        (call $expect_ok (call $request_new (i32.const 0)))
        (global.set $request (i32.load (i32.const 0)))))
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $count)))
        (call $expect_ok
          (call $method_get (global.get $request) (i32.const 16) (i32.const 8) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $again))))

  ;; Reads from an empty body, `count` times: each call reports the end of the body at once.
  (func (export "run_async") (param $count i32)
    (if (i32.eq (global.get $body) (i32.const 0xFFFFFFFE))
      (then
        (call $expect_ok (call $body_new (i32.const 0)))
        (global.set $body (i32.load (i32.const 0)))))
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $count)))
        (call $expect_ok
          (call $body_read (global.get $body) (i32.const 16) (i32.const 8) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $again))))

  (func (export "_start")))
