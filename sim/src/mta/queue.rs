//! How mail comes into the queue of an MTA, and how it leaves it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use postern_model::mta::delivery::{Cause, Input, Role};
use postern_model::mta::session::Transaction;
use postern_model::mutant::Mutant;
use postern_model::name::{Mailbox, ReversePath, Token};
use postern_model::report::About;
use postern_model::scenario::{Message, Phase, Security};
use postern_model::smtp::{MessageRequest, OriginalRecipient, RecipientRequest, Request, Xtext};
use postern_model::trace::Event;

use super::content::{received_lines, token_in};
use super::failure::Failure;
use super::{Mail, Mta, State};

/// A message that has been handed on this often goes in circles (RFC 5321 §6.3: at least 100).
const RECEIVED_LINES_MAX: usize = 100;

/// A message on its way into the queue.
pub(super) struct Outgoing {
    pub(super) token: Token,
    pub(super) from: ReversePath,
    pub(super) to: Mailbox,
    pub(super) request: Request,
    /// Lines ended by CRLF.
    pub(super) content: Vec<u8>,
}

impl Mta {
    /// Hands in the scenario's messages for this host, each at its time.
    pub(crate) async fn submit_all(self: Rc<Self>) {
        let scenario = self.world.scenario();
        let mut messages: Vec<&Message> = scenario
            .message
            .iter()
            .filter(|message| message.host == self.name)
            .collect();
        messages.sort_by_key(|message| message.at);
        for message in messages.into_iter().skip(self.spool().submitted()) {
            self.door.sleep(message.at.saturating_sub(self.door.now())).await;
            let outgoing = Outgoing {
                token: message.name.clone(),
                from: message.from.clone(),
                to: message.to.clone(),
                request: Self::request_of(message),
                content: self.content_of(message),
            };
            self.spool().one_more_is_submitted();
            self.originate(outgoing, None);
            self.world.work_ended();
        }
    }

    /// Stores a message that a client sent, if the host lives to do it.
    pub(crate) fn take(self: &Rc<Self>, transaction: &Transaction) {
        self.serve_position(transaction, Phase::Store);
        if self.door.is_alive() {
            self.store(transaction);
            self.serve_position(transaction, Phase::Acknowledge);
        }
    }

    /// Takes responsibility for a message that a client sent.
    fn store(self: &Rc<Self>, transaction: &Transaction) {
        let identity = transaction.identity.as_ref();
        let identity = identity.map_or(String::new(), |name| format!(" (client certificate of {name})"));
        let trace_line = format!(
            "Received: from {}{identity} by {} with {}; {}\r\n",
            transaction.client_name,
            self.name,
            if transaction.tls { "ESMTPS" } else { "ESMTP" },
            self.date()
        );
        let mut content = [trace_line.as_bytes(), &transaction.content].concat();
        if self.has(Mutant::RelayAltersBody) {
            content.extend(format!("Passed on by {}\r\n", self.name).as_bytes());
        }
        let token = token_in(&transaction.content);
        if self.world.host(self.index).impostor {
            return self.steal(&token, transaction);
        }
        for to in &transaction.to {
            self.receive(Outgoing {
                token: token.clone(),
                from: transaction.from.clone(),
                to: to.mailbox.clone(),
                request: Request {
                    message: transaction.request.clone(),
                    recipient: to.request.clone(),
                },
                content: content.clone(),
            });
        }
    }

    /// Takes a message of this host's own: one that was handed in, or a notification. It may be for a mailbox here.
    pub(super) fn originate(self: &Rc<Self>, message: Outgoing, about: Option<About<Token>>) {
        self.record_queued(&message, about);
        match self.is_exchanger_for(&message.to) {
            true => self.record_delivered(message.token, message.to),
            false => self.enqueue(message, Role::Originator),
        }
    }

    /// Takes a message that a client sent: for a mailbox here, or to be relayed.
    fn receive(self: &Rc<Self>, message: Outgoing) {
        if self.is_exchanger_for(&message.to) {
            return self.record_delivered(message.token, message.to);
        }
        self.record_queued(&message, None);
        self.enqueue(message, Role::Relay);
    }

    /// What an impostor accepts goes nowhere.
    fn steal(&self, token: &Token, transaction: &Transaction) {
        for to in &transaction.to {
            self.world.recorder.record(Event::Stolen {
                host: self.name.clone(),
                message: token.clone(),
                to: to.mailbox.clone(),
            });
        }
    }

    /// Who asks for anything names the recipient in ORCPT too (RFC 3461 §4.2).
    fn request_of(message: &Message) -> Request {
        if message.notify.is_none() && message.envelope_id.is_none() && message.returns.is_none() {
            return Request::default();
        }
        Request {
            message: MessageRequest {
                returns: message.returns,
                envelope_id: message.envelope_id.as_ref().map(|id| Xtext::encode(id.as_str())),
            },
            recipient: RecipientRequest {
                notify: message.notify,
                original: Some(OriginalRecipient::of(&message.to)),
            },
        }
    }

    fn enqueue(self: &Rc<Self>, message: Outgoing, role: Role) {
        let Outgoing {
            token,
            from,
            to,
            request,
            content,
        } = message;
        let next_hop = self.world.host(self.index).next_hop(to.domain()).clone();
        let goes_in_circles = received_lines(&content) > RECEIVED_LINES_MAX;
        let state = RefCell::new(State {
            failure: Failure::new("4.3.0", "not tried yet"),
            sent_to: None,
            last_attempt: None,
        });
        let mail = Rc::new(Mail {
            token,
            from,
            to,
            request,
            next_hop,
            content,
            role,
            queued_at: self.door.now(),
            dated: self.door.wall_clock(),
            attempts: Cell::new(0),
            due: Cell::new(None),
            security: Cell::new(Security::Clear),
            was_warned: Cell::new(false),
            state,
        });
        let next_hop = self.world.hop(&mail.next_hop);
        let job = self.spool().insert(mail);
        self.world.work_began();
        if goes_in_circles {
            self.bounced(job, Cause::LoopsBack);
            self.notify(job);
        } else {
            self.handle(Input::Queued { job, next_hop, role });
        }
    }

    fn is_exchanger_for(&self, to: &Mailbox) -> bool {
        self.world.host(self.index).exchanger_for.contains(to.domain())
    }

    fn record_queued(&self, message: &Outgoing, about: Option<About<Token>>) {
        self.world.recorder.record(Event::Queued {
            host: self.name.clone(),
            message: message.token.clone(),
            from: message.from.clone(),
            to: message.to.clone(),
            about,
        });
    }

    fn record_delivered(&self, message: Token, to: Mailbox) {
        self.world.recorder.record(Event::Delivered {
            host: self.name.clone(),
            message,
            to,
        });
    }
}
