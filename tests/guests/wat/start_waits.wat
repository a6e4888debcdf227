;; Waits while it is being instantiated: the module's start section sleeps one millisecond through
;; poll_oneoff. A host that instantiates guests on a path that cannot wait fails here. Then answers
;; like answer.wat, provided the start section really ran.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response_new (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  (data (i32.const 16) "hello")

  ;; One 48-byte subscription at 64, one 32-byte event at 128, the count of events at 160.
  (global $subscription i32 (i32.const 64))
  (global $event i32 (i32.const 128))
  (global $events i32 (i32.const 160))

  (global $started (mut i32) (i32.const 0))

  (func $expect_ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  (func $wait
    ;; The tag at offset 8 stays 0, a clock; its flags at offset 40 stay 0, a relative time.
    (i32.store offset=16 (global.get $subscription) (i32.const 1)) ;; the monotonic clock
    (i64.store offset=24 (global.get $subscription) (i64.const 1000000)) ;; nanoseconds
    (call $expect_ok
      (call $poll_oneoff
        (global.get $subscription) (global.get $event) (i32.const 1) (global.get $events)))
    (if (i32.ne (i32.load (global.get $events)) (i32.const 1)) (then unreachable))
    (global.set $started (i32.const 1)))

  (start $wait)

  (func (export "_start")
    (if (i32.eqz (global.get $started)) (then unreachable))
    (call $expect_ok (call $response_new (i32.const 0)))
    (call $expect_ok (call $body_new (i32.const 4)))
    (call $expect_ok
      (call $body_write
        (i32.load (i32.const 4)) (i32.const 16) (i32.const 5) (i32.const 0) (i32.const 8)))
    (call $expect_ok
      (call $send_downstream
        (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))
