//! The timeline: its steps fire at their times and positions, and what they begin comes to its end.

use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::scenario::{Action, Attack, Drift, Forgery, Position, Step, When};
use postern_model::trace::{Event, Setting};

use super::{World, address_of_host};
use crate::net::Door;

impl World {
    /// Until when what stands at a position is held there. Every hold is good for one time.
    pub(crate) fn held_until(&self, position: &Position) -> Option<Duration> {
        let mut waiting = self.waiting.borrow_mut();
        let (place, until) = waiting.iter().enumerate().find_map(|(place, &index)| {
            let step = &self.scenario.step[index];
            let until = hold(step)?;
            matches!(&step.when, When::On(awaited) if awaited == position).then_some((place, until))
        })?;
        waiting.remove(place);
        Some(until)
    }

    /// Fires the steps that wait for a position.
    pub(super) fn fire_at(&self, position: &Position) {
        let is_awaited = |step: &Step| matches!(&step.when, When::On(awaited) if awaited == position);
        let fires = |step: &Step| is_awaited(step) && hold(step).is_none();
        let firing: Vec<usize> = self
            .waiting
            .borrow()
            .iter()
            .copied()
            .filter(|&index| fires(&self.scenario.step[index]))
            .collect();
        firing.into_iter().for_each(|index| self.fire(index));
    }

    /// Fires the steps of the timeline at their times, and ends attacks at theirs.
    pub(crate) async fn keep_time(self: Rc<Self>, door: Door) {
        loop {
            self.fire_what_is_due();
            let ends = self.ends.borrow().iter().map(|&(end, _)| end).min();
            let next = self.timed_steps().map(|(at, _)| at).chain(ends).min();
            let changed = self.ends_changed.notified();
            match next {
                Some(next) => _ = door.timeout(next.saturating_sub(self.network.now()), changed).await,
                None => changed.await,
            }
        }
    }

    fn timed_steps(&self) -> impl Iterator<Item = (Duration, usize)> {
        let waiting = self.waiting.borrow().clone();
        waiting
            .into_iter()
            .filter_map(|index| match self.scenario.step[index].when {
                When::At(at) => Some((at, index)),
                When::On(_) => None,
            })
    }

    fn fire_what_is_due(&self) {
        let now = self.network.now();
        let is_due = |&(at, _): &(Duration, usize)| at <= now;
        let mut ended: Vec<(Duration, usize)> = self.ends.borrow_mut().extract_if(.., |end| is_due(end)).collect();
        ended.sort_unstable();
        for (_, index) in ended {
            match &self.scenario.step[index].action {
                Action::Attack { attack, .. } => self.set_attack(index, *attack, false),
                Action::Forge { forgery, .. } => self.set_forgery(index, forgery, false),
                Action::Drift(_) => self.restart(&self.scenario.step[index].host),
                Action::Visit(_) => {}
            }
        }
        let mut due: Vec<(Duration, usize)> = self.timed_steps().filter(is_due).collect();
        due.sort_unstable();
        due.into_iter().for_each(|(_, index)| self.fire(index));
    }

    fn fire(&self, index: usize) {
        self.waiting.borrow_mut().retain(|&waiting| waiting != index);
        let step = &self.scenario.step[index];
        match &step.action {
            Action::Drift(Drift::Crash { down_for }) => {
                if self.crash(&step.host) {
                    self.ends.borrow_mut().push((self.network.now() + *down_for, index));
                    self.ends_changed.notify_one();
                }
            }
            Action::Drift(drift) => self.drift(&step.host, drift),
            Action::Visit(visit) => {
                let Some(victim) = self.host_index(&step.host) else {
                    return;
                };
                if matches!(step.when, When::On(_)) {
                    self.work_began();
                }
                self.visits.borrow_mut().push_back((victim, *visit));
                self.visits_changed.notify_one();
            }
            Action::Attack { attack, lasting } => {
                self.set_attack(index, *attack, true);
                self.ends_after(index, *lasting);
            }
            Action::Forge { forgery, lasting } => {
                self.set_forgery(index, forgery, true);
                self.ends_after(index, *lasting);
            }
        }
    }

    /// A host goes down; whether it was up.
    fn crash(&self, host: &DomainName) -> bool {
        let crashed = self.host_index(host).is_some_and(|index| self.power(index).crash());
        if crashed {
            self.record_running(host, false);
        }
        crashed
    }

    fn restart(&self, host: &DomainName) {
        if let Some(index) = self.host_index(host) {
            self.record_running(host, true);
            self.power(index).restore();
        }
    }

    fn record_running(&self, host: &DomainName, up: bool) {
        let host = host.clone();
        self.recorder.record(Event::Set(Setting::Running { host, up }));
    }

    fn ends_after(&self, index: usize, lasting: Option<Duration>) {
        if let Some(lasting) = lasting {
            self.ends.borrow_mut().push((self.network.now() + lasting, index));
            self.ends_changed.notify_one();
        }
    }

    /// Begins or ends a lie to a host's resolver.
    fn set_forgery(&self, index: usize, forgery: &Forgery, begins: bool) {
        let victim = &self.scenario.step[index].host;
        let Some(place) = self.host_index(victim) else { return };
        let mut forgeries = self.forgeries.borrow_mut();
        match begins {
            true => forgeries.push(index),
            false => forgeries.retain(|under_way| *under_way != index),
        }
        let same = forgeries.iter().rev().find_map(|other| {
            let step = &self.scenario.step[*other];
            match &step.action {
                Action::Forge { forgery: other, .. } if step.host == *victim && other.domain == forgery.domain => {
                    Some(other.answer.clone())
                }
                _ => None,
            }
        });
        self.zones
            .borrow_mut()
            .set_lie(address_of_host(place).into(), forgery.domain.clone(), same);
        self.recorder.record(Event::Deceived {
            host: victim.clone(),
            domain: forgery.domain.clone(),
            lie: forgery.answer.clone(),
            active: begins,
        });
    }

    /// Begins or ends an attack. The same attack may be under way twice; it is over when both have ended.
    fn set_attack(&self, index: usize, attack: Attack, begins: bool) {
        let step = &self.scenario.step[index];
        let Some(victim) = self.host_index(&step.host) else {
            return;
        };
        let was_active = self.attacks_on(victim).contains(&attack);
        let mut attacks = self.attacks.borrow_mut();
        if begins {
            attacks.push((victim, attack));
        } else if let Some(place) = attacks.iter().position(|&under_way| under_way == (victim, attack)) {
            attacks.remove(place);
        }
        drop(attacks);
        let active = self.attacks_on(victim).contains(&attack);
        if active != was_active {
            self.recorder.record(Event::Adversary {
                victim: step.host.clone(),
                attack,
                active,
            });
        }
    }
}

fn hold(step: &Step) -> Option<Duration> {
    match step.action {
        Action::Drift(Drift::Hold { until }) => Some(until),
        _ => None,
    }
}
