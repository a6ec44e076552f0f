//! All monitors together.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::Observation;

use super::{
    AdvertisedAnswerable, ClientTlsHarmless, Closure, DsnHygiene, EventualDelivery, ExchangerOrder, ForgetsAtHandshake,
    FramingAgreement, Isolation, LifetimeConformance, ListedViewLag, NeverDowngrade, NextExchanger,
    NoBounceWithoutPolicy, NoEarlyBounce, NoLoss, NoStarttlsInTls, NoStickyDowngrade, NothingClearAfterGoAhead,
    OnlyWhereDnsSays, PublicNeverRequires, RecheckOnReuse, RecipientChart, RelayAuthorisation, RestartStability,
    TlsFirst, TruthfulStatus, UnalteredRelay, UnhappyHandshake, VanishedTlsAlarm,
};
use crate::rules::Property;
use crate::setup::Setup;

macro_rules! panel {
    ($($property:ident $field:ident: $monitor:ident,)*) => {
        /// One monitor of every property that one run can show.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct Panel {
            $($field: $monitor,)*
        }

        /// The monitor of one property, whichever it is.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum AnyMonitor {
            $(#[doc = stringify!($property)] $monitor($monitor),)*
        }

        impl AnyMonitor {
            /// The monitor of a property at the start of a run; `None` if no monitor of one run judges it.
            pub fn of(property: Property, setup: &Setup) -> Option<Self> {
                match property {
                    $(Property::$property => Some(Self::$monitor($monitor::new(setup.clone()))),)*
                    _ => None,
                }
            }
        }

        impl Monitor for AnyMonitor {
            fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
                match self { $(Self::$monitor(monitor) => monitor.observe(after, observation),)* }
            }

            fn finish(&mut self) -> Result<(), Violation> {
                match self { $(Self::$monitor(monitor) => monitor.finish(),)* }
            }

            fn exercised(&self) -> bool {
                match self { $(Self::$monitor(monitor) => monitor.exercised(),)* }
            }
        }

        impl Panel {
            /// The properties that it judges, in order.
            pub const PROPERTIES: &[Property] = &[$(Property::$property,)*];

            /// The panel at the start of a run.
            pub fn new(setup: &Setup) -> Self {
                Self { $($field: $monitor::new(setup.clone()),)* }
            }

            /// Feeds every monitor. The violations that the observation completes, if any; a monitor that has found one
            /// is of no more use.
            pub fn observe(&mut self, after: Duration, observation: &Observation) -> Vec<(Property, Violation)> {
                let results = [$((Property::$property, self.$field.observe(after, observation)),)*];
                violations(results)
            }

            /// Tells every monitor that the run is over.
            pub fn finish(&mut self) -> Vec<(Property, Violation)> {
                let results = [$((Property::$property, self.$field.finish()),)*];
                violations(results)
            }

            /// Whether a property was put to the test.
            pub fn exercised(&self, property: Property) -> bool {
                match property {
                    $(Property::$property => self.$field.exercised(),)*
                    // What only two runs can show, or a table.
                    _ => false,
                }
            }
        }
    };
}

panel! {
    P01 never_downgrade: NeverDowngrade,
    P02 no_early_bounce: NoEarlyBounce,
    P03 no_bounce_without_policy: NoBounceWithoutPolicy,
    P06 recipient_chart: RecipientChart,
    P07 public_never_requires: PublicNeverRequires,
    P08 listed_view_lag: ListedViewLag,
    P10 vanished_tls_alarm: VanishedTlsAlarm,
    P11 eventual_delivery: EventualDelivery,
    P12 closure: Closure,
    P13 no_loss: NoLoss,
    P14 next_exchanger: NextExchanger,
    P15 exchanger_order: ExchangerOrder,
    P27 dsn_hygiene: DsnHygiene,
    P29 nothing_clear_after_go_ahead: NothingClearAfterGoAhead,
    P30 no_starttls_in_tls: NoStarttlsInTls,
    P31 advertised_answerable: AdvertisedAnswerable,
    P32 relay_authorisation: RelayAuthorisation,
    P33 framing_agreement: FramingAgreement,
    P36 truthful_status: TruthfulStatus,
    P38 recheck_on_reuse: RecheckOnReuse,
    P39 no_sticky_downgrade: NoStickyDowngrade,
    P40 lifetime_conformance: LifetimeConformance,
    P41 only_where_dns_says: OnlyWhereDnsSays,
    P42 isolation: Isolation,
    P44 restart_stability: RestartStability,
    P45 tls_first: TlsFirst,
    P46 forgets_at_handshake: ForgetsAtHandshake,
    P47 unhappy_handshake: UnhappyHandshake,
    P48 client_tls_harmless: ClientTlsHarmless,
    P49 unaltered_relay: UnalteredRelay,
}

fn violations(results: impl IntoIterator<Item = (Property, Result<(), Violation>)>) -> Vec<(Property, Violation)> {
    let broken = results
        .into_iter()
        .filter_map(|(property, result)| Some((property, result.err()?)));
    broken.collect()
}
