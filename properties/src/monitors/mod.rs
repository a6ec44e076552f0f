//! The monitors, one file a property, and what they share.

mod advertised_answerable;
mod attempts;
mod chart;
mod client_tls_harmless;
mod closure;
mod dialogue;
mod dsn_hygiene;
mod equal_exchangers;
mod eventual_delivery;
mod exchanger_order;
mod forgets_at_handshake;
mod framing_agreement;
mod isolation;
mod lifetime_conformance;
mod listed_view_lag;
mod never_downgrade;
mod next_exchanger;
mod no_bounce_without_policy;
mod no_early_bounce;
mod no_loss;
mod no_starttls_in_tls;
mod no_sticky_downgrade;
mod nothing_clear_after_go_ahead;
mod only_where_dns_says;
mod panel;
mod promptness;
mod public_never_requires;
mod recheck_on_reuse;
mod recipient_chart;
mod relay_authorisation;
mod repetition;
mod requests;
mod restart_stability;
mod server_patience;
mod sessions;
mod standing;
#[cfg(test)]
mod story;
mod tls_first;
mod truthful_status;
mod unaltered_relay;
mod unhappy_handshake;
mod vanished_tls_alarm;
mod view;
mod walks;

pub use advertised_answerable::AdvertisedAnswerable;
pub use chart::{AnswerKind, AnswerKinds, RecipientCase};
pub use client_tls_harmless::ClientTlsHarmless;
pub use closure::Closure;
pub use dsn_hygiene::DsnHygiene;
pub use eventual_delivery::EventualDelivery;
pub use exchanger_order::ExchangerOrder;
pub use forgets_at_handshake::ForgetsAtHandshake;
pub use framing_agreement::FramingAgreement;
pub use isolation::Isolation;
pub use lifetime_conformance::LifetimeConformance;
pub use listed_view_lag::ListedViewLag;
pub use never_downgrade::NeverDowngrade;
pub use next_exchanger::NextExchanger;
pub use no_bounce_without_policy::NoBounceWithoutPolicy;
pub use no_early_bounce::NoEarlyBounce;
pub use no_loss::NoLoss;
pub use no_starttls_in_tls::NoStarttlsInTls;
pub use no_sticky_downgrade::NoStickyDowngrade;
pub use nothing_clear_after_go_ahead::NothingClearAfterGoAhead;
pub use only_where_dns_says::OnlyWhereDnsSays;
pub use panel::{AnyMonitor, Panel};
pub use public_never_requires::PublicNeverRequires;
pub use recheck_on_reuse::RecheckOnReuse;
pub use recipient_chart::RecipientChart;
pub use relay_authorisation::RelayAuthorisation;
pub use restart_stability::RestartStability;
pub use tls_first::TlsFirst;
pub use truthful_status::TruthfulStatus;
pub use unaltered_relay::UnalteredRelay;
pub use unhappy_handshake::UnhappyHandshake;
pub use vanished_tls_alarm::VanishedTlsAlarm;

use std::time::Duration;

use postern_model::monitor::Violation;
use postern_model::observation::MessageId;

/// How long after the wire showed something an MTA may take to say so in its log, or the other way round.
const LOG_DELAY: Duration = Duration::from_secs(60);

fn violation(rule: &'static str, why: String) -> Violation {
    Violation { rule, why }
}

/// How a message stands in a sentence of a monitor, which knows no names of messages.
fn named(message: MessageId) -> String {
    format!("{{message {}}}", message.0)
}

/// Puts the names of messages into a sentence of a monitor.
pub(crate) fn with_names(why: &str, name: impl Fn(MessageId) -> Option<String>) -> String {
    let mut sentence = String::new();
    let mut rest = why;
    while let Some((before, after)) = rest.split_once("{message ") {
        sentence.push_str(before);
        let Some((number, behind)) = after.split_once('}') else {
            return sentence + "{message " + after;
        };
        let token = number.parse().ok().and_then(|number| name(MessageId(number)));
        sentence.push_str(&token.unwrap_or_else(|| format!("message {number}")));
        rest = behind;
    }
    sentence + rest
}
