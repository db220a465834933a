//! The end of a credential, by two clocks: the machine's, which can be set back, and one that only goes on.

use std::time::{Duration, Instant};

use crate::database::now;

/// When something ends. What was seen to last for a minute lasts no longer when the machine's clock is set back.
#[derive(Debug, Clone, Copy)]
pub struct Expiry {
    /// By the machine's clock (µs since 1970).
    wall: i64,
    /// By the clock that only goes on.
    steady: Instant,
}

impl Expiry {
    /// The end at this time (µs since 1970); none for 0, which is never.
    pub fn at(wall: i64) -> Option<Self> {
        (wall != 0).then(|| Self::seen(wall, now(), Instant::now()))
    }

    /// The end at `wall`, seen when the clocks showed these times.
    fn seen(wall: i64, now: i64, steady: Instant) -> Self {
        let left = Duration::from_micros(u64::try_from(wall.saturating_sub(now)).unwrap_or(0));
        // An end beyond what the clock can tell is looked at again long before.
        let steady = steady.checked_add(left).unwrap_or(steady);
        Self { wall, steady }
    }

    /// Whether the end has come.
    pub fn has_come(&self) -> bool {
        self.has_come_at(now(), Instant::now())
    }

    fn has_come_at(&self, now: i64, steady: Instant) -> bool {
        self.wall <= now || self.steady <= steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_alive() {
        let (wall, steady) = (1_000_000_000, Instant::now());
        let minute = Duration::from_secs(60);
        let expiry = Expiry::seen(wall + 60_000_000, wall, steady);
        assert!(!expiry.has_come_at(wall + 59_000_000, steady + minute - Duration::from_secs(1)));
        // Set back by an hour, and by so much forward.
        assert!(expiry.has_come_at(wall - 3_600_000_000, steady + minute));
        assert!(expiry.has_come_at(wall + 3_600_000_000, steady));
        // What has ended before it is seen has ended.
        assert!(Expiry::seen(wall, wall + 1, steady).has_come_at(wall + 1, steady));
    }
}
