//! What a guest may allocate, and how hostcalls reach its memory. All `unsafe` code of this crate is here.

#![allow(
    unsafe_code,
    reason = "wasmer's trait for limits has unsafe methods, and lending memory as a slice has no safe form"
)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abi_core::engine::TABLE_ELEMENTS_MAX;
use wasmer::sys::vm::{
    LinearMemory, VMConfig, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition,
};
use wasmer::sys::{BaseTunables, Tunables};
use wasmer::{
    MemoryError, MemoryStyle, MemoryType, MemoryView, Pages, StoreMut, TableStyle, TableType,
    WASM_PAGE_SIZE,
};

/// The stack of a guest. Deep recursion in real programs needs this much, and threads keep it between runs.
const WASM_STACK_BYTES: usize = 1024 * 1024;

/// Calls `f` with a guest's memory; with an empty slice for a guest that has none.
///
/// The store is borrowed for as long as `f` runs, so nothing else can use it.
pub(crate) fn lend<R>(
    memory: Option<&wasmer::Memory>,
    store: &mut StoreMut<'_>,
    f: impl FnOnce(&mut [u8]) -> R,
) -> R {
    let Some(memory) = memory else {
        return f(&mut []);
    };
    let view: MemoryView<'_> = memory.view(store);
    // SAFETY: until the slice is gone, nothing else may access or move this memory. Only the guest's code and users of
    // the store can. The guest waits for the hostcall that is served here, and its memory is not shared with another
    // thread (shared memories are not among the features). The store is borrowed exclusively by the caller, `f` has no
    // access to it, and `view` stays in this function.
    f(unsafe { view.data_unchecked_mut() })
}

/// Whether a guest was ever refused memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused(Arc<AtomicBool>);

impl Refused {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The limits of one run, in the form in which wasmer asks for them.
pub(crate) struct RunTunables {
    base: BaseTunables,
    memory_max: Pages,
    refused: Refused,
    vm: VMConfig,
}

impl RunTunables {
    /// `base` must be what the program was compiled with: machine code relies on guard pages.
    pub(crate) fn new(base: BaseTunables, memory_bytes_max: u64, refused: Refused) -> Self {
        let pages = memory_bytes_max / WASM_PAGE_SIZE as u64;
        Self {
            base,
            memory_max: Pages(pages.try_into().unwrap_or(u32::MAX)),
            refused,
            vm: VMConfig {
                wasm_stack_size: Some(WASM_STACK_BYTES),
            },
        }
    }

    fn limited_memory(&self, ty: &MemoryType) -> Result<MemoryType, MemoryError> {
        if ty.minimum > self.memory_max {
            let mebibytes = |pages: Pages| (u64::from(pages.0) * WASM_PAGE_SIZE as u64) >> 20;
            return Err(MemoryError::Generic(format!(
                "the program starts with {} MiB, its limit is {} MiB",
                mebibytes(ty.minimum),
                mebibytes(self.memory_max)
            )));
        }
        let maximum = ty.maximum.unwrap_or(self.memory_max).min(self.memory_max);
        Ok(MemoryType {
            maximum: Some(maximum),
            ..*ty
        })
    }

    fn limited_table(ty: &TableType) -> Result<TableType, String> {
        // Far below 32 bits.
        let limit = TABLE_ELEMENTS_MAX as u32;
        if ty.minimum > limit {
            return Err(format!(
                "the program starts with a table of {} elements, the limit is {limit}",
                ty.minimum
            ));
        }
        Ok(TableType {
            maximum: Some(ty.maximum.unwrap_or(limit).min(limit)),
            ..*ty
        })
    }

    fn noticed(&self, memory: VMMemory) -> VMMemory {
        VMMemory(Box::new(NoticedMemory {
            memory,
            refused: self.refused.clone(),
        }))
    }
}

impl Tunables for RunTunables {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.base.memory_style(memory)
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.base.table_style(table)
    }

    fn create_host_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
    ) -> Result<VMMemory, MemoryError> {
        let memory = self
            .base
            .create_host_memory(&self.limited_memory(ty)?, style)?;
        Ok(self.noticed(memory))
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
        location: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        let ty = self.limited_memory(ty)?;
        // SAFETY: the caller promises what the function asks for; a smaller maximum changes nothing about `location`.
        let memory = unsafe { self.base.create_vm_memory(&ty, style, location) }?;
        Ok(self.noticed(memory))
    }

    fn create_host_table(&self, ty: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.base
            .create_host_table(&Self::limited_table(ty)?, style)
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        location: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        let ty = Self::limited_table(ty)?;
        // SAFETY: as above.
        unsafe { self.base.create_vm_table(&ty, style, location) }
    }

    fn vmconfig(&self) -> &VMConfig {
        &self.vm
    }
}

/// A memory that notes when it could not grow.
#[derive(Debug)]
struct NoticedMemory {
    memory: VMMemory,
    refused: Refused,
}

impl LinearMemory for NoticedMemory {
    fn ty(&self) -> MemoryType {
        self.memory.ty()
    }

    fn size(&self) -> Pages {
        self.memory.size()
    }

    fn style(&self) -> MemoryStyle {
        self.memory.style()
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        let grown = self.memory.grow(delta);
        if grown.is_err() {
            self.refused.0.store(true, Ordering::Relaxed);
        }
        grown
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.memory.vmmemory()
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory + Send + Sync>, MemoryError> {
        LinearMemory::try_clone(&self.memory)
    }

    fn copy(&self) -> Result<Box<dyn LinearMemory + Send + Sync>, MemoryError> {
        LinearMemory::copy(&self.memory)
    }
}
