//! What DNS publishes, and what clients are told of it.

use postern_model::name::DomainName;
use postern_model::observation::{AddressAnswer, DomainId, DomainSet, HostId, HostSet, MxAnswer, Observation};
use postern_model::trace::{Answer, Question};

use super::Reader;

impl Reader {
    /// The hosts that are listed now and were not, or were and are not. With no MX record the domain's own host is
    /// listed (RFC 5321 §5.1, implicit MX).
    pub(super) fn listed(
        &mut self,
        domain: &DomainName,
        exchangers: &[(u16, DomainName)],
        null_mx: bool,
    ) -> Vec<Observation> {
        let Some(domain_id) = self.setup.domain(domain) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        for host in self.setup.hosts() {
            let name = self.setup.host_name(host);
            let listed = match exchangers {
                [] => name == domain && !null_mx,
                exchangers => exchangers.iter().any(|(_, exchanger)| exchanger == name),
            };
            let known = &mut self.listed[usize::from(host.0)];
            if known.has(domain_id) != listed {
                known.0 ^= DomainSet::default().with(domain_id).0;
                changes.push(Observation::Listed {
                    host,
                    domain: domain_id,
                    listed,
                });
            }
        }
        changes
    }

    pub(super) fn told(&self, host: HostId, domain: DomainId, exchangers: &[(u16, DomainName)]) -> Vec<Observation> {
        let known = exchangers
            .iter()
            .filter_map(|(preference, name)| Some((*preference, self.setup.host(name)?)));
        let told = known
            .enumerate()
            .map(|(place, (preference, exchanger))| Observation::Told {
                host,
                domain,
                exchanger,
                preference,
                is_first: place == 0,
            });
        told.collect()
    }

    pub(super) fn no_address(&self, host: HostId, name: &DomainName) -> Option<Observation> {
        Some(Observation::NoAddress {
            host,
            exchanger: self.setup.host(name)?,
        })
    }

    /// What a host was told. A domain takes no mail if its name does not exist, if it has neither an exchanger nor an
    /// address, or if it has a null MX.
    pub(super) fn answered(&mut self, host: &DomainName, question: &Question, answer: &Answer) -> Vec<Observation> {
        let (Question::Mx(name) | Question::Address(name)) = question;
        let (Some(host), Some(domain)) = (self.setup.host(host), self.setup.domain(name)) else {
            return Vec::new();
        };
        let (told, takes_no_mail) = match question {
            Question::Mx(_) => {
                let answer = self.mx_answer(answer);
                let takes_no_mail = matches!(answer, MxAnswer::NoName | MxAnswer::NullMx);
                (Observation::MxAnswered { host, domain, answer }, takes_no_mail)
            }
            Question::Address(_) => {
                let name = domain;
                let answer = match answer {
                    Answer::Addresses(all) => AddressAnswer::Found(u8::try_from(all.len()).unwrap_or(u8::MAX)),
                    Answer::Failed => AddressAnswer::Failed,
                    _ => AddressAnswer::Nothing,
                };
                let takes_no_mail = answer == AddressAnswer::Nothing;
                (Observation::AddressAnswered { host, name, answer }, takes_no_mail)
            }
        };
        let mut learnt = Vec::new();
        learnt.extend(takes_no_mail.then_some(Observation::NoSuchDomain { host, domain }));
        learnt.push(told);
        match (question, answer) {
            (Question::Mx(_), Answer::Exchangers(exchangers) | Answer::NullMx { beside: exchangers }) => {
                learnt.extend(self.told(host, domain, exchangers));
            }
            (Question::Address(name), Answer::Addresses(all)) => {
                if let Some(of) = self.setup.host(name) {
                    self.addresses.insert((host, of), all.clone());
                }
            }
            (Question::Mx(_), _) => {}
            (Question::Address(name), _) => learnt.extend(self.no_address(host, name)),
        }
        learnt
    }

    pub(super) fn mx_answer(&self, answer: &Answer) -> MxAnswer {
        match answer {
            Answer::NullMx { beside } if beside.is_empty() => MxAnswer::NullMx,
            Answer::Exchangers(exchangers) | Answer::NullMx { beside: exchangers } => {
                let known = exchangers.iter().filter_map(|(_, host)| self.setup.host(host));
                MxAnswer::Exchangers(known.fold(HostSet::default(), HostSet::with))
            }
            Answer::NoData | Answer::Addresses(_) => MxAnswer::NoData,
            Answer::NoName => MxAnswer::NoName,
            Answer::Failed => MxAnswer::Failed,
        }
    }
}
