//! What transforming images may use of this machine, all hosts of the process together.

use std::sync::LazyLock;

use abi_core::images::ImageError;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error;

/// The memory that all images together may take while they are transformed, in MiB.
const MEMORY_MIB: u32 = 2048;

static CORES: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new(cores)
});

static MEMORY: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(MEMORY_MIB as usize));

/// Waits for a core.
pub(super) async fn core() -> Result<SemaphorePermit<'static>, ImageError> {
    CORES.acquire().await.map_err(|_| ending())
}

/// Waits for room for so many bytes. One image that wants more than there is waits for all of it.
pub(super) async fn memory(bytes: u64) -> Result<SemaphorePermit<'static>, ImageError> {
    let mib = u32::try_from(bytes.div_ceil(1024 * 1024)).unwrap_or(MEMORY_MIB);
    let permit = MEMORY.acquire_many(mib.min(MEMORY_MIB)).await;
    permit.map_err(|_| ending())
}

/// The semaphores are never closed.
fn ending() -> ImageError {
    error("the host is ending")
}
