#[path = "../tests/world/mod.rs"]
mod world;
use std::time::{Duration, Instant};
use abi_core::engine::Limits;
use abi_core::session::*;
use abi_core::http::RequestHead;
use abi_core::body::Body;
use std::sync::Arc;
use wasmer::*;
use wasmer::sys::*;
use world::*;

struct S { memory: Option<Memory>, n: u64 }

fn bare_start(engine: &wasmer::Engine, module: &Module, n: usize) -> Duration {
    let mut store = Store::new(engine.clone());
    let env = FunctionEnv::new(&mut store, S { memory: None, n: 0 });
    let externs: Vec<Extern> = module.imports().map(|i| {
        let ty = match i.ty() { ExternType::Function(t) => t.clone(), _ => panic!() };
        match (ty.params().len(), ty.results().len()) {
            (0, 1) => Function::new_typed_with_env(&mut store, &env, |_: FunctionEnvMut<S>| 0u32).into(),
            (1, 0) => Function::new_typed_with_env(&mut store, &env, |_: FunctionEnvMut<S>, _: u32| ()).into(),
            (1, 1) => Function::new_typed_with_env(&mut store, &env, |_: FunctionEnvMut<S>, _: u32| 0u32).into(),
            (2, 1) => Function::new_typed_with_env(&mut store, &env, |mut e: FunctionEnvMut<S>, p: u32, l: u32| -> std::result::Result<u32, RuntimeError> {
                let (s, store) = e.data_and_store_mut();
                s.n += 1;
                let view = s.memory.as_ref().unwrap().view(&store);
                let m = unsafe { view.data_unchecked_mut() };
                m[p as usize..(p + l) as usize].fill(7);
                Ok(0u32)
            }).into(),
            (3, 1) => Function::new_typed_with_env(&mut store, &env, |_: FunctionEnvMut<S>, _: u32, _: u32, _: u32| 0u32).into(),
            (4, 1) => Function::new_typed_with_env(&mut store, &env, |_: FunctionEnvMut<S>, _: u32, _: u32, _: u32, _: u32| 0u32).into(),
            (5, 1) => Function::new_typed_with_env(&mut store, &env, |_: FunctionEnvMut<S>, _: u32, _: u32, _: u32, _: u32, _: u32| 0u32).into(),
            o => panic!("{o:?}"),
        }
    }).collect();
    let _ = n;
    let instance = Instance::new_by_index(&mut store, module, &externs).unwrap();
    let m = instance.exports.get_memory("memory").unwrap().clone();
    env.as_mut(&mut store).memory = Some(m);
    let f: TypedFunction<(), ()> = instance.exports.get_typed_function(&store, "_start").unwrap();
    let t = Instant::now();
    f.call(&mut store).unwrap();
    t.elapsed()
}

fn loops(n: u32, what: &str) -> Vec<u8> {
    guest(&format!(r#"(func (export "_start") (local $i i32) (local.set $i (i32.const {n}))
      (loop $a {what}
        (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $a (local.get $i))))"#))
}

fn ours(p: &dyn abi_core::Program, w: &World) -> (Duration, Duration) {
    let request = ClientRequest::new(RequestHead::new(), Body::empty());
    let (session, _) = Session::new(w.platform.clone(), Arc::default(), request);
    let meter = session.meter().clone();
    let t = Instant::now();
    let e = block_on(p.run(session, Limits::default()));
    assert!(e.exit.is_success(), "{}", e.exit);
    (t.elapsed(), meter.used())
}

fn main() {
    let n = 2_000_000;
    let w = World::new();
    for (k, e) in engines(&options()).iter().enumerate() {
        let engine = || -> wasmer::Engine { if k == 0 { EngineBuilder::new(Cranelift::new()).engine().into() } else { EngineBuilder::new(Singlepass::new()).engine().into() } };
        let rnd = loops(n, "(drop (call $random_get (i32.const 64) (i32.const 1)))");
        let yld = loops(n, "(drop (call $sched_yield))");
        let p = e.compile(&rnd).unwrap();
        let y = e.compile(&yld).unwrap();
        let be = engine();
        let bm = Module::new(&be, &rnd).unwrap();
        for _ in 0..3 {
            let b = bare_start(&be, &bm, 0);
            let o = ours(&*p, &w).1;
            let a = ours(&*y, &w).1;
            println!("{} hostcall: bare {:.1} ns, ours {:.1} ns, async {:.1}", e.name(), b.as_nanos() as f64 / n as f64, o.as_nanos() as f64 / n as f64, a.as_nanos() as f64/ n as f64);
        }
        let empty = world::main("");
        let p = e.compile(&empty).unwrap();
        let bm = Module::new(&be, &empty).unwrap();
        let m = 20_000;
        for _ in 0..3 {
            let t = Instant::now();
            for _ in 0..m { bare_start(&be, &bm, 0); }
            let b = t.elapsed();
            let t = Instant::now();
            for _ in 0..m { let (be, bm) = (be.clone(), bm.clone()); block_on(blocking::unblock(move || bare_start(&be, &bm, 0))); }
            let bt = t.elapsed();
            let t = Instant::now();
            let mut cpu = Duration::ZERO;
            for _ in 0..m { cpu += ours(&*p, &w).1; }
            let o = t.elapsed();
            println!("{} run: bare {:.1} us, bare on pool {:.1} us, ours {:.1} us of which guest {:.1}", e.name(), b.as_secs_f64() / m as f64 * 1e6, bt.as_secs_f64() / m as f64 * 1e6, o.as_secs_f64() / m as f64 * 1e6, cpu.as_secs_f64() / m as f64 * 1e6);
        }
        // deepest trap through a library call
        for depth in [1000, 4000, 8000, 12000, 16000, 20000, 30000, 60000] {
            let deep = guest(&format!(r#"(table 1 funcref) (func $down (param i32)
               (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))
                 (else (memory.fill (i32.const -1) (i32.const 0) (i32.const 100)))))
               (func (export "_start") (call $down (i32.const {depth})))"#));
            let p = e.compile(&deep).unwrap();
            let request = ClientRequest::new(RequestHead::new(), Body::empty());
            let (session, _) = Session::new(w.platform.clone(), Arc::default(), request);
            let meter = session.meter().clone();
            let e = block_on(p.run(session, Limits::default()));
            let msg = e.exit.to_string();
            println!("depth {depth}: {msg} {:?}", meter.used());
            if msg.contains("exhausted") { break }
        }
    }
}
