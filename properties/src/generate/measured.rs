//! Profiles that are calibrated to published measurements of the mail of the Internet (RULES C.9).
//!
//! Every number is an assumption calibrated to its source, not a claim about any network. What no source gives is as plain
//! as may be, so that it tells nothing: every policy is equally likely, nobody else interferes, every server knows its
//! domains, and no mailbox is full.

use postern_model::scenario::{Certificate, Level};

use super::draw::Draw;
use super::stories::Story;
use super::swarm::{Ending, RETRIES, Shape, Swarm};

/// What was measured, each in so many of a thousand.
pub(super) struct Measured {
    /// Hosts that offer STARTTLS.
    offers_starttls: u32,
    /// Certificates that PKIX finds valid, of the hosts that offer STARTTLS. A valid one is taken to be valid for the next
    /// hop's name too: without that, `secure` would fail almost everywhere, whatever was measured.
    valid_certificates: u32,
    /// The least and the most of the paths to a host on which STARTTLS is stripped, drawn anew for each world.
    stripped_paths: (u32, u32),
}

/// 2014: 76 % of MX host names with STARTTLS, about half of the certificates valid (Facebook, 2014). Nobody strips.
pub(super) const YEAR_2014: Measured = Measured {
    offers_starttls: 760,
    valid_certificates: 500,
    stripped_paths: (0, 0),
};

/// 2024: of the top thousand domains 99.3 % with STARTTLS, 94.1 % with a certificate of a public authority (alexsci,
/// November 2024). Nobody strips.
pub(super) const YEAR_2024: Measured = Measured {
    offers_starttls: 993,
    valid_certificates: 941,
    stripped_paths: (0, 0),
};

/// The servers of 2024 behind paths that strip: over 20 % of the mail in seven countries, 96 % in the worst of them
/// (Durumeric et al., IMC 2015).
pub(super) const HOSTILE_PATH: Measured = Measured {
    stripped_paths: (200, 960),
    ..YEAR_2024
};

impl Measured {
    /// The weights of one world.
    pub(super) fn draw(&self, draw: &mut Draw) -> Swarm {
        let (least, most) = self.stripped_paths;
        Swarm {
            troubles: Vec::new(),
            trouble_percent: 0,
            hello: None,
            client_certificate: None,
            odd_versions_percent: 0,
            tarpit_percent: 0,
            shapes: vec![(8, Shape::Exchangers), (1, Shape::Implicit), (2, Shape::Hosted)],
            stories: vec![(9, Story::Plain), (1, Story::Drift)],
            attacks: Vec::new(),
            levels: EVERY_LEVEL.to_vec(),
            default_levels: EVERY_LEVEL.to_vec(),
            certificates: self.certificates(),
            retries: RETRIES.to_vec(),
            messages: draw.weighted(&[(1, 4), (1, 5), (1, 6)]),
            offers_tls_permille: self.offers_starttls,
            configured_percent: (100, 100),
            nowhere_percent: 0,
            stripped_paths_permille: draw.between(least, most),
            demands_tls_percent: 0,
            other_address_percent: 0,
            bad_mailbox_percent: 0,
            position_percent: 0,
            hopeless: true,
            forgery: false,
            odd_domains: false,
            opening: None,
            ending: Ending::AsItIs,
        }
    }

    /// The rest of the certificates are bad in the ways that there are; in what shares is not measured.
    fn certificates(&self) -> Vec<(u32, Certificate)> {
        let bad = 1000 - self.valid_certificates;
        let self_signed = bad * 2 / 5;
        let expired = bad / 5;
        let wrong_name = bad / 5;
        let unknown_authority = bad - self_signed - expired - wrong_name;
        vec![
            (self.valid_certificates, Certificate::Valid),
            (self_signed, Certificate::SelfSigned),
            (expired, Certificate::Expired),
            (wrong_name, Certificate::WrongName),
            (unknown_authority, Certificate::UnknownAuthority),
        ]
    }
}

/// Every policy alike, so that their prices can be compared.
const EVERY_LEVEL: &[(u32, Level)] = &[
    (1, Level::None),
    (1, Level::May),
    (1, Level::Encrypt),
    (1, Level::Secure),
];
