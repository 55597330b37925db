use core::ptr::{addr_of_mut, copy_nonoverlapping};
use core::slice;

/// Longest that prepared params may be.
const SIZE: usize = 32 << 10;

/// Where `prepare` writes its result, or the text with which it refuses.
pub struct Output {
    bytes: [u8; SIZE],
    /// At most SIZE.
    len: usize,
    overflowed: bool,
}

/// A subscription is refused; the text is in the [`Output`].
pub struct Refused;

static mut OUTPUT: Output = Output { bytes: [0; SIZE], len: 0, overflowed: false };

impl Output {
    /// # Safety
    /// At most one call into the module runs at a time, and takes the output once.
    pub(crate) unsafe fn take() -> &'static mut Output {
        let out = &mut *addr_of_mut!(OUTPUT);
        out.clear();
        out
    }

    /// The output as the call has left it.
    ///
    /// # Safety
    /// The call has returned, and what it was given by `take` is gone.
    pub(crate) unsafe fn taken() -> &'static Output {
        &*addr_of_mut!(OUTPUT)
    }

    fn clear(&mut self) {
        self.len = 0;
        self.overflowed = false;
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the length is at most SIZE.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }

    /// Whether more was written than there is room for; the rest was left out.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline(never)]
    pub fn write(&mut self, bytes: &[u8]) {
        if bytes.len() > SIZE - self.len {
            self.overflowed = true;
            return;
        }
        // SAFETY: there is room, and whoever has `self` has no other reference into it.
        unsafe { copy_nonoverlapping(bytes.as_ptr(), self.bytes.as_mut_ptr().add(self.len), bytes.len()) };
        self.len += bytes.len();
    }

    #[inline(never)]
    pub fn byte(&mut self, b: u8) {
        self.write(&[b]);
    }

    pub fn u16(&mut self, v: u16) {
        self.write(&v.to_le_bytes());
    }

    pub fn u32(&mut self, v: u32) {
        self.write(&v.to_le_bytes());
    }

    #[inline(never)]
    pub fn u64(&mut self, v: u64) {
        self.write(&v.to_le_bytes());
    }

    pub fn f64(&mut self, v: f64) {
        self.u64(v.to_bits());
    }

    /// Keeps only the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Overwrites what was written at `at`, where a value was not known yet.
    pub fn patch_u16(&mut self, at: usize, v: u16) {
        if self.len >= 2 && at <= self.len - 2 {
            // SAFETY: the two bytes have been written.
            unsafe { (self.bytes.as_mut_ptr().add(at) as *mut u16).write_unaligned(v.to_le()) };
        }
    }

    /// Writes a number in decimal.
    pub fn decimal(&mut self, v: usize) {
        if v >= 10 {
            self.decimal(v / 10);
        }
        self.byte(b'0' + (v % 10) as u8);
    }

    /// Throws away what was written and begins the text of a refusal. More can be written to it.
    #[inline(never)]
    pub fn refuse(&mut self, text: &str) -> Result<(), Refused> {
        self.clear();
        self.write(text.as_bytes());
        Err(Refused)
    }

    /// Refuses because of a field of the params: `"name" problem`.
    #[inline(never)]
    pub fn refuse_field(&mut self, name: &[u8], problem: &str) -> Result<(), Refused> {
        let _ = self.refuse("\"");
        self.write(name);
        self.write(b"\" ");
        self.write(problem.as_bytes());
        Err(Refused)
    }
}
