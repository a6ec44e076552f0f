//! From the trace of a run to what judges are fed.
//!
//! The reader looks at the tap, at DNS, at configuration, mailboxes and logs. It parses SMTP by its own few lines of code,
//! so that no error of the machines under test can hide in a parser that they share with their judges.

mod conversation;
mod dns;
mod lines;
mod log;
mod report;
mod request;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use postern_model::name::{DomainName, Mailbox, ReversePath, Token};
use postern_model::observation::{Acceptor, ConnectionId, DomainId, DomainSet, HostId, MessageId, Observation};
use postern_model::report::About;
use postern_model::scenario::{Attack, Clock};
use postern_model::trace::{self, Channel, End, Event, Presented, Record, Setting};

use crate::certificate;
use crate::setup::Setup;
use conversation::Conversation;

/// Reads the records of one run, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reader {
    setup: Setup,
    /// The messages that were queued, with their recipients; a message's id is its place.
    messages: Vec<(Token, Mailbox)>,
    places: BTreeMap<Token, MessageId>,
    listed: Vec<DomainSet>,
    attacks: Vec<u8>,
    connections: BTreeMap<trace::ConnectionId, Connection>,
    /// Those that have ended for the dialler: who dialled, unless it was the attacker or a stranger, and where.
    ended: BTreeMap<trace::ConnectionId, (Option<HostId>, HostId)>,
    /// What each host was told of the addresses of others, in order.
    addresses: BTreeMap<(HostId, HostId), Vec<IpAddr>>,
    now: Duration,
}

/// A connection that was dialled and is not yet closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Connection {
    client: HostId,
    /// The client dialled it itself.
    is_clients_own: bool,
    server: HostId,
    conversation: Conversation,
}

impl Reader {
    /// A reader at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            messages: Vec::new(),
            places: BTreeMap::new(),
            listed: setup.hosts().map(|host| setup.at_start(host).listed).collect(),
            attacks: vec![0; setup.hosts().len()],
            connections: BTreeMap::new(),
            ended: BTreeMap::new(),
            addresses: BTreeMap::new(),
            now: Duration::ZERO,
            setup,
        }
    }

    /// What the next record shows, in order. Names that the scenario does not know show nothing.
    pub fn read(&mut self, record: &Record) -> Vec<Observation> {
        self.now = record.at;
        self.see(&record.event)
    }

    /// What the next event shows.
    pub fn see(&mut self, event: &Event) -> Vec<Observation> {
        match event {
            Event::Set(Setting::Mx {
                domain,
                exchangers,
                null_mx,
            }) => self.listed(domain, exchangers, *null_mx),
            Event::Answered { host, question, answer } => self.answered(host, question, answer),
            event => self.read_one(event).unwrap_or_default(),
        }
    }

    /// The token of a message.
    pub fn token(&self, message: MessageId) -> Option<&Token> {
        let (token, _) = self.messages.get(usize::from(message.0))?;
        Some(token)
    }

    fn read_one(&mut self, event: &Event) -> Option<Vec<Observation>> {
        let one = match event {
            Event::Set(setting) => self.set(setting)?,
            Event::Adversary { victim, active, .. } => {
                let host = self.setup.host(victim)?;
                let attacks = &mut self.attacks[usize::from(host.0)];
                *attacks = if *active {
                    attacks.saturating_add(1)
                } else {
                    attacks.saturating_sub(1)
                };
                Observation::Attacked {
                    host,
                    attacks: *attacks,
                }
            }
            Event::Queued {
                host,
                message,
                from,
                to,
                about,
            } => {
                let queued = self.queued(host, message, from, to, about.as_ref())?;
                return Some(self.asked(message).into_iter().chain([queued]).collect());
            }
            Event::Deceived {
                host, domain, active, ..
            } => Observation::Deceived {
                host: self.setup.host(host)?,
                domain: self.setup.domain(domain)?,
                active: *active,
            },
            Event::Stolen { host, message, .. } => Observation::Stolen {
                host: self.setup.host(host)?,
                message: self.message(message)?,
            },
            Event::Delivered { host, message, .. } => {
                let host = self.setup.host(host)?;
                match self.message(message) {
                    Some(message) => Observation::Delivered { host, message },
                    None => Observation::StrangeDelivery { host },
                }
            }
            Event::Dialled {
                connection,
                from,
                to,
                address,
                relays,
            } => self.dialled(*connection, from, to, *address, *relays)?,
            Event::Connected {
                connection,
                intercepted,
            } => {
                self.connections.get(connection)?;
                Observation::Connected {
                    connection: id(*connection),
                    acceptor: if *intercepted {
                        Acceptor::Attacker
                    } else {
                        Acceptor::Host
                    },
                }
            }
            Event::Line {
                connection,
                from,
                channel,
                text,
            } => {
                let tls = *channel == Channel::Tls;
                let Connection {
                    server, conversation, ..
                } = self.connections.get_mut(connection)?;
                match from {
                    End::Dialler => {
                        let mut told = conversation.foretold(id(*connection), text);
                        told.push(conversation.command(id(*connection), &self.setup, *server, text, tls));
                        let mail_from = lines::is_null_reverse_path(text).map(|is_null| Observation::MailFrom {
                            connection: id(*connection),
                            is_null,
                        });
                        told.extend(mail_from);
                        let connection = id(*connection);
                        let envelope = request::envelope_id(text);
                        told.extend(envelope.map(|id| Observation::EnvelopeId { connection, id }));
                        let returns = request::returns(text);
                        told.extend(returns.map(|returns| Observation::Returns { connection, returns }));
                        let original = request::original_recipient(text);
                        told.extend(
                            original.map(|(recipient, is_recipient)| Observation::OriginalRecipient {
                                connection,
                                recipient,
                                is_recipient,
                            }),
                        );
                        let notify = request::notify(text);
                        told.extend(notify.map(|notify| Observation::Notify { connection, notify }));
                        told.extend(conversation.early_reply(connection));
                        return Some(told);
                    }
                    End::Acceptor => return Some(conversation.reply(id(*connection), text)),
                }
            }
            Event::Content {
                connection,
                channel,
                text,
            } => {
                let Some(known) = self.connections.get_mut(connection) else {
                    let (client, server) = *self.ended.get(connection)?;
                    let late = Observation::LateContent {
                        client,
                        server,
                        connection: id(*connection),
                        message: lines::token_of(text).and_then(|token| self.message(&token)),
                    };
                    return Some(vec![late]);
                };
                let client = known.client;
                let connection = id(*connection);
                known.conversation.content();
                let early = known.conversation.early_reply(connection);
                let Some(message) = lines::token_of(text).and_then(|token| self.message(&token)) else {
                    let strange = Observation::StrangeContent { connection };
                    return Some(std::iter::once(strange).chain(early).collect());
                };
                let content = Observation::Content {
                    connection,
                    message,
                    next_hop: self.next_hop(client, message)?,
                    tls: *channel == Channel::Tls,
                };
                let digest = Observation::Digest {
                    connection,
                    message,
                    digest: report::digest(text),
                };
                let report = self.report(connection, message, text);
                return Some([content, digest].into_iter().chain(report).chain(early).collect());
            }
            Event::Secured {
                connection,
                certificate,
            } => {
                self.connections.get_mut(connection)?.conversation.secured();
                Observation::Secured {
                    connection: id(*connection),
                    proves: self.proves(certificate),
                }
            }
            Event::NotConnected { connection, .. } => {
                self.connections.remove(connection)?;
                Observation::Closed {
                    connection: id(*connection),
                }
            }
            Event::Closed { connection, lost } => {
                let mut known = self.connections.remove(connection)?;
                let client = known.is_clients_own.then_some(known.client);
                self.ended.insert(*connection, (client, known.server));
                let lost = lost.iter().flat_map(|text| text.lines());
                let lost = lost.filter_map(|line| known.conversation.lost(id(*connection), line));
                let closed = Observation::Closed {
                    connection: id(*connection),
                };
                return Some(lost.chain([closed]).collect());
            }
            Event::Logged { host, entry } => {
                let host = self.setup.host(host)?;
                let said = self.logged(host, entry)?;
                let before = self.status(host, entry).or_else(|| self.claim(host, entry));
                return Some(before.into_iter().chain([said]).collect());
            }
            Event::HorizonReached => Observation::Quiet,
            Event::BareLineEnd { connection, .. } => Observation::BareLineEnd {
                connection: id(*connection),
            },
            Event::HandshakeUnasked { connection } => Observation::HandshakeUnasked {
                connection: id(*connection),
            },
            Event::HungUp {
                connection,
                by: End::Acceptor,
            } => Observation::ServerHungUp {
                connection: id(*connection),
            },
            Event::HungUp {
                connection,
                by: End::Dialler,
            } => Observation::HungUp {
                connection: id(*connection),
            },
            Event::ClientPresented {
                connection,
                certificate,
            } => {
                self.connections.get(connection)?;
                Observation::ClientPresented {
                    connection: id(*connection),
                    proves: self.proves(certificate),
                    believable: certificate.trusted && certificate.current,
                }
            }
            Event::ClientRefused {
                connection,
                certificate,
            } => {
                self.connections.get(connection)?;
                Observation::ClientRefused {
                    connection: id(*connection),
                    believable: certificate.trusted && certificate.current,
                }
            }
            Event::Hello {
                connection,
                form,
                answer,
            } => {
                self.connections.get(connection)?;
                Observation::Hello {
                    connection: id(*connection),
                    form: *form,
                    answer: *answer,
                }
            }
            Event::NotSecured { connection, by, .. } => {
                let connection = id(*connection);
                let failed = Observation::HandshakeFailed { connection };
                return Some(match by {
                    End::Dialler => vec![Observation::HandshakeRefused { connection }, failed],
                    End::Acceptor => vec![failed],
                });
            }
            // Octets in clear among the records of TLS are no reply.
            Event::Interfered {
                connection,
                attack: Attack::InjectTowardClient(_),
                ..
            } => Observation::Babble {
                connection: id(*connection),
            },
            // What a client claims is nothing that a monitor goes by: `claims` holds it against the wire.
            Event::Answered { .. } | Event::Interfered { .. } | Event::Told { .. } => return None,
        };
        Some(vec![one])
    }

    fn set(&self, setting: &Setting) -> Option<Observation> {
        let observation = match setting {
            Setting::Tls { host, on } => Observation::Tls {
                host: self.setup.host(host)?,
                on: *on,
            },
            Setting::Trouble { host, trouble } => Observation::Trouble {
                host: self.setup.host(host)?,
                trouble: *trouble,
            },
            Setting::Certificate { host, certificate } => {
                let host = self.setup.host(host)?;
                Observation::Certificate {
                    host,
                    proves: self.setup.proves(host, *certificate),
                }
            }
            Setting::Exchanger {
                host,
                domain,
                configured,
            } => Observation::Exchanger {
                host: self.setup.host(host)?,
                domain: self.setup.domain(domain)?,
                configured: *configured,
            },
            Setting::Policy { host, next_hop, level } => Observation::Policy {
                host: self.setup.host(host)?,
                next_hop: self.setup.domain(next_hop)?,
                level: *level,
            },
            Setting::Running { host, up } => Observation::Running {
                host: self.setup.host(host)?,
                up: *up,
            },
            Setting::Lookups { host, domain, work } => Observation::Lookups {
                host: self.setup.host(host)?,
                domain: self.setup.domain(domain)?,
                work: *work,
            },
            Setting::Clock { host, clock } => Observation::Clock {
                host: self.setup.host(host)?,
                is_right: *clock == Clock::Right,
            },
            Setting::Mx { .. } | Setting::Permanent { .. } => return None,
        };
        Some(observation)
    }

    fn queued(
        &mut self,
        host: &DomainName,
        message: &Token,
        from: &ReversePath,
        to: &Mailbox,
        about: Option<&About<Token>>,
    ) -> Option<Observation> {
        let host = self.setup.host(host)?;
        let domain = self.setup.domain(to.domain())?;
        let about = match about {
            Some(about) => Some(About {
                message: self.message(&about.message)?,
                action: about.action,
            }),
            None => None,
        };
        let message = self.message(message).or_else(|| {
            let id = MessageId(u16::try_from(self.messages.len()).ok()?);
            self.places.insert(message.clone(), id);
            self.messages.push((message.clone(), to.clone()));
            Some(id)
        })?;
        Some(Observation::Queued {
            host,
            message,
            next_hop: self.setup.next_hop(host, domain),
            domain,
            mailbox: self.setup.mailbox_of(domain, to.local_part()),
            null_reverse_path: *from == ReversePath::Null,
            about,
        })
    }

    /// What the sender of a message that was just queued asks, where it is handed in.
    fn asked(&self, message: &Token) -> Option<Observation> {
        let (host, notify, envelope_id) = self.setup.asked(message)?;
        Some(Observation::Asked {
            host,
            message: self.message(message)?,
            notify,
            envelope_id: envelope_id.map(|id| request::digest(id.as_str())),
        })
    }

    fn dialled(
        &mut self,
        connection: trace::ConnectionId,
        from: &DomainName,
        to: &DomainName,
        address: IpAddr,
        relays: Option<trace::ConnectionId>,
    ) -> Option<Observation> {
        let server = self.setup.host(to)?;
        let on_behalf_of = relays.map(|original| self.connections.get(&original).map(|known| known.client));
        let known = on_behalf_of.flatten().or_else(|| self.setup.host(from));
        let is_stranger = relays.is_none() && known.is_none();
        let client = if is_stranger { server } else { known? };
        let is_clients_own = relays.is_none() && !is_stranger;
        self.connections.insert(
            connection,
            Connection {
                client,
                is_clients_own,
                server,
                conversation: Conversation::default(),
            },
        );
        let connection = id(connection);
        Some(match is_clients_own {
            true => Observation::Dialled {
                connection,
                from: client,
                to: server,
                address: self.place_of(client, server, address),
            },
            false => Observation::Relayed {
                connection,
                from: client,
                to: server,
            },
        })
    }

    /// The place of an address among those that the client was told of.
    fn place_of(&self, client: HostId, server: HostId, address: IpAddr) -> u8 {
        let told = self.addresses.get(&(client, server));
        let place = told.and_then(|told| told.iter().position(|other| *other == address));
        u8::try_from(place.unwrap_or_default()).unwrap_or(u8::MAX)
    }

    fn message(&self, token: &Token) -> Option<MessageId> {
        self.places.get(token).copied()
    }

    fn next_hop(&self, client: HostId, message: MessageId) -> Option<DomainId> {
        let (_, recipient) = self.messages.get(usize::from(message.0))?;
        let domain = self.setup.domain(recipient.domain())?;
        Some(self.setup.next_hop(client, domain))
    }

    /// The domains, of those that are judged, whose names a certificate proves.
    fn proves(&self, presented: &Presented) -> DomainSet {
        let is_proved = |domain: &DomainId| certificate::proves(presented, self.setup.domain_name(*domain));
        let proved = self.setup.domains().filter(is_proved);
        proved.fold(DomainSet::default(), DomainSet::with)
    }
}

fn id(connection: trace::ConnectionId) -> ConnectionId {
    ConnectionId(connection.0)
}

/// The token of a message's content, for whoever follows messages through the trace.
pub(crate) fn token_of(content: &str) -> Option<Token> {
    lines::token_of(content)
}

#[cfg(test)]
mod tests;
