use crate::Input;
use core::slice;

/// One event, read in place: filters/ABI.md, "The event".
pub struct Event<'a> {
    bytes: &'a [u8; 64],
}

const TOMBSTONE: u32 = 1;
const EPHEMERAL: u32 = 2;

impl<'a> Event<'a> {
    /// # Safety
    /// `start` is an event that the host wrote, and stays valid for `'a`.
    pub(crate) unsafe fn at(start: *const u8) -> Event<'a> {
        Event { bytes: &*(start as *const [u8; 64]) }
    }

    #[inline]
    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]])
    }

    #[inline]
    fn u64(&self, at: usize) -> u64 {
        self.u32(at) as u64 | (self.u32(at + 4) as u64) << 32
    }

    #[inline]
    fn span(&self, at: usize) -> &'a [u8] {
        // SAFETY: the host wrote the span, and it lies within the event.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr().add(self.u32(at) as usize), self.u32(at + 4) as usize) }
    }

    /// Place in the channel's order; 0 for an ephemeral event.
    pub fn offset(&self) -> u64 {
        self.u64(0)
    }

    /// Milliseconds since the Unix epoch.
    pub fn time_ms(&self) -> i64 {
        self.u64(8) as i64
    }

    /// Whether the event deletes its key.
    pub fn tombstone(&self) -> bool {
        self.u32(16) & TOMBSTONE != 0
    }

    /// Whether the event is passed on without being logged.
    pub fn ephemeral(&self) -> bool {
        self.u32(16) & EPHEMERAL != 0
    }

    pub fn channel(&self) -> &'a [u8] {
        self.span(24)
    }

    /// Empty: no key.
    pub fn key(&self) -> &'a [u8] {
        self.span(32)
    }

    /// Empty: unknown.
    pub fn content_type(&self) -> &'a [u8] {
        self.span(40)
    }

    pub fn payload(&self) -> Input<'a> {
        let payload = self.span(48);
        // SAFETY: the host wrote it.
        unsafe { Input::at(payload.as_ptr(), payload.len()) }
    }

    /// The payload, to be changed in place: an input is the function's to overwrite.
    ///
    /// # Safety
    /// Nothing else that was read from the event is used any more.
    pub unsafe fn into_payload(self) -> &'a mut [u8] {
        let payload = self.span(48);
        slice::from_raw_parts_mut(payload.as_ptr() as *mut u8, payload.len())
    }

    /// Names and values.
    pub fn headers(&self) -> Headers<'a> {
        Headers { event: self.bytes.as_ptr(), table: self.span(56) }
    }
}

/// Iterates over an event's headers as (name, value).
pub struct Headers<'a> {
    event: *const u8,
    table: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.table.len() < 16 {
            return None;
        }
        let (entry, rest) = self.table.split_at(16);
        self.table = rest;
        let word = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]) as usize;
        // SAFETY: the host wrote the table, and its spans lie within the event.
        let span = |at: usize| unsafe { slice::from_raw_parts(self.event.add(word(at)), word(at + 4)) };
        Some((span(0), span(8)))
    }
}
