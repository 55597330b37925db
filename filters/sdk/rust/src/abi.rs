//! The calls of filters/ABI.md, turned into calls of a [`Filter`].

use crate::{Event, Filter, Groups, Input, Output, Verdicts};
use core::arch::wasm32;

const PAGE: usize = 65536;
/// Bit 63 of a result: what it points to is an error's text.
pub(crate) const FAILED: u64 = 1 << 63;

extern "C" {
    /// Placed by the linker where the module's own data ends.
    static __heap_base: u8;
}

#[link(wasm_import_module = "weir")]
extern "C" {
    #[link_name = "log"]
    fn host_log(text: *const u8, len: usize);
}

pub fn log(message: &str) {
    // SAFETY: the host only reads.
    unsafe { host_log(message.as_ptr(), message.len()) }
}

/// Ends the call; the host reports it as a failure of the filter.
#[inline(always)]
pub fn trap() -> ! {
    wasm32::unreachable()
}

/// Returns where the host may write `size` bytes: always the start of the heap, which nothing else uses.
pub fn buffer(size: usize) -> usize {
    // SAFETY: only the address of the symbol is used.
    let start = (unsafe { &__heap_base as *const u8 as usize } + 15) & !15;
    let end = match start.checked_add(size) {
        Some(end) => end,
        None => return 0,
    };
    let have = wasm32::memory_size(0) * PAGE;
    if end > have && wasm32::memory_grow(0, (end - have + PAGE - 1) / PAGE) == usize::MAX {
        return 0;
    }
    start
}

pub(crate) fn result(bytes: &[u8]) -> u64 {
    (bytes.as_ptr() as u64) << 32 | bytes.len() as u64
}

/// # Safety
/// `params` and `len` are what the host passes to `weir_prepare`.
pub unsafe fn prepare<F: Filter>(params: *const u8, len: usize) -> u64 {
    let out = Output::take();
    let mut prepared = F::prepare(Input::at(params, len), out);
    if prepared.is_ok() && out.overflowed() {
        prepared = out.refuse("these params are too long once they are parsed");
    }
    result(out.bytes()) | if prepared.is_ok() { 0 } else { FAILED }
}

/// # Safety
/// The arguments are what the host passes to `weir_match`.
pub unsafe fn decide<F: Filter>(event: *const u8, set: *const u8, count: usize, verdicts: *mut u64) -> u64 {
    F::decide(&Event::at(event), Groups::at(set, count), Verdicts::at(verdicts, count));
    0
}
