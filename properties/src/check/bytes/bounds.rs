//! Named bounds: which configurations are walked at byte level, and how much may happen in each.

use postern_model::formal::bytes::{Budget, Configuration, Places};
use postern_model::scenario::{Level, Trouble};

use super::super::bounds::Bounds;
use crate::table::counted;

/// A configuration with a name for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What it is about, in a few words.
    pub name: String,
    /// The configuration.
    pub configuration: Configuration,
}

/// How much may happen, and where the editor inserts.
#[derive(Debug, Clone, Copy)]
struct Size {
    edits: u8,
    cuts: u8,
    places: Places,
}

const fn size(edits: u8, cuts: u8, places: Places) -> Size {
    Size { edits, cuts, places }
}

impl Bounds {
    /// The configurations at byte level, in a fixed order.
    pub fn at_byte_level(self) -> Vec<Named> {
        let (sound, others) = self.sizes_at_byte_level();
        let mut all = Vec::new();
        for (levels, size) in sound {
            let levels = levels.iter().copied();
            all.extend(levels.map(|level| named("a sound server", level, size, |_| {})));
        }
        for size in others {
            all.push(named("no wish for TLS", Level::None, size, |_| {}));
            all.push(named("a certificate that does", Level::Secure, size, |_| {}));
            all.push(named(
                "a certificate that does not do",
                Level::Secure,
                size,
                |configuration| {
                    configuration.certificate_is_bad = true;
                },
            ));
            for level in [Level::May, Level::Encrypt] {
                all.push(named("TLS that is off", level, size, |configuration| {
                    configuration.tls = false;
                }));
            }
            all.push(named("TLS that cannot be had now", Level::May, size, |configuration| {
                configuration.trouble = Trouble::NoCertificate;
            }));
            all.push(named(
                "STARTTLS offered again inside TLS",
                Level::May,
                size,
                |configuration| {
                    configuration.trouble = Trouble::OffersTlsInsideTls;
                },
            ));
            all.push(named(
                "a server that wants TLS first",
                Level::May,
                size,
                |configuration| {
                    configuration.demands_tls = true;
                },
            ));
        }
        all
    }

    /// Of the configurations with a sound server, by level, and of all others.
    fn sizes_at_byte_level(self) -> (Vec<(&'static [Level], Size)>, Vec<Size>) {
        const BOTH: &[Level] = &[Level::May, Level::Encrypt];
        const ENCRYPT: &[Level] = &[Level::Encrypt];
        match self {
            Self::Small => (
                vec![
                    (ENCRYPT, size(2, 0, Places::Lines)),
                    (BOTH, size(1, 0, Places::LinesAndMidst)),
                    (BOTH, size(0, 1, Places::Lines)),
                ],
                vec![size(1, 0, Places::Lines)],
            ),
            Self::Ci => (
                vec![
                    (BOTH, size(2, 1, Places::Lines)),
                    (BOTH, size(2, 0, Places::LinesAndMidst)),
                    (BOTH, size(1, 1, Places::EveryOctet)),
                    (BOTH, size(0, 2, Places::Lines)),
                ],
                vec![size(2, 0, Places::LinesAndMidst), size(1, 1, Places::Lines)],
            ),
            Self::Nightly => (
                vec![
                    (BOTH, size(3, 0, Places::LinesAndMidst)),
                    (BOTH, size(2, 0, Places::EveryOctet)),
                    (BOTH, size(2, 1, Places::LinesAndMidst)),
                    (BOTH, size(1, 2, Places::EveryOctet)),
                    (BOTH, size(0, 3, Places::Lines)),
                ],
                vec![size(2, 1, Places::Lines)],
            ),
        }
    }
}

fn named(about: &str, level: Level, size: Size, change: impl Fn(&mut Configuration)) -> Named {
    let Size { edits, cuts, places } = size;
    let mut configuration = Configuration {
        budget: Budget { edits, cuts },
        places,
        ..Configuration::calm(level)
    };
    change(&mut configuration);
    let places = match places {
        Places::Lines => "",
        Places::LinesAndMidst => ", also within lines",
        Places::EveryOctet => ", at every octet",
    };
    Named {
        name: format!(
            "octets, {level}, {about}: {}{places}, {}",
            counted(edits, "edit"),
            counted(cuts, "cut")
        ),
        configuration,
    }
}
