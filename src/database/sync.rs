//! The atomic integers and the mutex of the invalidation clock. In unit tests, each operation on them is a point at
//! which the test scheduler may switch to another thread (see [`super::schedule`]).

#[cfg(not(test))]
pub use std::sync::Mutex;
#[cfg(not(test))]
pub use std::sync::atomic::AtomicU64;

#[cfg(test)]
pub use stepped::{AtomicU64, Mutex};

#[cfg(test)]
mod stepped {
    use std::sync::atomic::Ordering;
    use std::sync::{LockResult, MutexGuard, TryLockError};

    use crate::database::schedule::{is_scheduled, pause, point};

    #[derive(Debug)]
    pub struct AtomicU64(std::sync::atomic::AtomicU64);

    impl AtomicU64 {
        pub const fn new(value: u64) -> Self {
            Self(std::sync::atomic::AtomicU64::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> u64 {
            point();
            self.0.load(ordering)
        }

        pub fn store(&self, value: u64, ordering: Ordering) {
            point();
            self.0.store(value, ordering);
        }
    }

    pub struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub const fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            if !is_scheduled() {
                return self.0.lock();
            }
            point();
            // A blocking lock would stop all threads of the schedule, of which only one runs at a time.
            loop {
                match self.0.try_lock() {
                    Err(TryLockError::WouldBlock) => pause(),
                    Err(TryLockError::Poisoned(poisoned)) => return Err(poisoned),
                    Ok(guard) => return Ok(guard),
                }
            }
        }
    }
}
