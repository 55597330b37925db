use crate::Input;
use core::marker::PhantomData;
use core::slice;

/// One event, read in place: filters/ABI.md, "The event".
pub struct Event<'a> {
    start: *const u8,
    lifetime: PhantomData<&'a [u8]>,
}

const TOMBSTONE: u32 = 1;
const EPHEMERAL: u32 = 2;

impl<'a> Event<'a> {
    /// # Safety
    /// `start` is an event that the host wrote, and stays valid for `'a`.
    pub(crate) unsafe fn at(start: *const u8) -> Event<'a> {
        Event { start, lifetime: PhantomData }
    }

    #[inline(always)]
    fn u32(&self, at: usize) -> u32 {
        // SAFETY: an event begins with 64 bytes at a multiple of 8.
        u32::from_le(unsafe { *(self.start.add(at) as *const u32) })
    }

    #[inline(always)]
    fn u64(&self, at: usize) -> u64 {
        // SAFETY: as above.
        u64::from_le(unsafe { *(self.start.add(at) as *const u64) })
    }

    #[inline(always)]
    fn span(&self, at: usize) -> &'a [u8] {
        // SAFETY: the host wrote the span, and it lies within the event.
        unsafe { span(self.start, self.u64(at)) }
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
        Headers { event: self.start, table: self.span(56) }
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
        const ENTRY: usize = 16;
        let rest = self.table.get(ENTRY..)?;
        let entry = self.table.as_ptr() as *const u64;
        self.table = rest;
        // SAFETY: the host wrote the table at a multiple of 8, and its spans lie within the event.
        unsafe { Some((span(self.event, u64::from_le(*entry)), span(self.event, u64::from_le(*entry.add(1))))) }
    }
}

/// # Safety
/// `span` is an offset and a length, of bytes that lie behind `start` and stay for `'a`.
#[inline(always)]
unsafe fn span<'a>(start: *const u8, span: u64) -> &'a [u8] {
    slice::from_raw_parts(start.add(span as u32 as usize), (span >> 32) as usize)
}
