//! How a client of one's own is put to the test: it sends mail inside TLS or not at all. docs/subjects.md explains it.
#![expect(clippy::print_stdout, reason = "what was found is printed")]

mod client;

use client::{Client, Failed};
use mailpostern::subjects::{Cell, Outcome, Subject, Trial, row};
use postern_sim::subject::{self, ClientSubject, Connection, Level, LocalFuture, Phase, Report, Session, WithoutTls};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

struct Mine;

impl ClientSubject for Mine {
    fn name(&self) -> &'static str {
        "mine:required"
    }
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
    fn level_for(&self, asked: Level) -> Level {
        asked.max(Level::Encrypt)
    }
    fn send<'a>(&'a self, connection: Connection, session: &'a Session<'a>) -> LocalFuture<'a, Report> {
        Box::pin(async move { sent(connection, session).await.unwrap_or_else(|report| report) })
    }
}

async fn sent(connection: Connection, session: &Session<'_>) -> Result<Report, Report> {
    session.begins(Phase::Ehlo);
    let mut client = in_time(session, Client::greeted(connection)).await?;
    let extensions = in_time(session, client.hello(session.helo_name())).await?;
    if !extensions.contains("STARTTLS") {
        session.is_without_tls(WithoutTls::NotOffered);
        return Err(Report::failed("STARTTLS is not offered"));
    }
    session.begins(Phase::Starttls);
    let go_ahead = in_time(session, client.starttls()).await;
    let stream = go_ahead.inspect_err(|_| session.is_without_tls(WithoutTls::Refused))?;
    let name = ServerName::try_from(session.certificate_name().to_owned()).expect("hosts have proper names");
    let handshake = TlsConnector::from(session.tls_config()).connect(name, stream);
    let Ok(Ok(stream)) = session.in_time(handshake).await else {
        session.is_without_tls(WithoutTls::HandshakeFailed);
        return Err(Report::failed("the handshake failed"));
    };
    session.is_secured();
    let mut client = Client::on(stream);
    in_time(session, client.hello(session.helo_name())).await?;
    session.begins(Phase::Mail);
    let from = session.from().map(ToString::to_string).unwrap_or_default();
    let (to, content) = (session.to().to_string(), session.content());
    let answer = in_time(session, client.send(&from, &to, &content)).await?;
    Ok(Report::sent(answer.trim()).encrypted(true))
}

async fn in_time<T>(session: &Session<'_>, call: impl Future<Output = Result<T, Failed>>) -> Result<T, Report> {
    let late = |_| Report::failed("no reply in time");
    let answer = session.in_time(call).await.map_err(late)?;
    answer.map_err(|failed| match failed {
        Failed::Refused(code, text) => Report::refused(code, text.trim()),
        Failed::Broken(error) => Report::failed(error.to_string()),
    })
}

fn tried() -> Vec<Cell> {
    row(&Trial::of(Subject::Client(subject::Subject(&Mine)), 100), |_| {}).cells
}

fn main() {
    for cell in tried().iter().filter(|cell| cell.outcome != Outcome::NotApplicable) {
        println!("{} {:?} {:?}", cell.property, cell.outcome, cell.findings);
    }
}

#[test]
fn my_client_breaks_no_rule_in_a_hundred_worlds() {
    for cell in tried() {
        assert_ne!(cell.outcome, Outcome::Violated, "{:?}", cell.findings);
    }
}
