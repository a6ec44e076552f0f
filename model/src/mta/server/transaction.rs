//! The transaction from MAIL to the message that is stored.

use super::{ClientCertificate, Envelope, Server, Stage};
use crate::mta::session::{Note, Output, Transaction};
use crate::mutant::Mutant;
use crate::name::ReversePath;
use crate::smtp::{ContentError, ContentReader, LineEnd, MessageRequest, Reply};

impl Server {
    pub(super) fn mail(&mut self, from: ReversePath, size: Option<u64>, request: MessageRequest, has_parameters: bool) {
        let Some(client) = &self.client else {
            return self.out_of_sequence("Send EHLO or HELO first");
        };
        if self.envelope.is_some() {
            return self.out_of_sequence("MAIL was given already");
        }
        let (mutant, failed_at_tls) = (self.settings.mutant, self.settings.failed_at_tls);
        if mutant == Some(Mutant::BansAfterFailedHandshake) && failed_at_tls {
            return self.reply(Reply::enhanced(
                550,
                7,
                1,
                "You failed at TLS, mail from you is refused",
            ));
        }
        if has_parameters && !client.is_extended {
            return self.senseless(without_ehlo());
        }
        let limit = self.settings.size_limit;
        if size.is_some_and(|size| usize::try_from(size).map_or(true, |size| size > limit)) {
            return self.reply(too_large(limit));
        }
        self.envelope = Some(Envelope {
            from,
            request,
            to: Vec::new(),
        });
        self.reply(Reply::enhanced(250, 1, 0, "Ok"));
    }

    pub(super) fn data(&mut self) {
        let refusal = match &self.envelope {
            None => Reply::enhanced(503, 5, 1, "Send MAIL first"),
            Some(envelope) if envelope.to.is_empty() => Reply::enhanced(554, 5, 1, "No valid recipients"),
            Some(_) if self.settings.demands_tls && !self.tls && self.has(Mutant::DemandsTlsAtData) => {
                Reply::enhanced(530, 7, 0, "Must issue a STARTTLS command first")
            }
            Some(_) => {
                let line_end = match self.settings.mutant {
                    Some(Mutant::TakesBareLfInContent) => LineEnd::CrlfOrLf,
                    _ => LineEnd::Crlf,
                };
                self.stage = Stage::Content(ContentReader::ending_lines_by(line_end, self.settings.size_limit));
                return self.reply(Reply::new(354, None, "End data with <CR><LF>.<CR><LF>"));
            }
        };
        let is_pipelined_behind = !self.lines.is_empty() && !self.has(Mutant::ReadsCommandsBehindRefusedData);
        match refusal.code {
            503 => self.senseless(refusal),
            _ => self.reply(refusal),
        }
        // DATA is the last of its group (RFC 2920 §3.1). What came behind it before its answer may be content as well as
        // commands; nobody can tell, so it is neither, and the session is out of step (C-SMUG-3).
        if is_pipelined_behind && self.stage == Stage::Command {
            let why = "something was pipelined behind a DATA that was refused".to_owned();
            self.outputs.push_back(Output::Note(Note::Misbehaved(why)));
            self.farewell(Reply::enhanced(
                421,
                7,
                0,
                "Out of step behind DATA, closing connection",
            ));
        }
    }

    pub(super) fn end_of_data(&mut self, content: Result<Vec<u8>, ContentError>) {
        self.stage = Stage::Command;
        let envelope = self.envelope.take();
        match (content, envelope, &self.client) {
            (Ok(content), Some(mut envelope), Some(client)) => {
                match self.settings.mutant {
                    Some(Mutant::DropsEnvelopeId) => envelope.request.envelope_id = None,
                    Some(Mutant::DropsReturns) => envelope.request.returns = None,
                    Some(Mutant::DropsOriginalRecipient) => {
                        envelope.to.iter_mut().for_each(|to| to.request.original = None);
                    }
                    _ => {}
                }
                let Envelope { from, request, to } = envelope;
                let transaction = Transaction {
                    client_name: client.name.clone(),
                    tls: self.tls,
                    identity: match &self.certificate {
                        ClientCertificate::Believed(identity) => identity.clone(),
                        ClientCertificate::NotShown | ClientCertificate::NotBelieved => None,
                    },
                    from,
                    request,
                    to,
                    content,
                };
                if self.settings.mutant == Some(Mutant::Answers250BeforeStoring) {
                    self.reply(message_taken());
                }
                self.outputs
                    .extend([Output::Disarm(self.idle()), Output::Store(transaction)]);
                self.stage = Stage::Storing;
            }
            (Err(ContentError::TooLarge { limit }), ..) => self.reply(too_large(limit)),
            (Err(error), ..) => self.reply(Reply::enhanced(554, 6, 0, error.to_string())),
            (Ok(_), ..) => self.out_of_sequence("Send MAIL first"),
        }
    }

    pub(super) fn stored(&mut self, reply: Reply) {
        self.stage = Stage::Command;
        self.reply(reply);
        self.advance();
    }

    pub(super) fn forget_transaction(&mut self) {
        if !(self.tls && self.has(Mutant::KeepsTransactionAfterTls)) {
            self.envelope = None;
        }
    }
}

pub(super) fn without_ehlo() -> Reply {
    Reply::enhanced(555, 5, 4, "Parameters go with EHLO only")
}

pub(super) fn message_taken() -> Reply {
    Reply::enhanced(250, 0, 0, "Ok: message taken")
}

fn too_large(limit: usize) -> Reply {
    let text = format!("Message exceeds the size limit of {limit} octets");
    Reply::enhanced(552, 3, 4, text)
}
