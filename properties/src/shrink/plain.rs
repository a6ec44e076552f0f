//! Making the values of a scenario plain: defaults in place of what was drawn.

use std::time::Duration;

use postern_model::scenario::{Action, Attack, Domain, Host, Message, Scenario, Step, When};

/// Every scenario with one value made plainer.
pub(super) fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut candidates = Vec::new();
    for (index, step) in scenario.step.iter().enumerate() {
        candidates.extend(plainer_steps(step).map(|plainer| {
            let mut candidate = scenario.clone();
            candidate.step[index] = plainer;
            candidate
        }));
    }
    for index in 0..scenario.message.len() {
        candidates.push(edited(scenario, |candidate| {
            plain_message(&mut candidate.message[index]);
        }));
    }
    for (index, host) in scenario.host.iter().enumerate() {
        let plain = Host::new(host.name.clone());
        candidates.extend(
            HOST_EDITS
                .iter()
                .map(|edit| edited(scenario, |candidate| edit(&mut candidate.host[index], &plain))),
        );
    }
    for (index, domain) in scenario.domain.iter().enumerate() {
        let plain = Domain::new(domain.name.clone());
        candidates.push(edited(scenario, |candidate| {
            candidate.domain[index].time_to_live = plain.time_to_live;
        }));
        candidates.push(edited(scenario, |candidate| {
            candidate.domain[index].null_mx = plain.null_mx;
        }));
        candidates.push(edited(scenario, |candidate| {
            for record in &mut candidate.domain[index].mx {
                record.preference = 10;
            }
        }));
    }
    candidates.retain(|candidate| candidate != scenario);
    candidates
}

/// One setting of a host each, put to what a plain host has.
const HOST_EDITS: &[fn(&mut Host, &Host)] = &[
    |host, plain| host.mailboxes.clone_from(&plain.mailboxes),
    |host, plain| host.demands_tls = plain.demands_tls,
    |host, plain| host.never_accepts_mail = plain.never_accepts_mail,
    |host, plain| host.impostor = plain.impostor,
    |host, plain| host.demand_stage = plain.demand_stage,
    |host, plain| host.trouble = plain.trouble,
    |host, plain| {
        host.other_address = plain.other_address;
        host.other_address_first = plain.other_address_first;
    },
    |host, plain| host.other_address_first = plain.other_address_first,
    |host, plain| host.unlisted_answer = plain.unlisted_answer,
    |host, plain| host.certificate = plain.certificate,
    |host, plain| host.handshake = plain.handshake,
    |host, plain| host.handshake.versions = plain.handshake.versions,
    |host, plain| host.handshake.hello = plain.handshake.hello,
    |host, plain| host.handshake.client_certificate = plain.handshake.client_certificate,
    |host, plain| host.handshake.after_failure = plain.handshake.after_failure,
    |host, plain| host.tls = plain.tls,
    |host, plain| host.level = plain.level,
    |host, plain| host.retry = plain.retry,
    |host, plain| host.lifetime = plain.lifetime,
    |host, plain| host.warning = plain.warning,
    |host, plain| host.reuse = plain.reuse,
    |host, plain| host.tls_failure_memory = plain.tls_failure_memory,
    |host, plain| host.sessions_per_host = plain.sessions_per_host,
    |host, plain| host.alarms = plain.alarms,
    |host, plain| host.line_ends = plain.line_ends,
];

fn edited(scenario: &Scenario, edit: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut candidate = scenario.clone();
    edit(&mut candidate);
    candidate
}

/// From the start; for good; the plainest attack.
fn plainer_steps(step: &Step) -> impl Iterator<Item = Step> {
    let mut plainer = Vec::new();
    if step.when != When::At(Duration::ZERO) {
        plainer.push(Step {
            when: When::At(Duration::ZERO),
            ..step.clone()
        });
    }
    if let Action::Attack { attack, lasting } = &step.action {
        if lasting.is_some() {
            plainer.push(with_action(step, *attack, None));
        }
        if *attack != Attack::StripStarttls {
            plainer.push(with_action(step, Attack::StripStarttls, *lasting));
        }
    }
    if let Action::Forge {
        forgery,
        lasting: Some(_),
    } = &step.action
    {
        let action = Action::Forge {
            forgery: forgery.clone(),
            lasting: None,
        };
        plainer.push(Step { action, ..step.clone() });
    }
    plainer.into_iter()
}

fn with_action(step: &Step, attack: Attack, lasting: Option<Duration>) -> Step {
    Step {
        action: Action::Attack { attack, lasting },
        ..step.clone()
    }
}

fn plain_message(message: &mut Message) {
    message.at = Duration::ZERO;
}
