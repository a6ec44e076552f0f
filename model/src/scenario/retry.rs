//! Retry schedules, named after the MTA whose documentation or source describes them.
//!
//! Each comes with the lifetime and the warning time of that MTA; a host of a scenario may set its own. All measure from
//! the failure of an attempt, and the end of the lifetime brings one last attempt, whatever the schedule says.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// When a deferred message is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RetrySchedule {
    /// Twice in the first hour, then every 2½ hours (RFC 5321 §4.5.4.1), for 5 days.
    #[default]
    Rfc5321,
    /// 300 s, doubling to 4000 s, for 5 days.
    Postfix,
    /// Every 15 min until a message is 2 h old, then from 1 h growing by half until it is 16 h old, then every 6 h; for 4 days,
    /// with a warning after 24 h.
    Exim,
    /// Quadratic: attempt n comes 400 s × (n - 1)² after the first; for 4 days, with a warning after 4 h.
    Opensmtpd,
    /// A queue run every 30 min, for 5 days, with a warning after 4 h.
    Sendmail,
    /// 20 min, doubling without bound, for 7 days. Deviates: the last gaps are days long.
    Kumomta,
    /// 2^(n+5) s for n from 1 to 12, which makes 3 days. Deviates: it gives up a day early.
    Haraka,
    /// 7.5 min, doubling, 8 attempts in 16 h, with a warning after the fifth. Deviates: it gives up within a day.
    Mox,
    /// Every 30 min, for 5 days.
    HalfHourly,
}

impl RetrySchedule {
    /// Every schedule.
    pub const ALL: &[Self] = &[
        Self::Rfc5321,
        Self::Postfix,
        Self::Exim,
        Self::Opensmtpd,
        Self::Sendmail,
        Self::Kumomta,
        Self::Haraka,
        Self::Mox,
        Self::HalfHourly,
    ];

    /// Whether it departs by design from what RFC 5321 §4.5.4.1 asks of a schedule. The generator draws none of these.
    pub fn deviates(self) -> bool {
        matches!(self, Self::Kumomta | Self::Haraka | Self::Mox)
    }

    /// How long to wait after the attempt of this number (from 1) before the next, if the message is so old when it fails.
    pub fn gap(self, attempt: u32, age: Duration) -> Duration {
        let doublings = attempt.saturating_sub(1);
        let seconds = match self {
            Self::Rfc5321 if attempt <= 2 => 30 * MINUTE,
            Self::Rfc5321 => 150 * MINUTE,
            Self::Postfix => doubled(300, doublings).min(4000),
            Self::Exim => exim(age.as_secs()),
            // 400 n² less 400 (n - 1)².
            Self::Opensmtpd => 400 * (2 * u64::from(attempt.max(1)) - 1),
            Self::Sendmail | Self::HalfHourly => 30 * MINUTE,
            Self::Kumomta => doubled(20 * MINUTE, doublings),
            Self::Haraka => doubled(64, doublings.min(11)),
            Self::Mox => doubled(450, doublings.min(6)),
        };
        Duration::from_secs(seconds)
    }

    /// The longest gap that it leaves between two attempts, the last of which comes at the end of this lifetime.
    pub fn largest_gap(self, lifetime: Duration) -> Duration {
        let (mut age, mut largest) = (Duration::ZERO, Duration::ZERO);
        // No schedule has more attempts in 400 days, the longest lifetime, than one each half hour.
        for attempt in 1..=20_000 {
            if age >= lifetime {
                break;
            }
            let gap = self.gap(attempt, age);
            largest = largest.max(gap.min(lifetime));
            age = age.saturating_add(gap);
        }
        largest
    }

    /// How long a message is tried, if the host says nothing else.
    pub fn lifetime(self) -> Duration {
        let seconds = match self {
            Self::Rfc5321 | Self::Postfix | Self::Sendmail | Self::HalfHourly => 5 * DAY,
            Self::Exim | Self::Opensmtpd => 4 * DAY,
            Self::Kumomta => 7 * DAY,
            // The sum of its twelve gaps: the attempt behind the last of them is final.
            Self::Haraka => 262_080,
            // The sum of its seven gaps.
            Self::Mox => 57_150,
        };
        Duration::from_secs(seconds)
    }

    /// After how long the sender is warned of a delay, if the host says nothing else.
    pub fn warning(self) -> Option<Duration> {
        let seconds = match self {
            Self::Exim => DAY,
            Self::Opensmtpd | Self::Sendmail => 4 * HOUR,
            // Behind the fifth attempt.
            Self::Mox => 6750,
            Self::Rfc5321 | Self::Postfix | Self::Kumomta | Self::Haraka | Self::HalfHourly => return None,
        };
        Some(Duration::from_secs(seconds))
    }
}

/// Exim's default rule, `F,2h,15m; G,16h,1h,1.5; F,4d,6h`: each part of it ends at an age, not with a number of attempts.
fn exim(age: u64) -> u64 {
    let (mut begins, mut gap) = (2 * HOUR, HOUR);
    if age < begins {
        return 15 * MINUTE;
    }
    if age >= 16 * HOUR {
        return 6 * HOUR;
    }
    while begins + gap <= age {
        begins += gap;
        gap += gap / 2;
    }
    gap
}

/// Doubled so often, and never more than fits.
fn doubled(seconds: u64, doublings: u32) -> u64 {
    seconds.saturating_mul(1 << doublings.min(40))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the first attempts come, in seconds from the first.
    fn attempts(schedule: RetrySchedule, count: u32) -> Vec<u64> {
        let mut age = Duration::ZERO;
        let later = (1..count).map(|attempt| {
            age += schedule.gap(attempt, age);
            age.as_secs()
        });
        std::iter::once(0).chain(later).collect()
    }

    #[test]
    fn the_rfc_has_two_tries_in_the_first_hour_and_then_one_every_two_or_three() {
        assert_eq!(attempts(RetrySchedule::Rfc5321, 5), [0, 1800, 3600, 12_600, 21_600]);
    }

    #[test]
    fn postfix_doubles_from_five_minutes_to_four_thousand_seconds() {
        assert_eq!(
            attempts(RetrySchedule::Postfix, 7),
            [0, 300, 900, 2100, 4500, 8500, 12_500]
        );
    }

    #[test]
    fn exim_grows_by_half_between_two_hours_and_sixteen_and_then_comes_every_six() {
        let exim = attempts(RetrySchedule::Exim, 17);
        assert_eq!(exim[..9], [0, 900, 1800, 2700, 3600, 4500, 5400, 6300, 7200]);
        assert_eq!(
            exim[9..],
            [10_800, 16_200, 24_300, 36_450, 54_675, 82_012, 103_612, 125_212],
            "the attempt before the sixteenth hour is the last whose gap grows"
        );
    }

    #[test]
    fn exim_tries_less_often_by_the_age_of_a_message_whose_attempts_were_few_and_long() {
        let gap = |hours: u64| RetrySchedule::Exim.gap(4, Duration::from_secs(hours * HOUR)).as_secs();
        assert_eq!([1, 2, 4, 5, 15, 20].map(gap), [900, 3600, 5400, 8100, 18_225, 21_600]);
    }

    #[test]
    fn opensmtpd_comes_at_four_hundred_seconds_times_a_square() {
        for (place, at) in attempts(RetrySchedule::Opensmtpd, 30).into_iter().enumerate() {
            assert_eq!(at, 400 * (place * place) as u64);
        }
    }

    #[test]
    fn kumomta_doubles_from_twenty_minutes_without_bound() {
        let hours = attempts(RetrySchedule::Kumomta, 10).into_iter().map(|at| at / 60);
        assert_eq!(
            hours.collect::<Vec<_>>(),
            [0, 20, 60, 140, 300, 620, 1260, 2540, 5100, 10_220]
        );
    }

    #[test]
    fn the_last_attempts_of_haraka_and_mox_are_at_the_end_of_their_lifetimes() {
        assert_eq!(attempts(RetrySchedule::Haraka, 13)[..4], [0, 64, 192, 448]);
        for (schedule, count) in [(RetrySchedule::Haraka, 13), (RetrySchedule::Mox, 8)] {
            let last = attempts(schedule, count).pop().map(Duration::from_secs);
            assert_eq!(last, Some(schedule.lifetime()));
        }
    }

    #[test]
    fn sendmail_runs_its_queue_every_half_hour() {
        assert_eq!(attempts(RetrySchedule::Sendmail, 4), [0, 1800, 3600, 5400]);
        assert_eq!(attempts(RetrySchedule::HalfHourly, 4), [0, 1800, 3600, 5400]);
    }

    #[test]
    fn the_largest_gap_is_that_of_the_lifetime() {
        let largest = |schedule: RetrySchedule| schedule.largest_gap(schedule.lifetime()).as_secs();
        let expected = [9000, 4000, 27_337, 400 * 59, 1800, 307_200, 131_072, 28_800, 1800];
        assert_eq!(
            RetrySchedule::ALL.iter().copied().map(largest).collect::<Vec<_>>(),
            expected
        );
        let hour = Duration::from_secs(HOUR);
        assert_eq!(RetrySchedule::Kumomta.largest_gap(hour).as_secs(), 2400);
        assert_eq!(
            RetrySchedule::Rfc5321.largest_gap(Duration::from_secs(600)).as_secs(),
            600
        );
    }

    #[test]
    fn lifetimes_and_warnings_are_those_of_the_documentation() {
        let told = |schedule: RetrySchedule| {
            (
                schedule.lifetime().as_secs() / HOUR,
                schedule.warning().map(|at| at.as_secs()),
            )
        };
        assert_eq!(
            RetrySchedule::ALL.iter().copied().map(told).collect::<Vec<_>>(),
            [
                (120, None),
                (120, None),
                (96, Some(86_400)),
                (96, Some(14_400)),
                (120, Some(14_400)),
                (168, None),
                (72, None),
                (15, Some(6750)),
                (120, None),
            ]
        );
    }

    #[test]
    fn those_that_deviate_give_up_within_four_days_or_wait_for_more_than_two() {
        for schedule in RetrySchedule::ALL {
            let lifetime = schedule.lifetime();
            let conforms = lifetime >= Duration::from_secs(4 * DAY)
                && schedule.largest_gap(lifetime) <= Duration::from_secs(2 * DAY);
            assert_eq!(schedule.deviates(), !conforms, "{schedule:?}");
        }
    }
}
