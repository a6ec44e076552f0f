//! The commands, and what stands before them.

use super::tls::verb_is;
use super::{ClientGreeting, Server};
use crate::mta::session::Recipient;
use crate::mutant::Mutant;
use crate::scenario::Trouble;
use crate::smtp::{Command, Reply};

impl Server {
    pub(super) fn line(&mut self, line: &[u8]) {
        if self.refuses_for_want_of_tls(line) {
            self.reply(Reply::enhanced(530, 7, 0, "Must issue a STARTTLS command first"));
            if self.has(Mutant::ClosesAfter530) {
                self.close();
            }
            return;
        }
        if self.refuses_what_tls_achieved(line) {
            let code = if self.has(Mutant::RefusesUnhappilyForNow) {
                454
            } else {
                554
            };
            return self.reply(Reply::enhanced(
                code,
                7,
                0,
                "Refused, the security of this session is not enough",
            ));
        }
        match Command::parse(line) {
            Ok(command) => self.command(command),
            Err(_) if self.has(Mutant::TakesStarttlsParameter) && verb_is(line, &["STARTTLS"]) => self.starttls(),
            Err(error) => self.senseless(error.reply()),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            // Nothing but QUIT is of use after 521 (RFC 7504 §3).
            command if self.settings.never_accepts_mail && command != Command::Quit => {
                self.reply(Reply::new(521, None, "Host does not accept mail"));
            }
            Command::Ehlo(name) => self.greeted(name, true),
            Command::Helo(name) => self.greeted(name, false),
            Command::Starttls => self.starttls(),
            Command::Mail {
                from,
                size,
                body,
                request,
            } => {
                let has_parameters = size.is_some() || body.is_some() || !request.is_empty();
                self.mail(from, size, request, has_parameters);
            }
            Command::Rcpt { to: mailbox, request } => self.rcpt(Recipient { mailbox, request }),
            Command::Data => self.data(),
            Command::Rset => {
                self.envelope = None;
                self.reply(Reply::enhanced(250, 0, 0, "Ok"));
            }
            Command::Noop => self.reply(Reply::enhanced(250, 0, 0, "Ok")),
            Command::Vrfy(_) => self.reply(Reply::enhanced(
                252,
                0,
                0,
                "Cannot VRFY user, but will take mail for it",
            )),
            Command::Quit => {
                let text = format!("{} Closing connection", self.settings.host);
                self.farewell(Reply::enhanced(221, 0, 0, text));
            }
        }
    }

    /// EHLO and HELO begin anew (RFC 5321 §4.1.4).
    fn greeted(&mut self, name: String, is_extended: bool) {
        self.client = Some(ClientGreeting { name, is_extended });
        self.forget_transaction();
        let mut reply = Reply::new(250, None, self.settings.host.as_str());
        if is_extended {
            reply.lines.extend(self.extensions());
            self.has_listed = true;
        }
        self.reply(reply);
    }

    /// What the reply to EHLO lists, by the server's trouble.
    fn extensions(&self) -> Vec<String> {
        let (lists_status_codes, lists_all) = match self.settings.trouble {
            Trouble::ListsLittle => (false, false),
            Trouble::ListsDiffer => (true, !self.has_listed),
            _ => (true, true),
        };
        let mut extensions = Vec::new();
        if lists_all {
            extensions.extend(["PIPELINING".to_owned(), format!("SIZE {}", self.settings.size_limit)]);
        }
        extensions.extend(self.offers_starttls().then(|| "STARTTLS".to_owned()));
        extensions.extend(lists_status_codes.then(|| "ENHANCEDSTATUSCODES".to_owned()));
        extensions.extend(lists_all.then(|| "DSN".to_owned()));
        extensions.extend(lists_all.then(|| "8BITMIME".to_owned()));
        extensions
    }
}
