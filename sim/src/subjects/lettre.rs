//! lettre 0.11.
//!
//! Its connection, its STARTTLS upgrade and its dialogue are its own. Its `Tls` modes are applied by an executor that
//! is sealed to real sockets, so this adapter applies their documented meaning: `None` never upgrades, `Opportunistic`
//! upgrades if STARTTLS is offered, `Required` always; an error in any of these steps is the error of the sending, as
//! the executor has it.
//!
//! It believes the certificates that its documentation has it believe: those that are valid for the name that is handed in. Only
//! where the policy demands TLS with anybody does it get `dangerous_accept_invalid_certs`, the documented way to say so.
//!
//! It takes no clock: it judges certificates by the wall clock, whatever the simulated time is.

use std::io;
use std::net::SocketAddr;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::response::Response;
use postern_model::mta::session::WithoutTls;
use postern_model::scenario::{Level, Phase};

use crate::subject::{ClientSubject, Connection, Demand, LocalFuture, Reply, Report, Session};

/// lettre in one of its modes.
pub(super) struct Lettre {
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// `Tls::Required`.
    Required,
    /// `Tls::Opportunistic`.
    Opportunistic,
    /// The one that the policy for the next hop asks for.
    ByPolicy,
}

impl Lettre {
    pub(super) const REQUIRED: Self = Self { mode: Mode::Required };
    pub(super) const OPPORTUNISTIC: Self = Self {
        mode: Mode::Opportunistic,
    };
    pub(super) const BY_POLICY: Self = Self { mode: Mode::ByPolicy };

    fn is_verifying(&self, demand: Demand) -> bool {
        match (demand, self.mode) {
            (Demand::Authenticated, _) | (Demand::Opportunistic, Mode::Opportunistic | Mode::Required) => true,
            (Demand::Opportunistic, Mode::ByPolicy) | (Demand::Encrypted, _) => false,
        }
    }

    fn tls_parameters(&self, session: &Session<'_>) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let authority = Certificate::from_der(session.trusted_authority().to_vec())?;
        let is_verifying = self.is_verifying(session.demand());
        TlsParameters::builder(session.certificate_name().to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authority)
            .dangerous_accept_invalid_certs(!is_verifying)
            .dangerous_accept_invalid_hostnames(!is_verifying)
            .build_rustls()
    }

    async fn converse(&self, connection: Connection, session: &Session<'_>) -> Result<Report, Failure> {
        let hello = ClientId::Domain(session.helo_name().to_owned());
        let envelope = envelope(session)?;
        session.begins(Phase::Ehlo);
        let connecting = AsyncSmtpConnection::connect_with_transport(Box::new(connection), &hello);
        let mut client = session.in_time(connecting).await.map_err(|_| Failure::TimedOut)??;
        let is_offered = client.can_starttls();
        let upgrades = match session.demand() {
            Demand::Opportunistic => is_offered && !session.leaves_tls(),
            Demand::Encrypted | Demand::Authenticated => true,
        };
        if !is_offered && !session.leaves_tls() {
            session.is_without_tls(WithoutTls::NotOffered);
        }
        if upgrades {
            if is_offered {
                session.begins(Phase::Starttls);
            }
            let upgrade = client.starttls(self.tls_parameters(session)?, &hello);
            let upgraded = session.in_time(upgrade).await;
            match upgraded {
                Ok(Ok(())) => session.is_secured(),
                Ok(Err(error)) => {
                    session.is_without_tls(match error.status() {
                        Some(_) => WithoutTls::Refused,
                        None => WithoutTls::HandshakeFailed,
                    });
                    return Err(error.into());
                }
                Err(_) => {
                    session.is_without_tls(WithoutTls::HandshakeFailed);
                    return Err(Failure::TimedOut);
                }
            }
        }
        session.begins(Phase::Mail);
        let content = session.content();
        let sending = client.send(&envelope, &content);
        let sent = session.in_time(sending).await;
        let (encrypted, extensions) = (client.is_encrypted(), extensions(&client));
        let report = match sent {
            Ok(Ok(response)) => Report {
                reply: Some(reply(&response)),
                ..Report::sent(response.first_line().unwrap_or_default())
            },
            Ok(Err(error)) => described(&error),
            Err(_) => Failure::TimedOut.into(),
        };
        if report.sent {
            session.begins(Phase::Quit);
            _ = session.in_time(client.quit()).await;
        }
        Ok(Report {
            encrypted,
            extensions: Some(extensions),
            ..report
        })
    }
}

impl ClientSubject for Lettre {
    fn name(&self) -> &'static str {
        match self.mode {
            Mode::Required => "lettre:required",
            Mode::Opportunistic => "lettre:opportunistic",
            Mode::ByPolicy => "lettre",
        }
    }

    fn version(&self) -> &'static str {
        "0.11.23"
    }

    fn level_for(&self, asked: Level) -> Level {
        match self.mode {
            Mode::Required => asked.max(Level::Encrypt),
            Mode::Opportunistic => Level::May,
            Mode::ByPolicy => asked,
        }
    }

    fn takes_tls_config(&self) -> bool {
        false
    }

    fn send<'a>(&'a self, connection: Connection, session: &'a Session<'a>) -> LocalFuture<'a, Report> {
        Box::pin(async move {
            let result = self.converse(connection, session).await;
            result.unwrap_or_else(Report::from)
        })
    }
}

enum Failure {
    Lettre(lettre::transport::smtp::Error),
    Address(String),
    TimedOut,
}

impl From<lettre::transport::smtp::Error> for Failure {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        Self::Lettre(error)
    }
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lettre(error) => described(&error),
            Failure::Address(why) => Self::failed(why),
            Failure::TimedOut => Self::failed("no answer in time"),
        }
    }
}

/// The error of a refusal has a status, and its source is the text of the reply.
fn described(error: &lettre::transport::smtp::Error) -> Report {
    let reply = error.status().map(|code| Reply {
        code: code.into(),
        text: std::error::Error::source(error).map_or_else(String::new, ToString::to_string),
    });
    Report {
        reply,
        ..Report::failed(without_the_time(&error.to_string()))
    }
}

/// What is wrong with the dates of a certificate is told with the time of the real clock, which no two runs have in common.
fn without_the_time(words: &str) -> &str {
    words.split(": verification time").next().unwrap_or_default()
}

fn reply(response: &Response) -> Reply {
    Reply {
        code: response.code().into(),
        text: response.message().collect::<Vec<_>>().join("\n"),
    }
}

/// The extensions that lettre keeps, its mechanisms of authentication as one.
fn extensions(client: &AsyncSmtpConnection) -> Vec<String> {
    let plain = [Extension::EightBitMime, Extension::SmtpUtfEight, Extension::StartTls];
    let mechanisms = [Mechanism::Plain, Mechanism::Login, Mechanism::Xoauth2];
    let info = client.server_info();
    let offered = plain.into_iter().filter(|extension| info.supports_feature(*extension));
    let authenticates = mechanisms
        .into_iter()
        .any(|mechanism| info.supports_auth_mechanism(mechanism));
    let authentication = authenticates.then(|| "AUTH".to_owned());
    offered
        .map(|extension| extension.to_string())
        .chain(authentication)
        .collect()
}

fn envelope(session: &Session<'_>) -> Result<Envelope, Failure> {
    let address = |text: String| {
        text.parse()
            .map_err(|error| Failure::Address(format!("{text}: {error}")))
    };
    let from = session.from().map(|from| address(from.to_string())).transpose()?;
    Envelope::new(from, vec![address(session.to().to_string())?]).map_err(|error| Failure::Address(error.to_string()))
}

impl AsyncTokioStream for Connection {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_address()
    }
}
