use core::ops::Deref;
use core::slice;

/// Bytes that the host has written for this call, or a part of them. At least 8 bytes
/// can be read behind the end, zeros where all of the input is meant (filters/ABI.md, "Inputs").
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

    /// The first `len` bytes of some, behind which there are at least 8 others.
    pub fn followed(bytes: &'a [u8], len: usize) -> Input<'a> {
        match bytes.get(..len) {
            Some(start) if bytes.len() - len >= 8 => Input { bytes: start },
            _ => crate::trap(),
        }
    }

    /// The bytes without the zeros.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first byte that is no space, or 0: '{' in a JSON text that is an object.
    pub fn first(&self) -> u8 {
        let mut at = 0;
        while let b' ' | b'\n' | b'\r' | b'\t' = self.byte(at) {
            at += 1;
        }
        self.byte(at)
    }

    /// The byte at `at`, which is no more than the length.
    #[inline(always)]
    pub(crate) fn byte(&self, at: usize) -> u8 {
        debug_assert!(at <= self.bytes.len());
        // SAFETY: there are bytes behind the end.
        unsafe { *self.bytes.as_ptr().add(at) }
    }
}

impl<'a> Deref for Input<'a> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}
