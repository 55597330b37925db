use core::marker::PhantomData;
use core::slice;

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

    /// What `prepare` wrote for a group, from 0 on. It begins at a multiple of 8.
    #[inline]
    pub fn get(&self, group: usize) -> &'a [u8] {
        assert!(group < self.count);
        // SAFETY: the group exists.
        unsafe { self.get_unchecked(group) }
    }

    /// # Safety
    /// `group` is less than `len`.
    #[inline(always)]
    unsafe fn get_unchecked(&self, group: usize) -> &'a [u8] {
        // The host wrote `count` entries of offset and length, and the spans lie within the set.
        let entry = *(self.set as *const u64).add(group);
        slice::from_raw_parts(self.set.add(entry as u32 as usize), (entry >> 32) as usize)
    }
}

/// Where the answers go, one bit per group. The host has set them all to "no".
pub struct Verdicts<'a> {
    words: &'a mut [u64],
}

impl<'a> Verdicts<'a> {
    /// # Safety
    /// `words` has room for a bit per group, and nothing else refers to it.
    pub(crate) unsafe fn at(words: *mut u64, count: usize) -> Verdicts<'a> {
        Verdicts { words: slice::from_raw_parts_mut(words, (count + 63) / 64) }
    }

    /// Lets the event through to one group.
    pub fn allow(&mut self, group: usize) {
        self.words[group / 64] |= 1 << (group % 64);
    }

    /// Asks `wanted` about every group. This is the fast way: answers are written a word at a time.
    #[inline(always)]
    pub fn decide(self, groups: Groups, mut wanted: impl FnMut(&[u8]) -> bool) {
        for (i, word) in self.words.iter_mut().enumerate() {
            let first = i * 64;
            let count = (groups.len() - first).min(64);
            // SAFETY: there are `count` groups from `first` on.
            let mut ask = |bit: usize| (wanted(unsafe { groups.get_unchecked(first + bit) }) as u64) << bit;
            let mut answers = 0;
            let mut bit = 0;
            while bit + 4 <= count {
                answers |= ask(bit) | ask(bit + 1) | ask(bit + 2) | ask(bit + 3);
                bit += 4;
            }
            while bit < count {
                answers |= ask(bit);
                bit += 1;
            }
            *word = answers;
        }
    }
}
