//! Filters that change what groups are shown.

use crate::abi::{result, FAILED};
use crate::{Event, Output, Prepared, Refused};

/// What a filter does that changes what groups are shown. Name it to [`crate::export_project!`] as well.
pub trait Project {
    /// Returns the payload that a group is shown of an event that it gets: what was written to `out`, or a part of the
    /// event. An `Err`, made by [`Output::refuse`], is a failure of the filter.
    fn project<'a>(event: Event<'a>, prepared: Prepared<'a>, out: &'a mut Output) -> Result<&'a [u8], Refused>;
}

/// # Safety
/// The arguments are what the host passes to `weir_project`.
pub unsafe fn call<P: Project>(event: *const u8, prepared: *const u8, prepared_len: usize) -> u64 {
    match P::project(Event::at(event), Prepared::at(prepared, prepared_len), Output::take()) {
        Ok(bytes) => result(bytes),
        Err(_) => result(Output::taken().bytes()) | FAILED,
    }
}

/// Exports a [`Project`]: `weir::export_project!(MyFilter);`, beside `weir::export!`.
#[macro_export]
macro_rules! export_project {
    ($filter:ty) => {
        #[no_mangle]
        pub unsafe extern "C" fn weir_project(event: *const u8, _event_len: usize, prepared: *const u8, prepared_len: usize) -> u64 {
            $crate::project::call::<$filter>(event, prepared, prepared_len)
        }
    };
}
