//! The answers of DNS, and the lies in them.

use postern_model::name::DomainName;
use postern_model::scenario::Lie;
use postern_model::trace::{Answer, Question};

use super::Reader;
use crate::situations::Situation;

impl Reader<'_> {
    pub(super) fn answered(&mut self, host: &DomainName, question: &Question, answer: &Answer) {
        let Question::Mx(domain) = question else { return };
        let is_server_of_it = self.scenario.host(host).is_some_and(|host| host.demands_tls);
        let is_client_of_it = self
            .queued
            .iter()
            .any(|((sender, _), (_, next_hop))| sender == host && next_hop == domain);
        let lie = self.lies.get(&(host.clone(), domain.clone()));
        if is_client_of_it && lie.is_some_and(|lie| tells(lie, answer)) {
            self.reached.insert(Situation::Deceived);
        }
        match answer {
            Answer::Failed if is_client_of_it => self.reached.insert(Situation::LookupFailedAtClient),
            Answer::Failed if is_server_of_it => self.reached.insert(Situation::LookupFailedAtServer),
            Answer::Exchangers(exchangers)
                if is_client_of_it && exchangers.iter().any(|(_, exchanger)| exchanger == host) =>
            {
                self.reached.insert(Situation::FoundItselfListed)
            }
            Answer::NullMx { beside } if is_client_of_it && beside.is_empty() => self.reached.insert(Situation::NullMx),
            Answer::NullMx { .. } if is_client_of_it => self.reached.insert(Situation::MixedNullMx),
            Answer::NoName if is_client_of_it => self.reached.insert(Situation::NoSuchDomain),
            _ => false,
        };
    }

    pub(super) fn deceived(&mut self, host: &DomainName, domain: &DomainName, lie: &Lie, active: bool) {
        let key = (host.clone(), domain.clone());
        match active {
            true => _ = self.lies.insert(key, lie.clone()),
            false => _ = self.lies.remove(&key),
        }
    }
}

/// Whether this answer is what the lie says.
fn tells(lie: &Lie, answer: &Answer) -> bool {
    match (lie, answer) {
        (Lie::Mx(host), Answer::Exchangers(exchangers)) => exchangers.iter().any(|(_, exchanger)| exchanger == host),
        (Lie::Silence | Lie::Failure, Answer::Failed)
        | (Lie::NoData, Answer::NoData)
        | (Lie::NullMx, Answer::NullMx { .. })
        | (Lie::NoName, Answer::NoName) => true,
        _ => false,
    }
}
