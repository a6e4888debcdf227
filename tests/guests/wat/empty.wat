;; A guest that does nothing at all. A request to it is answered by the host: 200, empty body.
(module
  (memory (export "memory") 1)
  (func (export "_start")))
