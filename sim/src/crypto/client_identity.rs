//! Who a client is, by the certificate that it shows.

use std::sync::Arc;

use postern_model::name::DomainName;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::proof_of_key::wants_proof_of_key;
use super::{SimulatedTime, provider};
use crate::{Crypto, certificate};

/// What a client's certificate proves.
pub(crate) enum Client {
    /// It is not believed.
    NotBelieved,
    /// It is believed; the first of the names in question that it proves.
    Believed(Option<DomainName>),
}

/// What this chain proves of a client, of these names.
pub(crate) fn client<'a>(
    crypto: Crypto,
    chain: &[CertificateDer<'_>],
    mut names: impl Iterator<Item = &'a DomainName>,
) -> Client {
    let Some((certificate, intermediates)) = chain.split_first() else {
        return Client::NotBelieved;
    };
    let now = SimulatedTime.current_time().expect("the run has a calendar");
    let verified = believed_only(crypto).verify_client_cert(certificate, intermediates, now);
    let parsed = ParsedCertificate::try_from(certificate);
    match (verified, parsed) {
        (Ok(_), Ok(parsed)) => {
            let is_proved = |name: &&DomainName| {
                let name = ServerName::try_from(name.as_str());
                name.is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
            };
            Client::Believed(names.find(is_proved).cloned())
        }
        _ => Client::NotBelieved,
    }
}

/// Wants a certificate to be believed, if there is one.
pub(super) fn believed_only(crypto: Crypto) -> Arc<dyn ClientCertVerifier> {
    WebPkiClientVerifier::builder_with_provider(certificate::trusted_roots(crypto), provider(crypto))
        .allow_unauthenticated()
        .build()
        .expect("there is a trusted authority")
}

/// Takes any certificate or none, but wants proof that the client holds its key: what it is worth is asked afterwards, so
/// that a bad one costs the client nothing (SEED-05).
#[derive(Debug)]
pub(super) struct AnyClient(WebPkiSupportedAlgorithms);

impl AnyClient {
    pub(super) fn new(crypto: Crypto) -> Self {
        Self(provider(crypto).signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    wants_proof_of_key!();
}
