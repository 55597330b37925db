use crate::abi;
use core::marker::PhantomData;
use core::ops::Deref;
use core::slice;

/// What `prepare` wrote for a group. It begins at a multiple of 8. Reading beyond its end ends the call as a failure.
#[derive(Clone, Copy)]
pub struct Prepared<'a> {
    start: *const u8,
    len: usize,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> Prepared<'a> {
    /// # Safety
    /// The host wrote `len` bytes at `start`, and they stay valid for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn at(start: *const u8, len: usize) -> Prepared<'a> {
        Prepared { start, len, lifetime: PhantomData }
    }

    pub fn bytes(self) -> &'a [u8] {
        // SAFETY: as `at` was promised.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }

    /// The bytes from `at` on.
    #[inline(always)]
    pub fn from(self, at: usize) -> &'a [u8] {
        if at > self.len {
            abi::trap();
        }
        // SAFETY: `at` is within the bytes.
        unsafe { slice::from_raw_parts(self.start.add(at), self.len - at) }
    }

    /// The `len` bytes from `at` on.
    #[inline(always)]
    pub fn part(self, at: usize, len: usize) -> &'a [u8] {
        match self.from(at) {
            // SAFETY: there are so many.
            rest if len <= rest.len() => unsafe { slice::from_raw_parts(rest.as_ptr(), len) },
            _ => abi::trap(),
        }
    }

    #[inline(always)]
    pub fn byte(self, at: usize) -> u8 {
        self.part(at, 1)[0]
    }

    #[inline(always)]
    pub fn u16(self, at: usize) -> u16 {
        let bytes = self.part(at, 2);
        // SAFETY: there are 2 bytes.
        u16::from_le(unsafe { (bytes.as_ptr() as *const u16).read_unaligned() })
    }

    #[inline(always)]
    pub fn u64(self, at: usize) -> u64 {
        let bytes = self.part(at, 8);
        // SAFETY: there are 8 bytes.
        u64::from_le(unsafe { (bytes.as_ptr() as *const u64).read_unaligned() })
    }

    #[inline(always)]
    pub fn f64(self, at: usize) -> f64 {
        f64::from_bits(self.u64(at))
    }
}

impl<'a> Deref for Prepared<'a> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}
