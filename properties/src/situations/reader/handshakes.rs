//! Handshakes, and the certificates shown in them.

use postern_model::scenario::{Attack, Certificate};
use postern_model::trace::{ConnectionId, HelloAnswer, HelloForm, Presented};

use super::Reader;
use crate::situations::Situation;

impl Reader<'_> {
    pub(super) fn hello(&mut self, form: HelloForm, answer: HelloAnswer) {
        if let HelloAnswer::Alert(_) = answer {
            self.reached.insert(match form {
                HelloForm::Standard => Situation::NoCommonVersion,
                HelloForm::Old => Situation::OldHelloAnswered,
                HelloForm::Sslv2 => Situation::Sslv2HelloAnswered,
                HelloForm::Garbage => Situation::GarbageAnswered,
            });
        }
    }

    pub(super) fn secured(&mut self, connection: ConnectionId, presented: &Presented) {
        let connection = self.connections.get(&connection);
        let server = connection.filter(|connection| !connection.by_attacker);
        let kind = server.and_then(|server| self.certificates.get(&server.to));
        let has_wildcard = presented.names.iter().any(|name| name.starts_with("*."));
        if kind == Some(&Certificate::Wildcard) && has_wildcard {
            self.reached.insert(Situation::WildcardShown);
        }
        if kind == Some(&Certificate::Revoked) {
            self.reached.insert(Situation::RevokedBelieved);
        }
    }

    pub(super) fn client_presented(&mut self, connection: ConnectionId, presented: &Presented) {
        if presented.trusted && presented.current {
            self.identified.insert(connection);
            self.reached.insert(Situation::ClientCertificateBelieved);
        } else {
            self.reached.insert(Situation::ClientCertificateDistrusted);
        }
    }

    /// The client gave up the handshake: because of a certificate, if a bad one was there and nothing else came between.
    pub(super) fn not_secured(&mut self, connection: ConnectionId) {
        let Some(connection) = self.connections.get(&connection) else {
            return;
        };
        let between = (connection.from.clone(), connection.to.clone());
        self.broke_tls.insert(between);
        let presented = match connection.interference {
            None => self.certificates.get(&connection.to).copied(),
            Some(Attack::InterceptTls(certificate)) => Some(certificate),
            Some(_) => None,
        };
        self.reached.extend(presented.into_iter().flat_map(refusal));
    }
}

/// The situations that a client makes which gives up the handshake in sight of this certificate.
fn refusal(presented: Certificate) -> impl Iterator<Item = Situation> {
    let special = match presented {
        Certificate::NotYetValid => Some(Situation::CertificateNotYetValid),
        Certificate::MissingIntermediate => Some(Situation::IntermediateMissing),
        Certificate::CommonNameOnly => Some(Situation::CommonNameRefused),
        Certificate::PartialWildcard | Certificate::WideWildcard => Some(Situation::WildcardRefused),
        Certificate::NameConstraint | Certificate::PathLength => Some(Situation::AuthorityExceeded),
        Certificate::OtherNamesRefused => Some(Situation::IndicationRefused),
        _ => None,
    };
    let is_bad = presented != Certificate::Valid && presented != Certificate::OtherNamesRefused;
    is_bad
        .then_some(Situation::CertificateRefused)
        .into_iter()
        .chain(special)
}
