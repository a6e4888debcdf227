;; Needs 17 pages of memory (1 MiB and 64 KiB) from the start, and touches the last byte of them. For
;; tests of memory limits, and for benchmarks of instantiation with more than the usual first page.
(module
  (memory (export "memory") 17)
  (func (export "_start")
    (i32.store8 (i32.const 1114111) (i32.const 1))))
