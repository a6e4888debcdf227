;; Has two memories, and would grow each of them to the limit that is on one.
(module
  (memory (export "memory") 1)
  (memory $other 1)
  (func (export "_start")
    (loop $more
      (br_if $more (i32.ne (memory.grow $other (i32.const 16)) (i32.const -1))))))
