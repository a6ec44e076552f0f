//! The walk through simulated time that writes the messages and the timeline.

use std::time::Duration;

use postern_model::name::{DomainName, ReversePath, Token};
use postern_model::report::{Notify, Returns};
use postern_model::scenario::{
    Action, Attack, Drift, Forgery, Lie, Message, Phase, Position, Scenario, Step, Visit, When,
};

use super::draw::Draw;
use super::stories::Story;
use super::swarm::{Ending, Swarm};
use super::topology::Topology;
use super::truth::Truth;

/// The positions at which a drift may come.
const MIDWAY: &[Phase] = &[
    Phase::Connect,
    Phase::Ehlo,
    Phase::Starttls,
    Phase::Mail,
    Phase::Rcpt,
    Phase::Data,
    Phase::Quit,
];

/// A walk in progress: the world as drawn, how it stands now, and what has been written so far.
pub(super) struct Walk {
    pub(super) draw: Draw,
    pub(super) swarm: Swarm,
    pub(super) truth: Truth,
    pub(super) sender: DomainName,
    targets: Vec<DomainName>,
    scenario: Scenario,
    now: Duration,
    /// How many messages are kept back for the siege at the end.
    reserved: usize,
    told: Vec<Story>,
}

impl Walk {
    pub(super) fn new(draw: Draw, swarm: Swarm, topology: Topology) -> Self {
        Self {
            draw,
            swarm,
            truth: Truth::of(&topology.scenario),
            sender: topology.sender,
            targets: topology.targets,
            scenario: topology.scenario,
            now: Duration::from_secs(60),
            reserved: 0,
            told: Vec::new(),
        }
    }

    /// Tells stories until all messages are submitted, then brings the world to its end.
    pub(super) fn finish(mut self) -> Scenario {
        self.strip_paths();
        self.reserved = usize::from(self.swarm.ending == Ending::Siege);
        if let Some(opening) = self.swarm.opening
            && self.messages_left() >= 2
        {
            self.tell(opening);
        }
        if self.swarm.forgery && self.messages_left() > 0 {
            self.tell(Story::Forgery);
        }
        while self.messages_left() > 0 {
            self.wait(&[1, 5, 20, 60, 180, 400]);
            let story = self.draw.weighted(&self.swarm.stories);
            self.tell(story);
        }
        match self.swarm.ending {
            Ending::Calm => self.calm_down(),
            Ending::Siege => {
                self.reserved = 0;
                self.let_attacks_end();
                self.tell(Story::Siege);
            }
            Ending::AsItIs => {}
        }
        let mut told: Vec<&str> = Vec::new();
        for story in &self.told {
            if !told.contains(&story.name()) {
                told.push(story.name());
            }
        }
        self.scenario.title = told.join(", ");
        self.scenario
    }

    /// Whoever sits on a path to a target's host strips STARTTLS all the time.
    fn strip_paths(&mut self) {
        if self.swarm.stripped_paths_permille == 0 {
            return;
        }
        for target in self.targets.clone() {
            for victim in self.exchangers(&target) {
                if self.draw.permille(self.swarm.stripped_paths_permille) {
                    self.attack(&victim, Attack::StripStarttls, None);
                }
            }
        }
    }

    fn tell(&mut self, story: Story) {
        self.told.push(story);
        story.tell(self);
    }

    /// Puts everything back once the attacks are over.
    fn calm_down(&mut self) {
        self.let_attacks_end();
        for (host, drift) in self.truth.way_back(&self.scenario) {
            self.drift(&host, drift);
        }
    }

    fn let_attacks_end(&mut self) {
        self.now = self.now.max(self.truth.attacks_end());
        self.wait(&[5, 30, 120]);
    }

    /// How many messages may still be submitted.
    pub(super) fn messages_left(&self) -> usize {
        let submitted = self.scenario.message.len();
        self.swarm.messages.saturating_sub(submitted + self.reserved)
    }

    /// One of the recipient domains.
    pub(super) fn target(&mut self) -> DomainName {
        self.draw.pick(&self.targets).clone()
    }

    /// The recipient domains of which this holds.
    pub(super) fn targets_where(&self, holds: impl Fn(&Truth, &DomainName) -> bool) -> Vec<DomainName> {
        let matching = self.targets.iter().filter(|target| holds(&self.truth, target));
        matching.cloned().collect()
    }

    /// The hosts that the sender dials for a domain.
    pub(super) fn exchangers(&self, domain: &DomainName) -> Vec<DomainName> {
        self.truth.exchangers(&self.sender, domain)
    }

    /// The attacker's own host, if there is one.
    pub(super) fn impostor(&self) -> Option<DomainName> {
        let impostor = self.scenario.host.iter().find(|host| host.impostor);
        impostor.map(|host| host.name.clone())
    }

    /// All names of hosts but the attacker's.
    pub(super) fn hosts(&self) -> Vec<DomainName> {
        let honest = self.scenario.host.iter().filter(|host| !host.impostor);
        honest.map(|host| host.name.clone()).collect()
    }

    /// Lets one of these numbers of minutes pass.
    pub(super) fn wait(&mut self, minutes: &[u32]) {
        self.now += self.draw.minutes(minutes);
    }

    /// All recipient domains.
    pub(super) fn targets(&self) -> Vec<DomainName> {
        self.targets.clone()
    }

    /// Hands a message for somebody in the domain to the sender, if there may be one more.
    pub(super) fn submit(&mut self, domain: &DomainName) {
        if self.messages_left() == 0 {
            return;
        }
        let draw = &mut self.draw;
        let local_part = match draw.percent(self.swarm.bad_mailbox_percent) {
            true => *draw.pick(&["full", "full", "ghost", "ghost", "ghost", "moved", "wary"]),
            false => "bob",
        };
        let domain = if draw.percent(self.swarm.nowhere_percent) {
            "nowhere.example"
        } else {
            domain.as_str()
        };
        let to = format!("{local_part}@{domain}")
            .parse()
            .expect("both sides of the mailbox are valid");
        let from = match draw.percent(8) {
            true => ReversePath::Null,
            false => "alice@a.example".parse().expect("the sender's mailbox is valid"),
        };
        let has_envelope_id = draw.percent(25);
        let notify = when_to_notify(draw);
        let name = self.next_token();
        // Two of its characters cannot stand in a parameter as they are.
        let envelope_id = has_envelope_id.then(|| format!("{name} +1").parse().expect("it is printable and short"));
        // By turns, so that no draw is spent on what decides nothing.
        let returns = match self.scenario.message.len() % 2 {
            0 => Returns::Headers,
            _ => Returns::Full,
        };
        self.scenario.message.push(Message {
            name,
            at: self.now,
            host: self.sender.clone(),
            from,
            to,
            notify,
            envelope_id,
            returns: has_envelope_id.then_some(returns),
        });
    }

    /// Writes a drift step, if it changes anything.
    pub(super) fn drift(&mut self, host: &DomainName, drift: Drift) {
        if self.truth.drift(host, &drift) {
            self.push(When::At(self.now), host, Action::Drift(drift));
        }
    }

    /// Writes a drift step that comes now, or midway through the delivery of the last message submitted.
    pub(super) fn drift_midway(&mut self, host: &DomainName, drift: Drift) {
        let when = self.midway().unwrap_or(When::At(self.now));
        if self.truth.drift(host, &drift) {
            self.push(when, host, Action::Drift(drift));
        }
    }

    /// Writes an attack on a victim that is not attacked already: from now on, or from when the next message that is
    /// submitted first dials the victim.
    pub(super) fn attack(&mut self, victim: &DomainName, attack: Attack, lasting: Option<Duration>) {
        if !self.truth.attack(victim, self.now, lasting) {
            return;
        }
        let next_is_near = self.messages_left() > 0 && lasting.is_some();
        let when = if next_is_near && self.draw.percent(self.swarm.position_percent) {
            When::On(Position {
                message: self.next_token(),
                attempt: 1,
                host: victim.clone(),
                phase: Phase::Connect,
            })
        } else {
            When::At(self.now)
        };
        self.push(when, victim, Action::Attack { attack, lasting });
    }

    /// Writes a crash that comes now.
    pub(super) fn crash(&mut self, host: &DomainName, down_for: Duration) {
        self.push(When::At(self.now), host, Action::Drift(Drift::Crash { down_for }));
    }

    /// Writes a crash of a host that comes when the delivery of the next message to an exchanger stands at this phase.
    pub(super) fn crash_midway(&mut self, host: &DomainName, exchanger: &DomainName, phase: Phase, down_for: Duration) {
        let position = Position {
            message: self.next_token(),
            attempt: 1,
            host: exchanger.clone(),
            phase,
        };
        self.push(When::On(position), host, Action::Drift(Drift::Crash { down_for }));
    }

    /// Writes a lie to a host's resolver, from now on.
    pub(super) fn forge(&mut self, victim: &DomainName, domain: &DomainName, answer: Lie, lasting: Duration) {
        self.truth.lie(victim, self.now, lasting);
        let forgery = Forgery {
            domain: domain.clone(),
            answer,
        };
        let lasting = Some(lasting);
        self.push(When::At(self.now), victim, Action::Forge { forgery, lasting });
    }

    /// Writes an attack on a victim that is not attacked already, which begins in the middle of the first connection for the
    /// next message that is submitted: the attacker is on the path before.
    pub(super) fn attack_midway(&mut self, victim: &DomainName, attack: Attack, phase: Phase, lasting: Duration) {
        if self.messages_left() == 0 || !self.truth.attack(victim, self.now, Some(lasting)) {
            return;
        }
        let message = self.next_token();
        for (when, attack) in [
            (When::At(self.now), Attack::Watch),
            (
                When::On(Position {
                    message,
                    attempt: 1,
                    host: victim.clone(),
                    phase,
                }),
                attack,
            ),
        ] {
            let lasting = Some(lasting);
            self.push(when, victim, Action::Attack { attack, lasting });
        }
    }

    /// Writes the visit of a stranger, now.
    pub(super) fn visit(&mut self, host: &DomainName, visit: Visit) {
        self.push(When::At(self.now), host, Action::Visit(visit));
    }

    /// Sometimes a protocol position of the last message submitted.
    fn midway(&mut self) -> Option<When> {
        let message = self.scenario.message.last()?;
        let exchangers = self.exchangers(message.to.domain());
        if exchangers.is_empty() || !self.draw.percent(self.swarm.position_percent) {
            return None;
        }
        Some(When::On(Position {
            message: message.name.clone(),
            attempt: self.draw.weighted(&[(3, 1), (1, 2)]),
            host: self.draw.pick(&exchangers).clone(),
            phase: *self.draw.pick(MIDWAY),
        }))
    }

    fn push(&mut self, when: When, host: &DomainName, action: Action) {
        self.scenario.step.push(Step {
            when,
            host: host.clone(),
            action,
        });
    }

    fn next_token(&self) -> Token {
        let text = format!("m{}", self.scenario.message.len() + 1);
        text.parse().expect("a letter and a number are a token")
    }
}

/// Mostly nothing is said.
fn when_to_notify(draw: &mut Draw) -> Option<Notify> {
    let on = |success, failure, delay| {
        Some(Notify::On {
            success,
            failure,
            delay,
        })
    };
    draw.weighted(&[
        (88, None),
        (4, Some(Notify::Never)),
        (4, on(false, true, false)),
        (2, on(false, true, true)),
        (1, on(false, false, true)),
        (1, on(true, true, false)),
    ])
}
