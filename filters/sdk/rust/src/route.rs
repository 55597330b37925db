//! Filters that can tell which groups an event may concern without asking each: filters/ABI.md, `keys` and `interest`.
//!
//! ```ignore
//! impl weir::Route for Urgent {
//!     fn keys(event: &weir::Event, keys: &mut weir::Keys) {
//!         keys.add(1 + urgency(event));
//!     }
//!     fn interest(prepared: weir::Prepared, keys: &mut weir::Keys) {
//!         for urgency in prepared.u64(0)..=HIGHEST { keys.add(1 + urgency) }
//!     }
//! }
//! weir::export_route!(Urgent);
//! ```

use crate::{Event, Prepared};
use core::ptr::addr_of_mut;

/// What a filter does that has routing keys. Name it to [`crate::export_route!`] as well. Where `decide` would let an event
/// through to a group, the two must have a key in common, or one of them the key for all. Neither: they are not asked.
pub trait Route {
    /// Gives the keys of an event.
    fn keys(event: &Event, keys: &mut Keys);
    /// Gives the keys that a group wants.
    fn interest(prepared: Prepared, keys: &mut Keys);
}

/// Most keys of an event or a group.
pub const MOST: usize = 64;

/// Stands for all keys.
const ALL: u64 = 0;

/// Where routing keys go.
pub struct Keys {
    words: [u64; MOST],
    /// At most MOST.
    len: usize,
    all: bool,
}

static mut KEYS: Keys = Keys { words: [ALL; MOST], len: 0, all: false };

impl Keys {
    /// Adds a key, which is not 0. More than [`MOST`] of them stand for all.
    #[inline(never)]
    pub fn add(&mut self, key: u64) {
        match self.words.get_mut(self.len) {
            Some(word) if key != ALL => {
                *word = key;
                self.len += 1;
            }
            _ => self.all = true,
        }
    }

    /// Has every group asked about the event, or the group about every event.
    pub fn add_all(&mut self) {
        self.all = true;
    }

    /// Takes all keys back.
    pub fn clear(&mut self) {
        self.len = 0;
        self.all = false;
    }

    fn result(&mut self) -> u64 {
        if self.all {
            self.words[0] = ALL;
            self.len = 1;
        }
        (self.words.as_ptr() as u64) << 32 | (self.len * 8) as u64
    }

    /// # Safety
    /// At most one call into the module runs at a time, and takes the keys once.
    unsafe fn take() -> &'static mut Keys {
        let keys = &mut *addr_of_mut!(KEYS);
        keys.clear();
        keys
    }
}

/// # Safety
/// The argument is what the host passes to `weir_keys`.
pub unsafe fn keys<R: Route>(event: *const u8) -> u64 {
    let keys = Keys::take();
    R::keys(&Event::at(event), keys);
    keys.result()
}

/// # Safety
/// The arguments are what the host passes to `weir_interest`.
pub unsafe fn interest<R: Route>(prepared: *const u8, prepared_len: usize) -> u64 {
    let keys = Keys::take();
    R::interest(Prepared::at(prepared, prepared_len), keys);
    keys.result()
}

/// Exports a [`Route`]: `weir::export_route!(MyFilter);`, beside `weir::export!`.
#[macro_export]
macro_rules! export_route {
    ($filter:ty) => {
        #[no_mangle]
        pub unsafe extern "C" fn weir_keys(event: *const u8, _event_len: usize) -> u64 {
            $crate::route::keys::<$filter>(event)
        }

        #[no_mangle]
        pub unsafe extern "C" fn weir_interest(prepared: *const u8, prepared_len: usize) -> u64 {
            $crate::route::interest::<$filter>(prepared, prepared_len)
        }
    };
}
