use core::ptr::addr_of_mut;

/// Longest that prepared params may be.
const SIZE: usize = 32 << 10;

/// Where `prepare` writes its result, or the text with which it refuses.
pub struct Output {
    bytes: [u8; SIZE],
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
        &self.bytes[..self.len]
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

    pub fn write(&mut self, bytes: &[u8]) {
        let room = SIZE - self.len;
        if bytes.len() > room {
            self.overflowed = true;
            return;
        }
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    pub fn byte(&mut self, b: u8) {
        self.write(&[b]);
    }

    pub fn u16(&mut self, v: u16) {
        self.write(&v.to_le_bytes());
    }

    pub fn u32(&mut self, v: u32) {
        self.write(&v.to_le_bytes());
    }

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
        if at + 2 <= self.len {
            self.bytes[at..at + 2].copy_from_slice(&v.to_le_bytes());
        }
    }

    /// Writes a number in decimal.
    pub fn decimal(&mut self, mut v: usize) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (v % 10) as u8;
            v /= 10;
            if v == 0 {
                break;
            }
        }
        self.write(&digits[at..]);
    }

    /// Throws away what was written and begins the text of a refusal. More can be written to it.
    pub fn refuse(&mut self, text: &str) -> Result<(), Refused> {
        self.clear();
        self.write(text.as_bytes());
        Err(Refused)
    }
}
