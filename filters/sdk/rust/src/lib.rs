//! Write weir filters in Rust, without the standard library and without dependencies.
//!
//! Implement [`Filter`] for a type and name it to [`export!`]. The ABI underneath is described in filters/ABI.md; what
//! matters to an author is: a filter is pure functions over bytes. It keeps nothing between calls, and whatever it does
//! keep is wiped at times that it can't know.
//!
//! ```ignore
//! #![no_std]
//! struct Urgent;
//!
//! impl weir::Filter for Urgent {
//!     fn prepare(_params: weir::Input, _out: &mut weir::Output) -> Result<(), weir::Refused> { Ok(()) }
//!     fn decide(event: &weir::Event, groups: weir::Groups, verdicts: weir::Verdicts) {
//!         let urgent = event.payload().starts_with(b"URGENT");
//!         verdicts.decide(groups, |_prepared| urgent);
//!     }
//! }
//! weir::export!(Urgent);
//! ```
#![no_std]

#[doc(hidden)]
pub mod abi;
mod event;
pub mod grid;
mod groups;
pub mod hash;
mod input;
pub mod json;
pub mod number;
mod output;
pub mod params;
mod prepared;
pub mod project;
pub mod route;
pub mod texts;

pub use event::{Event, Headers};
pub use groups::{Groups, Verdicts};
pub use input::Input;
pub use output::{Output, Refused};
pub use prepared::Prepared;
pub use project::Project;
pub use route::{Keys, Route};

/// What a filter does.
pub trait Filter {
    /// Checks and parses a subscriber's params, once, and writes to `out` whatever `decide` wants to have of them. An
    /// `Err`, made by [`Output::refuse`], refuses the subscription with that text.
    fn prepare(params: Input, out: &mut Output) -> Result<(), Refused>;

    /// Decides about one event for all groups.
    fn decide(event: &Event, groups: Groups, verdicts: Verdicts);
}

/// Says something: "weir filter logs" shows it. The first 256 bytes of a message are kept, and so many messages a second.
pub fn log(message: &str) {
    abi::log(message)
}

/// Ends the call; the host counts it as a failure of the filter. A panic does the same, but brings a text along that makes
/// the module larger.
#[inline(always)]
pub fn trap() -> ! {
    abi::trap()
}

/// Exports a [`Filter`] as a module: `weir::export!(MyFilter);`, once per module.
#[macro_export]
macro_rules! export {
    ($filter:ty) => {
        #[no_mangle]
        pub extern "C" fn weir_abi_1() {}

        #[no_mangle]
        pub extern "C" fn weir_buf(size: usize) -> usize {
            $crate::abi::buffer(size)
        }

        #[no_mangle]
        pub unsafe extern "C" fn weir_prepare(params: *const u8, len: usize) -> u64 {
            $crate::abi::prepare::<$filter>(params, len)
        }

        #[no_mangle]
        pub unsafe extern "C" fn weir_match(
            event: *const u8,
            _event_len: usize,
            set: *const u8,
            count: usize,
            verdicts: *mut u64,
        ) -> u64 {
            $crate::abi::decide::<$filter>(event, set, count, verdicts)
        }

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! {
            $crate::abi::trap()
        }
    };
}
