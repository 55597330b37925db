use crate::Input;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A place in a text, its end included. At least 8 bytes can be read there: at a text's end the first is 0, which nothing
/// accepts, or what is behind a part of a text, where nothing that begins in it goes on.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Place<'a> {
    byte: NonNull<u8>,
    text: PhantomData<&'a u8>,
}

impl<'a> Place<'a> {
    #[inline(always)]
    pub fn start_of(text: Input<'a>) -> Self {
        Place { byte: NonNull::from(text.bytes()).cast(), text: PhantomData }
    }

    #[inline(always)]
    pub fn end_of(text: Input<'a>) -> Self {
        Place::start_of(text).on(text.len())
    }

    #[inline(always)]
    pub fn byte(self) -> u8 {
        // SAFETY: a place can be read.
        unsafe { *self.byte.as_ptr() }
    }

    /// The next 8 bytes.
    #[inline(always)]
    pub fn word(self) -> u64 {
        // SAFETY: as much can be read.
        u64::from_le(unsafe { (self.byte.as_ptr() as *const u64).read_unaligned() })
    }

    /// The place behind the next bytes, which are not those at the text's end.
    #[inline(always)]
    pub fn on(self, bytes: usize) -> Self {
        // SAFETY: no place is behind the end.
        Place { byte: unsafe { NonNull::new_unchecked(self.byte.as_ptr().add(bytes)) }, ..self }
    }

    /// The place behind this byte, if it is the next one. It is not 0.
    #[inline(always)]
    pub fn take(self, c: u8) -> Option<Self> {
        if self.byte() == c {
            Some(self.on(1))
        } else {
            None
        }
    }

    /// The place behind space, if there is any.
    #[inline(never)]
    pub fn space(mut self) -> Self {
        while let b' ' | b'\n' | b'\r' | b'\t' = self.byte() {
            self = self.on(1);
        }
        self
    }

    /// The place behind at least one digit.
    #[inline(never)]
    pub fn digits(self) -> Option<Self> {
        let mut at = self;
        while at.byte().is_ascii_digit() {
            at = at.on(1);
        }
        if at == self {
            return None;
        }
        Some(at)
    }

    /// The place behind a number.
    #[inline(never)]
    pub fn number(self) -> Option<Self> {
        let at = self.on((self.byte() == b'-') as usize);
        let mut end = at.digits()?;
        if at.byte() == b'0' {
            end = at.on(1); // digits behind a leading zero are not of the number
        }
        if end.byte() == b'.' {
            end = end.on(1).digits()?;
        }
        if end.byte() | 0x20 == b'e' {
            end = end.on(1);
            end = end.on(matches!(end.byte(), b'+' | b'-') as usize).digits()?;
        }
        Some(end)
    }

    /// The bytes from here to another place, which is not before this one.
    #[inline(always)]
    pub fn until(self, end: Place) -> Input<'a> {
        let len = end.byte.as_ptr() as usize - self.byte.as_ptr() as usize;
        // SAFETY: both places are in the same text.
        unsafe { Input::at(self.byte.as_ptr(), len) }
    }
}
