;; A module that is no program: it exports a memory but no `_start`. A host must refuse it when it is
;; loaded, with a message that says what is missing, and not at the first request.
(module
  (memory (export "memory") 1)
  (func (export "run")))
