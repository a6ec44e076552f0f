//! What two worlds have in common: the same steps at the same times, and what of them may change the fate of mail.

use std::time::Duration;

use postern_model::scenario::{Action, Attack, Drift, Level, Phase, Scenario, Step, Switch, When};
use postern_model::trace::{Event, Permanent, Record, Setting, Trace};

/// How much the times of a step in the two runs may differ.
const TOLERANCE: Duration = Duration::from_secs(5);

/// How long before a message is queued a change of DNS may still be unseen, for what is cached.
const CACHED_FOR: Duration = Duration::from_secs(3600);

/// The scenario with each step at the time when it fired in the run, whatever position it waited for; without those that
/// never fired. The second run takes another course, and would reach other positions at other times.
pub(super) fn pinned(scenario: &Scenario, trace: &Trace) -> Scenario {
    let mut fired: Vec<_> = changes(trace).collect();
    let mut scenario = scenario.clone();
    scenario.step.retain_mut(|step| {
        if matches!(step.when, When::At(_)) {
            return true;
        }
        let place = fired.iter().position(|record| is_fired_by(&record.event, step));
        let record = place.map(|place| fired.remove(place));
        if let Some(record) = record {
            step.when = When::At(record.at);
        }
        record.is_some()
    });
    scenario
}

/// The scenario with every policy lowered to none that this holds of.
pub(super) fn without_tls_at(scenario: &mut Scenario, is_lowered: impl Fn(Level) -> bool) {
    let lower = |level: &mut Level| {
        if is_lowered(*level) {
            *level = Level::None;
        }
    };
    for host in &mut scenario.host {
        lower(&mut host.level);
        host.policy.values_mut().for_each(lower);
    }
    for step in &mut scenario.step {
        if let Action::Drift(Drift::Policy { level, .. }) = &mut step.action {
            lower(level);
        }
    }
}

/// What changed in a world after its start, and what attackers began and ended.
pub(super) fn changes(trace: &Trace) -> impl Iterator<Item = &Record> {
    let after_start = trace
        .records
        .iter()
        .skip_while(|record| record.at.is_zero() && matches!(record.event, Event::Set(_)));
    after_start.filter(|record| matches!(record.event, Event::Set(_) | Event::Adversary { .. }))
}

/// Whether two worlds changed alike, but for what is set aside.
pub(super) fn changed_alike(one: &Trace, other: &Trace, is_set_aside: impl Fn(&Event) -> bool) -> bool {
    let of = |trace| changes(trace).filter(|record| !is_set_aside(&record.event));
    let mut pairs = of(one).zip(of(other));
    of(one).count() == of(other).count()
        && pairs.all(|(one, other)| one.event == other.event && one.at.abs_diff(other.at) <= TOLERANCE)
}

/// Whether nothing changed between two moments but what is about TLS, and what is set aside. A change shortly before
/// may still be hidden by what is cached.
pub(super) fn is_steady(trace: &Trace, from: Duration, to: Duration, is_set_aside: impl Fn(&Event) -> bool) -> bool {
    let mut changes = changes(trace).filter(|record| !is_set_aside(&record.event));
    !changes.any(|record| {
        let since = match record.event {
            Event::Adversary { .. } => from,
            _ => from.saturating_sub(CACHED_FOR),
        };
        (since..=to).contains(&record.at) && !is_about_tls(&record.event)
    })
}

/// Whether a change touches nothing but the TLS of sessions.
fn is_about_tls(event: &Event) -> bool {
    match event {
        Event::Set(Setting::Tls { .. } | Setting::Certificate { .. }) => true,
        Event::Adversary { attack, .. } => hinders_only_tls(*attack),
        _ => false,
    }
}

/// Whether an attack touches nothing but the TLS of sessions.
fn hinders_only_tls(attack: Attack) -> bool {
    matches!(
        attack,
        Attack::StripStarttls
            | Attack::OverwriteStarttls
            | Attack::AnswerStarttls(_)
            | Attack::GarbageAfterGoAhead
            | Attack::SwallowHandshake
            | Attack::CloseAt(Phase::Starttls)
            | Attack::CloseInsteadOfReply(Phase::Starttls)
            | Attack::InterceptTls(_)
    )
}

/// Whether every attack of a run hinders TLS alone, or every session, before it comes to TLS. One that can act in clear only,
/// at MAIL for instance, may drive a client on to a better host that never tries TLS.
pub(super) fn spares_nobody_in_clear(trace: &Trace) -> bool {
    let mut events = trace.records.iter().map(|record| &record.event);
    events.all(|event| match event {
        Event::Adversary { attack, .. } => {
            let hinders_all = matches!(
                attack,
                Attack::CloseAt(Phase::Ehlo)
                    | Attack::CloseInsteadOfReply(Phase::Connect | Phase::Ehlo)
                    | Attack::Refuse
                    | Attack::BlackHole
            );
            hinders_all || hinders_only_tls(*attack)
        }
        _ => true,
    })
}

/// Whether an event says what a client's policy is.
pub(super) fn is_policy(event: &Event) -> bool {
    matches!(
        event,
        Event::Set(
            Setting::Policy { .. }
                | Setting::Permanent {
                    fact: Permanent::Level(_),
                    ..
                }
        )
    )
}

/// Whether an event is what a step does when it fires.
fn is_fired_by(event: &Event, step: &Step) -> bool {
    let drift = match (event, &step.action) {
        (
            Event::Adversary {
                victim,
                attack,
                active: true,
            },
            Action::Attack { attack: of_step, .. },
        ) => return *victim == step.host && attack == of_step,
        (Event::Set(setting), Action::Drift(drift)) => (setting, drift),
        _ => return false,
    };
    match drift {
        (Setting::Tls { host, on }, Drift::Tls(switch)) => *host == step.host && *on == (*switch == Switch::On),
        (Setting::Certificate { host, certificate }, Drift::Certificate(of_step)) => {
            *host == step.host && certificate == of_step
        }
        (Setting::Mx { domain, .. }, Drift::AddMx { domain: of_step, .. } | Drift::DropMx(of_step)) => {
            domain == of_step
        }
        (
            Setting::Exchanger {
                host,
                domain,
                configured,
            },
            Drift::Configure(of_step) | Drift::Unconfigure(of_step),
        ) => {
            let configures = matches!(drift.1, Drift::Configure(_));
            *host == step.host && domain == of_step && *configured == configures
        }
        (
            Setting::Policy { host, next_hop, level },
            Drift::Policy {
                next_hop: of_step,
                level: level_of_step,
            },
        ) => *host == step.host && next_hop == of_step && level == level_of_step,
        (Setting::Lookups { host, domain, work }, Drift::FailLookups(of_step) | Drift::RestoreLookups(of_step)) => {
            let restores = matches!(drift.1, Drift::RestoreLookups(_));
            *host == step.host && domain == of_step && *work == restores
        }
        (Setting::Clock { host, clock }, Drift::Clock(of_step)) => *host == step.host && clock == of_step,
        _ => false,
    }
}
