use crate::{abi, Prepared};
use core::marker::PhantomData;

/// The prepared params of all groups: filters/ABI.md, "The set".
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    set: *const u8,
    count: usize,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> Groups<'a> {
    /// # Safety
    /// `set` is a set of `count` groups that the host wrote, and stays valid for `'a`.
    pub(crate) unsafe fn at(set: *const u8, count: usize) -> Groups<'a> {
        Groups { set, count, lifetime: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What `prepare` wrote for a group, from 0 on.
    #[inline(always)]
    pub fn get(&self, group: usize) -> Prepared<'a> {
        if group >= self.count {
            abi::trap();
        }
        // SAFETY: the group exists.
        unsafe { self.get_unchecked(group) }
    }

    /// # Safety
    /// `group` is less than `len`.
    #[inline(always)]
    unsafe fn get_unchecked(&self, group: usize) -> Prepared<'a> {
        // The host wrote `count` entries of offset and length, and the spans lie within the set.
        let entry = *(self.set as *const u64).add(group);
        Prepared::at(self.set.add(entry as u32 as usize), (entry >> 32) as usize)
    }
}

/// Where the answers go, one bit per group. The host has set them all to "no".
pub struct Verdicts<'a> {
    words: *mut u64,
    count: usize,
    lifetime: PhantomData<&'a mut [u64]>,
}

impl<'a> Verdicts<'a> {
    /// # Safety
    /// `words` has room for a bit per group, and nothing else refers to it.
    pub(crate) unsafe fn at(words: *mut u64, count: usize) -> Verdicts<'a> {
        Verdicts { words, count, lifetime: PhantomData }
    }

    /// Lets the event through to one group.
    #[inline(always)]
    pub fn allow(&mut self, group: usize) {
        if group >= self.count {
            abi::trap();
        }
        // SAFETY: there is a bit for the group.
        unsafe { *self.words.add(group / 64) |= 1 << (group % 64) };
    }

    /// Asks `wanted` about every group. This is the fast way: answers are written a word at a time.
    #[inline(always)]
    pub fn decide<'g>(self, groups: Groups<'g>, mut wanted: impl FnMut(Prepared<'g>) -> bool) {
        let mut first = 0;
        while first < self.count {
            let end = self.count.min(first + 64);
            // SAFETY: `ask` is asked about groups that exist.
            let mut ask = |group| wanted(unsafe { groups.get_unchecked(group) }) as u64;
            let mut answers = 0;
            // From the last one on, so that an answer only has to make room for itself; two at a time, which saves every
            // other turn.
            let mut group = end;
            if (group - first) % 2 != 0 {
                group -= 1;
                answers = ask(group);
            }
            while group > first {
                group -= 2;
                answers = answers << 2 | ask(group + 1) << 1 | ask(group);
            }
            // SAFETY: there is a word for these groups.
            unsafe { *self.words.add(first / 64) = answers };
            first = end;
        }
    }
}
