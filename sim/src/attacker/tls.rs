//! TLS that ends at the attacker, with a certificate of its own (C-CERT).

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, Certificate};
use postern_model::trace::End;

use super::speech::{GO_AHEAD, STARTTLS};
use super::{Interception, Then};
use crate::crypto::{self, ServerTerms, Verify};
use crate::session::Peer;

impl Interception {
    /// Speaks TLS with both sides and reads everything in between.
    pub(super) async fn terminate_tls(&mut self, kind: Certificate) -> Then {
        let server_name = self.world.host(self.victim).name.clone();
        let upstream = self.begin_tls_with_server(&server_name).await;
        if upstream.is_none() {
            self.interferes(
                Attack::InterceptTls(kind),
                "closes the connection: the server gives it no TLS",
            );
            return Then::Hang;
        }
        if !self.say(GO_AHEAD).await {
            return Then::Hang;
        }
        let issued = self.world.certificate_of_kind(self.victim, kind);
        self.interferes(
            Attack::InterceptTls(kind),
            &format!("terminates TLS with a certificate that is {}", described(kind)),
        );
        let Peer::Clear(stream) = std::mem::replace(&mut self.client, Peer::Nobody) else {
            return Then::Hang;
        };
        let random = self
            .door
            .random(&format!("tls attacker as server {}", self.tap.connection().0));
        match crypto::present(stream, &issued, ServerTerms::default(), random).await {
            Ok((stream, presented)) => {
                self.tap.secured(presented);
                self.client = Peer::Tls(Box::new(stream.into()));
                Then::GoOn
            }
            Err((failure, _)) => {
                self.tap.not_secured(End::Acceptor, failure.why);
                Then::Hang
            }
        }
    }

    async fn begin_tls_with_server(&mut self, name: &DomainName) -> Option<()> {
        if !self.server.send(STARTTLS).await {
            return None;
        }
        let mut octets = [0; 512];
        let count = self.server.read(&mut octets).await;
        let Peer::Clear(stream) = std::mem::replace(&mut self.server, Peer::Nobody) else {
            return None;
        };
        if !octets[..count].starts_with(b"220") {
            return None;
        }
        let random = self
            .door
            .random(&format!("tls attacker as client {}", self.relaying.connection().0));
        let stream = crypto::connect(
            stream,
            crypto::client_config(self.world.crypto, Verify::Anyone),
            name,
            random,
        )
        .await;
        self.server = Peer::Tls(Box::new(stream.ok()?.into()));
        Some(())
    }
}

fn described(kind: Certificate) -> &'static str {
    match kind {
        Certificate::Valid
        | Certificate::HostNameOnly
        | Certificate::Intermediate
        | Certificate::Wildcard
        | Certificate::ByIndication
        | Certificate::OtherNamesRefused => "valid for the server's name",
        Certificate::Revoked => "the server's own, stolen and revoked",
        Certificate::Expired => "the server's own, expired",
        Certificate::NotYetValid => "the server's own, not valid yet",
        Certificate::WrongName => "valid for the attacker's own name",
        Certificate::SelfSigned => "signed by itself",
        Certificate::UnknownAuthority => "from an authority that nobody trusts",
        Certificate::MissingIntermediate => "from an intermediate authority that it does not show",
        Certificate::CommonNameOnly => "for the server's name as its common name alone",
        Certificate::PartialWildcard => "for a part of the server's first label",
        Certificate::WideWildcard => "for two labels by one wildcard",
        Certificate::NameConstraint => "from an authority that may not issue for the server's name",
        Certificate::PathLength => "from an authority that may not be one",
    }
}
