//! Values on the command line that several commands take.

use std::time::Duration;

use clap::ValueEnum;
use mailpostern::campaign::{CryptoChoice, Shard};
use mailpostern::generate::Profile;
use postern_model::scenario::Reading;
use postern_sim::{Client, Crypto};

const JOBS_MAX: u64 = 256;

/// The tiers of cryptography of a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum CampaignCrypto {
    /// X25519 and Ed25519 everywhere
    Real,
    /// A hash in place of the curve; what fails is confirmed with real cryptography
    Fast,
    /// Fast, and real for a fixed share of the worlds
    #[default]
    Mixed,
}

impl From<CampaignCrypto> for CryptoChoice {
    fn from(crypto: CampaignCrypto) -> Self {
        match crypto {
            CampaignCrypto::Real => Self::Real,
            CampaignCrypto::Fast => Self::Fast,
            CampaignCrypto::Mixed => Self::Mixed,
        }
    }
}

/// The tiers of cryptography of one world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum WorldCrypto {
    /// X25519 and Ed25519
    #[default]
    Real,
    /// A hash in place of the curve
    Fast,
}

impl From<WorldCrypto> for Crypto {
    fn from(crypto: WorldCrypto) -> Self {
        match crypto {
            WorldCrypto::Real => Self::Real,
            WorldCrypto::Fast => Self::Fast,
        }
    }
}

/// The distributions that worlds are drawn from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ProfileName {
    /// Every seed draws what there is in its world, and how likely
    #[default]
    Swarm,
    /// STARTTLS and certificates as measured in 2014
    #[value(name = "2014")]
    Year2014,
    /// STARTTLS and certificates as measured in 2024
    #[value(name = "2024")]
    Year2024,
    /// As 2024, on paths that strip STARTTLS as in the worst countries measured
    HostilePath,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Swarm => Self::Swarm,
            ProfileName::Year2014 => Self::Year2014,
            ProfileName::Year2024 => Self::Year2024,
            ProfileName::HostilePath => Self::HostilePath,
        }
    }
}

/// Whose word counts where the thread of 2001 and RFC 3207 differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReadingName {
    /// The thread's
    Thread,
    /// RFC 3207's
    Rfc3207,
}

impl From<ReadingName> for Reading {
    fn from(name: ReadingName) -> Self {
        match name {
            ReadingName::Thread => Self::Thread,
            ReadingName::Rfc3207 => Self::Rfc3207,
        }
    }
}

/// The SMTP client of this name.
pub(super) fn client(name: &str) -> Result<Client, String> {
    Client::named(name).ok_or_else(|| unknown("client", Client::all().map(Client::name)))
}

fn unknown(kind: &str, known: impl Iterator<Item = &'static str>) -> String {
    let known: Vec<_> = known.collect();
    format!("no {kind} is called so: write one of {}", known.join(", "))
}

/// One of several equal parts of a campaign, as `K/N` from 1.
pub(super) fn shard(text: &str) -> Result<Shard, &'static str> {
    let parts = text.split_once('/');
    let parts = parts.and_then(|(number, of)| Some((whole(number)?, whole(of)?)));
    parts
        .filter(|(number, of)| (1..=*of).contains(number))
        .map(|(number, of)| Shard { number, of })
        .ok_or("write K/N with K from 1 to N, such as 2/8")
}

/// A seed: 64 bits, in decimal or in hexadecimal behind `0x`.
pub(super) fn seed(text: &str) -> Result<u64, &'static str> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let seed = match hexadecimal {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => whole(text),
    };
    seed.ok_or("a seed is a whole number of 64 bits, such as 7 or 0x5eed")
}

/// A span of wall-clock time that is not nothing.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("it must be more than nothing, such as 60s".to_owned()),
        Ok(span) => Ok(span),
        Err(error) => Err(format!("{error}: write a time such as 60s or 2h")),
    }
}

/// How many worlds, at least one.
pub(super) fn worlds(text: &str) -> Result<u64, &'static str> {
    whole(text)
        .filter(|&worlds| worlds > 0)
        .ok_or("write how many worlds to run, at least 1")
}

/// How many times, at least once.
pub(super) fn times(text: &str) -> Result<u64, &'static str> {
    whole(text)
        .filter(|&times| times > 0)
        .ok_or("write how many times to run it, at least 1")
}

/// How many threads, at least one.
pub(super) fn jobs(text: &str) -> Result<usize, String> {
    let jobs = whole(text).filter(|jobs| (1..=JOBS_MAX).contains(jobs));
    jobs.and_then(|jobs| usize::try_from(jobs).ok())
        .ok_or_else(|| format!("write how many threads to use, from 1 to {JOBS_MAX}"))
}

/// A whole number in plain decimal digits.
fn whole(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|octet| octet.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_decimal_or_hexadecimal() {
        assert_eq!(seed("7"), Ok(7));
        assert_eq!(seed("0x5eed"), Ok(0x5eed));
        assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
        for wrong in ["", "-1", "+1", "0x", "0x+1", "1.5", "seven", "18446744073709551616"] {
            assert!(seed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_client_is_refused_with_those_that_are_known() {
        for known in Client::all() {
            assert_eq!(client(known.name()), Ok(known));
            assert!(client("sendmail").unwrap_err().contains(known.name()));
        }
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!(shard("2/8"), Ok(Shard { number: 2, of: 8 }));
        for wrong in ["0/8", "9/8", "1/0", "1", "a/b", "1/2/3", "-1/2"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_and_spans_are_not_nothing() {
        assert_eq!(span("60s"), Ok(Duration::from_secs(60)));
        assert!(span("0s").is_err() && span("-1s").is_err() && span("soon").is_err());
        assert!(worlds("0").is_err() && worlds("-1").is_err());
        assert!(jobs("0").is_err() && jobs("257").is_err());
    }
}
