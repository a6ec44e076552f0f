//! What becomes of the server's replies.

use postern_model::scenario::{Attack, OddReply, Phase};

use super::edit::{self, Reply};
use super::{Answer, Asked, BETWEEN_PIECES, Interception, Then, behind, place_of, speech};
use crate::world::Insistence;

impl Interception {
    /// A whole reply from the server.
    pub(super) async fn replied(&mut self, reply: Reply) -> Then {
        let asked = self.unanswered.pop_front().unwrap_or(Asked::Phase(None));
        let phase = match asked {
            Asked::Own => return Then::GoOn,
            Asked::Helo => Some(Phase::Ehlo),
            Asked::Phase(phase) => phase,
        };
        let close = phase.map(Attack::CloseInsteadOfReply);
        if let Some(attack) = close.filter(|attack| self.does(*attack)) {
            self.interferes(
                attack,
                &format!("closes the connection in place of the reply “{}”", text_of(&reply)),
            );
            return Then::Hang;
        }
        let withhold = phase.map(Attack::WithholdReply);
        if let Some(attack) = withhold.filter(|attack| self.does(*attack)) {
            self.interferes(
                attack,
                &format!("withholds the reply “{}” and all that would follow", text_of(&reply)),
            );
            return Then::Listen(Answer::Nothing);
        }
        let reply = self.altered(asked, reply);
        self.content |= phase == Some(Phase::Data) && reply.concat().starts_with(b"354");
        if phase != Some(Phase::Starttls) || !reply.concat().starts_with(b"220") {
            return self.say_then(&reply.concat(), Then::GoOn).await;
        }
        let injection = self.attack_of(|attack| matches!(attack, Attack::InjectReplies(_)));
        let Some(Attack::InjectReplies(cut)) = injection else {
            return self.say_then(&reply.concat(), Then::PassOn).await;
        };
        self.interferes(
            Attack::InjectReplies(cut),
            &behind("the go-ahead", speech::REPLIES, cut),
        );
        let octets = [&reply.concat(), speech::REPLIES].concat();
        let (first, second) = octets.split_at(place_of(cut, octets.len()));
        let first_is_said = self.say(first).await;
        if !second.is_empty() {
            self.door.sleep(BETWEEN_PIECES).await;
        }
        if first_is_said {
            self.say_then(second, Then::PassOn).await
        } else {
            Then::Hang
        }
    }

    /// The server's reply as the client shall see it.
    fn altered(&mut self, asked: Asked, reply: Reply) -> Reply {
        match asked {
            Asked::Phase(Some(Phase::Connect)) => {
                let Some(Attack::Greet(code)) = self.attack_of(|attack| matches!(attack, Attack::Greet(_))) else {
                    return reply;
                };
                self.interferes(
                    Attack::Greet(code),
                    &format!("greets with {code} in the server's place"),
                );
                vec![format!("{code} No mail service here\r\n").into_bytes()]
            }
            Asked::Phase(Some(Phase::Ehlo)) => self.altered_ehlo(reply),
            Asked::Phase(Some(Phase::Starttls)) if reply.concat().starts_with(b"220") => {
                let odd = Attack::AnswerStarttlsOddly(OddReply::MultiLine);
                if !self.does(odd) {
                    return reply;
                }
                self.interferes(odd, "writes the go-ahead in three lines");
                vec![speech::odd_reply(OddReply::MultiLine)]
            }
            _ => reply,
        }
    }

    fn altered_ehlo(&mut self, reply: Reply) -> Reply {
        self.server_offers_tls = edit::offers_starttls(&reply);
        if let Some(Attack::RefuseEhlo(code)) = self.attack_of(|attack| matches!(attack, Attack::RefuseEhlo(_))) {
            self.interferes(
                Attack::RefuseEhlo(code),
                &format!("answers EHLO with {code} in the server's place"),
            );
            return vec![format!("{code} 5.5.1 Command not implemented\r\n").into_bytes()];
        }
        if self.does(Attack::StripExtensions) {
            self.interferes(
                Attack::StripExtensions,
                "removes everything but STARTTLS from the reply to EHLO",
            );
            return edit::with_starttls_alone(reply);
        }
        if self.does(Attack::AddExtensions) && reply.concat().starts_with(b"250") {
            let (longer, added) = edit::with_extensions(reply);
            if !added.is_empty() {
                let added = added.join(", ");
                self.interferes(Attack::AddExtensions, &format!("adds {added} to the reply to EHLO"));
            }
            return longer;
        }
        if !self.server_offers_tls {
            reply
        } else if self.does(Attack::StripStarttls) {
            self.interferes(Attack::StripStarttls, "removes STARTTLS from the reply to EHLO");
            edit::without_starttls(reply)
        } else if self.does(Attack::OverwriteStarttls) {
            self.interferes(
                Attack::OverwriteStarttls,
                "overwrites STARTTLS with XXXXXXXX in the reply to EHLO",
            );
            edit::with_overwritten_starttls(reply)
        } else if self.does(Attack::StripWhereNothingIsRequired) {
            self.stripped_where_nothing_is_required(reply)
        } else {
            reply
        }
    }

    /// The adaptive adversary (C-DG-14): it finds out by one probe, and never troubles the client again that insists.
    fn stripped_where_nothing_is_required(&mut self, reply: Reply) -> Reply {
        let what = match self.world.learnt(&self.client_name, self.victim) {
            None => "removes STARTTLS from the reply to EHLO, to see what this client does without",
            Some(Insistence::GoesOnInClear) => {
                "removes STARTTLS from the reply to EHLO: this client went on in clear before"
            }
            Some(Insistence::Insists) => return reply,
        };
        self.probing = true;
        self.interferes(Attack::StripWhereNothingIsRequired, what);
        edit::without_starttls(reply)
    }
}

fn text_of(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.last().map(Vec::as_slice).unwrap_or_default())
        .trim_end()
        .to_owned()
}
