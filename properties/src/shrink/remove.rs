//! Taking parts of a scenario away, with everything that refers to them.

use postern_model::name::{DomainName, ReversePath, Token};
use postern_model::scenario::{Action, Host, Lie, Scenario, Step, When};

/// Removes a message and the steps that fire at its positions.
pub(super) fn message(scenario: &mut Scenario, name: &Token) {
    scenario.message.retain(|message| message.name != *name);
    scenario.step.retain(|step| match &step.when {
        When::On(position) => position.message != *name,
        When::At(_) => true,
    });
}

/// Every scenario with one host, one domain, or one thing that they hold taken away, the largest parts first.
pub(super) fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut candidates = Vec::new();
    let mut with = |edit: &dyn Fn(&mut Scenario)| {
        let mut candidate = scenario.clone();
        edit(&mut candidate);
        candidates.push(candidate);
    };
    for entry in &scenario.domain {
        with(&|candidate| domain(candidate, &entry.name));
    }
    for entry in &scenario.host {
        with(&|candidate| host(candidate, &entry.name));
    }
    for (index, entry) in scenario.domain.iter().enumerate() {
        for record in 0..entry.mx.len() {
            with(&|candidate| {
                candidate.domain[index].mx.remove(record);
            });
        }
    }
    for (index, entry) in scenario.host.iter().enumerate() {
        let mut with_host = |edit: &dyn Fn(&mut Host)| with(&|candidate| edit(&mut candidate.host[index]));
        for next_hop in entry.route.keys() {
            with_host(&|host| {
                host.route.remove(next_hop);
            });
        }
        for next_hop in entry.policy.keys() {
            with_host(&|host| {
                host.policy.remove(next_hop);
            });
        }
        for name in &entry.relay_for_identity {
            with_host(&|host| host.relay_for_identity.retain(|other| other != name));
        }
        for client in &entry.relay_for {
            with_host(&|host| host.relay_for.retain(|other| other != client));
        }
        for client in &entry.requires_tls_of {
            with_host(&|host| host.requires_tls_of.retain(|other| other != client));
        }
        for domain in &entry.exchanger_for {
            with_host(&|host| host.exchanger_for.retain(|other| other != domain));
        }
        for local_part in entry.mailboxes.keys() {
            with_host(&|host| {
                host.mailboxes.remove(local_part);
            });
        }
    }
    candidates
}

/// Removes a host: from DNS, from routes and relay permissions, with the mail handed to it and the steps about it.
fn host(scenario: &mut Scenario, name: &DomainName) {
    scenario.host.retain(|host| host.name != *name);
    for domain in &mut scenario.domain {
        domain.mx.retain(|record| record.host != *name);
    }
    for host in &mut scenario.host {
        host.route.retain(|_, next_hop| next_hop != name);
        host.relay_for.retain(|client| client != name);
        host.requires_tls_of.retain(|client| client != name);
        host.policy.remove(name);
    }
    let handed_to_it = scenario.message.iter().filter(|message| message.host == *name);
    let orphans: Vec<_> = handed_to_it.map(|message| message.name.clone()).collect();
    for orphan in &orphans {
        message(scenario, orphan);
    }
    scenario.step.retain(|step| {
        let elsewhere = match &step.when {
            When::On(position) => position.host != *name,
            When::At(_) => true,
        };
        let is_forged =
            matches!(&step.action, Action::Forge { forgery, .. } if forgery.answer == Lie::Mx(name.clone()));
        elsewhere && step.host != *name && !is_forged
    });
}

/// Removes a domain: from DNS and from every configuration, with the mail to it and the steps about it. Mail from it
/// comes from the null reverse path then.
fn domain(scenario: &mut Scenario, name: &DomainName) {
    scenario.domain.retain(|domain| domain.name != *name);
    for host in &mut scenario.host {
        host.exchanger_for.retain(|domain| domain != name);
        host.route.remove(name);
        host.policy.remove(name);
    }
    let to_it = scenario.message.iter().filter(|message| message.to.domain() == name);
    let orphans: Vec<_> = to_it.map(|message| message.name.clone()).collect();
    for orphan in &orphans {
        message(scenario, orphan);
    }
    for message in &mut scenario.message {
        if matches!(&message.from, ReversePath::Mailbox(mailbox) if mailbox.domain() == name) {
            message.from = ReversePath::Null;
        }
    }
    scenario.step.retain(|step| !is_about(step, name));
}

fn is_about(step: &Step, name: &DomainName) -> bool {
    match &step.action {
        Action::Drift(drift) => drift.domain() == Some(name),
        Action::Forge { forgery, .. } => forgery.domain == *name,
        Action::Attack { .. } | Action::Visit(_) => false,
    }
}
