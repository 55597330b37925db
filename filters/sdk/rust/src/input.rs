use core::ops::Deref;
use core::slice;

/// Bytes that the host has written for this call, with at least 8 zero bytes behind them (filters/ABI.md, "Inputs").
#[derive(Clone, Copy)]
pub struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    /// # Safety
    /// `start` and `len` are an input that the host wrote, and stay valid for `'a`.
    pub(crate) unsafe fn at(start: *const u8, len: usize) -> Input<'a> {
        Input { bytes: slice::from_raw_parts(start, len) }
    }

    /// The bytes without the zeros.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte at `at`, where the one behind the last is 0.
    #[inline(always)]
    pub(crate) fn byte(&self, at: usize) -> u8 {
        debug_assert!(at <= self.bytes.len());
        // SAFETY: there are zeros behind the bytes.
        unsafe { *self.bytes.as_ptr().add(at) }
    }

    /// The 8 bytes from `at` on, which is no more than the length.
    #[inline(always)]
    pub(crate) fn word(&self, at: usize) -> u64 {
        debug_assert!(at <= self.bytes.len());
        // SAFETY: there are 8 zeros behind the bytes.
        u64::from_le(unsafe { (self.bytes.as_ptr().add(at) as *const u64).read_unaligned() })
    }
}

impl<'a> Deref for Input<'a> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}
