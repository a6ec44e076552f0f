//! The timers of a session, by name, with their durations in one table.

use std::time::Duration;

/// A timer that a session arms. A machine knows the name only; the driver owns the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Client: the connection to stand. RFC 5321 names no figure; 2 minutes are common.
    Connect,
    /// Client: the 220 greeting.
    Greeting,
    /// Client: the reply to EHLO, HELO, STARTTLS, RSET or QUIT, which RFC 5321 gives no figure of their own.
    Command,
    /// Both: the TLS handshake, for which RFC 3207 gives no figure.
    Handshake,
    /// Client: the reply to MAIL.
    Mail,
    /// Client: the reply to RCPT.
    Rcpt,
    /// Client: the reply to DATA.
    DataInitiation,
    /// Client: the reply to the final dot.
    DataTermination,
    /// Server: the next command.
    Idle,
}

impl Timer {
    /// How long it runs (RFC 5321 §4.5.3.2).
    pub fn duration(self) -> Duration {
        let minutes = match self {
            Self::Connect | Self::DataInitiation => 2,
            Self::Greeting | Self::Command | Self::Handshake | Self::Mail | Self::Rcpt | Self::Idle => 5,
            Self::DataTermination => 10,
        };
        Duration::from_secs(minutes * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_timer_is_shorter_than_the_standard_says() {
        let minutes = [
            (Timer::Greeting, 5),
            (Timer::Mail, 5),
            (Timer::Rcpt, 5),
            (Timer::DataInitiation, 2),
            (Timer::DataTermination, 10),
            (Timer::Idle, 5),
        ];
        for (timer, minutes) in minutes {
            assert_eq!(
                timer.duration(),
                Duration::from_secs(60 * minutes),
                "{timer:?}, RFC 5321 §4.5.3.2"
            );
        }
    }

    #[test]
    fn what_the_standard_gives_no_figure_waits_some_minutes() {
        for timer in [Timer::Connect, Timer::Command, Timer::Handshake] {
            let seconds = timer.duration().as_secs();
            assert!((120..=300).contains(&seconds), "{timer:?}");
        }
    }
}
