;; Waits in every way there is, one after the other, and answers its client.
(module
  (import "fastly_http_req" "body_downstream_get" (func $client (param i32 i32) (result i32)))
  (import "fastly_http_req" "new" (func $request_new (param i32) (result i32)))
  (import "fastly_http_req" "uri_set" (func $uri_set (param i32 i32 i32) (result i32)))
  (import "fastly_http_req" "send" (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "send_async" (func $send_async (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "send_async_streaming" (func $send_streaming (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "pending_req_wait" (func $pending_wait (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "read" (func $body_read (param i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "write" (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "close" (func $body_close (param i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response_new (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $answer (param i32 i32 i32) (result i32)))
  (import "fastly_http_downstream" "next_request" (func $next (param i32 i32 i32) (result i32)))
  (import "fastly_http_downstream" "next_request_wait" (func $next_wait (param i32 i32 i32) (result i32)))
  (import "fastly_async_io" "select" (func $select (param i32 i32 i32 i32) (result i32)))
  (import "fastly_cache" "transaction_lookup" (func $cache_lookup (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_cache" "transaction_insert" (func $cache_insert (param i32 i32 i32 i32) (result i32)))
  (import "fastly_cache" "get_state" (func $cache_state (param i32 i32) (result i32)))
  (import "fastly_kv_store" "open" (func $kv_open (param i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "lookup" (func $kv_lookup (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "lookup_wait" (func $kv_wait (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  ;; What hostcalls write is below 64, names are from there on, records from 256 on, and the rest is for bodies.
  (memory (export "memory") 4)
  (data (i32.const 64) "backend")
  (data (i32.const 72) "trigger")
  (data (i32.const 80) "store")
  (data (i32.const 96) "key")
  (data (i32.const 112) "http://backend/")
  ;; A subscription to a clock for one second.
  (data (i32.const 272) "\01\00\00\00")
  (data (i32.const 280) "\00\ca\9a\3b")
  ;; An object that is fresh for an hour.
  (data (i32.const 512) "\00\a0\b8\30\46\03\00\00")

  (func $ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  (func $sleep
    (call $ok (call $poll (i32.const 256) (i32.const 384) (i32.const 1) (i32.const 60))))

  (func $read_to_end (param $body i32)
    (loop $again
      (call $ok (call $body_read (local.get $body) (i32.const 65536) (i32.const 65536) (i32.const 60)))
      (br_if $again (i32.load (i32.const 60)))))

  ;; More than anything between the guest and a reader holds.
  (func $write_much (param $body i32) (local $left i32)
    (local.set $left (i32.const 524288))
    (loop $again
      (call $ok (call $body_write (local.get $body) (i32.const 65536) (i32.const 131072) (i32.const 0) (i32.const 60)))
      (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 60))))
      (br_if $again (i32.gt_s (local.get $left) (i32.const 0)))))

  ;; A request at 0, with a body at 4.
  (func $request
    (call $ok (call $request_new (i32.const 0)))
    (call $ok (call $uri_set (i32.load (i32.const 0)) (i32.const 112) (i32.const 15)))
    (call $ok (call $body_new (i32.const 4))))

  ;; Sends it to a backend that gets it also when the guest has ended, and goes on; what is to be waited for is written to $out.
  (func $begin (param $out i32)
    (call $request)
    (call $ok (call $send_async
      (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 72) (i32.const 7) (local.get $out))))

  (func $waits_for_bodies
    (call $ok (call $client (i32.const 0) (i32.const 4)))
    (call $read_to_end (i32.load (i32.const 4)))
    (call $request)
    (call $ok (call $send
      (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 64) (i32.const 7) (i32.const 8) (i32.const 12)))
    (call $read_to_end (i32.load (i32.const 12))))

  (func $waits_for_a_store
    (call $ok (call $kv_open (i32.const 80) (i32.const 5) (i32.const 0)))
    (call $ok (call $kv_lookup
      (i32.load (i32.const 0)) (i32.const 96) (i32.const 3) (i32.const 0) (i32.const 256) (i32.const 4)))
    (call $ok (call $kv_wait
      (i32.load (i32.const 4)) (i32.const 8) (i32.const 128) (i32.const 16) (i32.const 12) (i32.const 16)
      (i32.const 20))))

  ;; Another one is about to insert the object. When that one has not, this one sleeps before it does, and again before it
  ;; has written all of it.
  (func $waits_for_the_cache
    (call $ok (call $cache_lookup (i32.const 96) (i32.const 3) (i32.const 0) (i32.const 256) (i32.const 0)))
    (call $ok (call $cache_state (i32.load (i32.const 0)) (i32.const 4)))
    (if (i32.and (i32.load (i32.const 4)) (i32.const 8)) (then
      (call $sleep)
      (call $ok (call $cache_insert (i32.load (i32.const 0)) (i32.const 0) (i32.const 512) (i32.const 8)))
      (call $ok (call $body_write (i32.load (i32.const 8)) (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 60)))
      (call $sleep)
      (call $ok (call $body_close (i32.load (i32.const 8)))))))

  ;; Two requests and the time: whatever comes first. One is waited for after that, the other one is left.
  (func $waits_for_one_of_many
    (call $begin (i32.const 16))
    (call $begin (i32.const 20))
    (call $ok (call $select (i32.const 16) (i32.const 2) (i32.const 60000) (i32.const 24)))
    (call $ok (call $pending_wait (i32.load (i32.const 16)) (i32.const 8) (i32.const 12)))
    (drop (call $yield)))

  (func $waits_for_a_reader
    (call $request)
    (call $ok (call $send_streaming
      (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 72) (i32.const 7) (i32.const 16)))
    (call $write_much (i32.load (i32.const 4)))
    (call $ok (call $body_close (i32.load (i32.const 4))))
    (call $ok (call $pending_wait (i32.load (i32.const 16)) (i32.const 8) (i32.const 12)))
    (call $read_to_end (i32.load (i32.const 12))))

  (func $answers
    (call $ok (call $response_new (i32.const 0)))
    (call $ok (call $body_new (i32.const 4)))
    (call $ok (call $answer (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 1)))
    (call $write_much (i32.load (i32.const 4)))
    (call $ok (call $body_close (i32.load (i32.const 4)))))

  (func (export "_start")
    (call $waits_for_bodies)
    (call $waits_for_a_store)
    (call $waits_for_the_cache)
    (call $waits_for_one_of_many)
    (call $waits_for_a_reader)
    (call $answers)
    (call $ok (call $next (i32.const 0) (i32.const 256) (i32.const 0)))
    ;; There may be none.
    (drop (call $next_wait (i32.load (i32.const 0)) (i32.const 4) (i32.const 8)))))
