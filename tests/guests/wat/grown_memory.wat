;; To POST: adds memory, checks that it is clean, writes to it, and gives an empty answer. To any other
;; method: reads what would be in the added memory, which this request has none of, and traps.
(module
  (import "fastly_http_req" "body_downstream_get"
    (func $downstream (param i32 i32) (result i32)))
  (import "fastly_http_req" "method_get"
    (func $method_get (param i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; Where the calls put their results.
  (global $request_out i32 (i32.const 0))
  (global $body_out i32 (i32.const 4))
  (global $length_out i32 (i32.const 8))
  (global $method i32 (i32.const 16))
  ;; The first byte behind the memory that every request begins with.
  (global $added i32 (i32.const 65536))

  (func $expect_ok (param $status i32)
    (if (local.get $status) (then unreachable)))

  (func (export "_start")
    (call $expect_ok (call $downstream (global.get $request_out) (global.get $body_out)))
    (call $expect_ok
      (call $method_get
        (i32.load (global.get $request_out))
        (global.get $method) (i32.const 16) (global.get $length_out)))
    (if (i32.eq (i32.load8_u (global.get $method)) (i32.const 0x50)) ;; P
      (then
        (if (i32.ne (memory.grow (i32.const 2)) (i32.const 1)) (then unreachable))
        (if (i32.load (global.get $added)) (then unreachable))
        (i32.store (global.get $added) (i32.const -1)))
      (else
        (if (i32.ne (memory.size) (i32.const 1)) (then unreachable))
        (drop (i32.load (global.get $added)))))))
