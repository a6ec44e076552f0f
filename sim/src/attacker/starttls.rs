//! What becomes of the client's STARTTLS.

use postern_model::name::DomainName;
use postern_model::scenario::{Attack, OddReply, Phase};

use super::speech::{self, GO_AHEAD, STARTTLS};
use super::{Answer, Asked, BETWEEN_PIECES, Interception, Then, behind, place_of};

impl Interception {
    /// What becomes of the client's STARTTLS.
    pub(super) async fn attacked_starttls(&mut self) -> Then {
        let attacks = self.world.attacks_on(self.victim);
        for attack in attacks {
            match attack {
                Attack::AnswerStarttls(code) => {
                    self.interferes(attack, &format!("answers STARTTLS with {code} and does not pass it on"));
                    let text = if code < 500 {
                        "4.7.0 TLS not available due to temporary reason"
                    } else {
                        "5.7.0 TLS refused"
                    };
                    return self.say_then(format!("{code} {text}\r\n").as_bytes(), Then::GoOn).await;
                }
                Attack::AnswerStarttlsOddly(kind) if kind != OddReply::MultiLine => {
                    self.interferes(attack, &format!("answers STARTTLS with {kind} and does not pass it on"));
                    return self.say_then(&speech::odd_reply(kind), Then::GoOn).await;
                }
                Attack::GarbageAfterGoAhead => {
                    self.interferes(attack, "answers STARTTLS with 220 and the handshake with garbage");
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Garbage)).await;
                }
                Attack::AlertAfterGoAhead(alert) => {
                    self.interferes(
                        attack,
                        &format!("answers STARTTLS with 220 and the handshake with the alert {alert}"),
                    );
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Alert(alert))).await;
                }
                Attack::CloseAfterGoAhead => {
                    self.interferes(attack, "answers STARTTLS with 220 and closes the connection");
                    return self.say_then(GO_AHEAD, Then::Hang).await;
                }
                Attack::ResetAfterGoAhead => {
                    self.interferes(attack, "answers STARTTLS with 220 and the handshake with a reset");
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Reset)).await;
                }
                Attack::SwallowHandshake => {
                    self.interferes(attack, "answers STARTTLS with 220 and swallows the handshake");
                    return self.say_then(GO_AHEAD, Then::Listen(Answer::Nothing)).await;
                }
                Attack::InterceptTls(certificate) if self.server_offers_tls => {
                    return self.terminate_tls(certificate).await;
                }
                Attack::GarbleStarttls => {
                    self.interferes(attack, "overwrites the client's STARTTLS with XXXXXXXX");
                    self.unanswered.push_back(Asked::Phase(Some(Phase::Starttls)));
                    return self.say_to_server_then(speech::GARBLED_STARTTLS, Then::GoOn).await;
                }
                Attack::InjectCommands(cut) => {
                    self.interferes(attack, &behind("STARTTLS", speech::COMMANDS, cut));
                    return self.starttls_with_commands(cut).await;
                }
                Attack::InjectTransaction => {
                    self.interferes(attack, "sends MAIL and RCPT of its own before STARTTLS");
                    for command in speech::transaction(&self.domain_of_victim()) {
                        self.unanswered.push_back(Asked::Own);
                        self.say_to_server(&command).await;
                    }
                }
                _ => {}
            }
        }
        self.unanswered.push_back(Asked::Phase(Some(Phase::Starttls)));
        self.say_to_server_then(STARTTLS, Then::GoOn).await
    }

    /// A domain that the victim takes mail for, if there is one.
    fn domain_of_victim(&self) -> DomainName {
        let host = self.world.host(self.victim);
        host.exchanger_for.first().unwrap_or(&host.name).clone()
    }

    /// STARTTLS and commands behind it, in one segment or cut in two.
    async fn starttls_with_commands(&mut self, cut: u16) -> Then {
        self.unanswered.push_back(Asked::Phase(Some(Phase::Starttls)));
        let octets = [STARTTLS, speech::COMMANDS].concat();
        let (first, second) = octets.split_at(place_of(cut, octets.len()));
        self.say_to_server(first).await;
        if !second.is_empty() {
            self.door.sleep(BETWEEN_PIECES).await;
        }
        self.say_to_server_then(second, Then::GoOn).await
    }
}
