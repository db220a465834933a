//! Expiry of credentials by two clocks: the system clock, which can be set back, and a monotonic one.

use std::time::{Duration, Instant};

use crate::database::now;

/// A time of expiry. It is reached when either clock reaches it, so setting the system clock back does not
/// extend the life of a credential that is already cached.
#[derive(Debug, Clone, Copy)]
pub struct Expiry {
    /// Expiry by the system clock (µs since 1970).
    wall: i64,
    /// Expiry by the monotonic clock.
    steady: Instant,
}

impl Expiry {
    /// Returns the expiry at this time (µs since 1970), or `None` for 0, which means never.
    pub fn from_wall(wall: i64) -> Option<Self> {
        (wall != 0).then(|| Self::from_readings(wall, now(), Instant::now()))
    }

    /// Returns the expiry at `wall`, where `now` and `steady` are the present readings of the two clocks.
    fn from_readings(wall: i64, now: i64, steady: Instant) -> Self {
        let left = Duration::from_micros(u64::try_from(wall.saturating_sub(now)).unwrap_or(0));
        // An expiry that the monotonic clock cannot represent counts as reached, so that the credential is
        // refused rather than trusted without a bound.
        let steady = steady.checked_add(left).unwrap_or(steady);
        Self { wall, steady }
    }

    /// Returns whether the expiry has been reached.
    pub fn is_reached(&self) -> bool {
        self.is_reached_at(now(), Instant::now())
    }

    fn is_reached_at(&self, now: i64, steady: Instant) -> bool {
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
        let expiry = Expiry::from_readings(wall + 60_000_000, wall, steady);
        assert!(!expiry.is_reached_at(wall + 59_000_000, steady + minute - Duration::from_secs(1)));
        // The system clock is set back by an hour, then forward by an hour.
        assert!(expiry.is_reached_at(wall - 3_600_000_000, steady + minute));
        assert!(expiry.is_reached_at(wall + 3_600_000_000, steady));
        // A credential that had expired before it was read stays expired.
        assert!(Expiry::from_readings(wall, wall + 1, steady).is_reached_at(wall + 1, steady));
    }
}
