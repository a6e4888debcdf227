;; Has a memory but does not export it, and makes a call that has to write its result there.
;; A host must refuse the call, as it does when a result is to be written outside of memory, and keep running.
(module
  (import "fastly_http_resp" "new" (func $response_new (param i32) (result i32)))
  (memory 1)
  (func (export "_start")
    (drop (call $response_new (i32.const 0)))))
