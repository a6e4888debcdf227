//! How programs are compiled. What is kept of a program is for this file as it is: see `stored`.

#[cfg(feature = "singlepass")]
use wasmer::sys::Singlepass;
use wasmer::sys::{CompilerConfig, Cranelift, EngineBuilder, Features};

#[derive(Clone, Copy)]
pub(crate) enum Compiler {
    Cranelift,
    #[cfg(feature = "singlepass")]
    Singlepass,
}

impl Compiler {
    /// An engine for one program. Each has its own: wasmer frees machine code with the engine that made it.
    pub(crate) fn engine(self) -> wasmer::Engine {
        let builder = EngineBuilder::new(self.config()).set_features(Some(features()));
        builder.engine().into()
    }

    fn config(self) -> Box<dyn CompilerConfig> {
        match self {
            Self::Cranelift => Box::new(Cranelift::new()),
            #[cfg(feature = "singlepass")]
            Self::Singlepass => Box::new(Singlepass::new()),
        }
    }
}

/// What compilers of Compute programs use by default. Exceptions, threads and several memories stay off: host code that
/// throws or waits would run on the guest's stack, where it must not be interrupted (see `stop`), and a run's limit is
/// on one memory.
fn features() -> Features {
    let mut features = Features::new();
    features
        .exceptions(false)
        .threads(false)
        .multi_memory(false);
    features
}
