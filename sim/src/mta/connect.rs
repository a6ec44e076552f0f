//! One session of an MTA with one exchanger, from the dial to its result.

use std::rc::Rc;

use postern_model::mta::delivery::{Input, JobId, PeerId};
use postern_model::mta::policy::TlsUse;
use postern_model::mutant::Mutant;
use postern_model::scenario::{Phase, Security};

use super::Mta;
use super::failure::Failure;
use crate::client::{self, Errand, KeptSession, Located, Sent};

impl Mta {
    pub(super) fn connect(self: &Rc<Self>, job: JobId, (peer, address): (PeerId, u8), tls: TlsUse) {
        let Some(mail) = self.mail(job) else { return };
        let attempt = self.attempts(job);
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            let exchanger = mta.world.host(usize::from(peer.0)).name.clone();
            mta.reached(&mail, attempt, &exchanger, Phase::Connect);
            mta.door.while_alive().await;
            mta.hold(&mail, attempt, &exchanger, Phase::Connect).await;
            let located = client::locate(&mta, &exchanger, address).await;
            let level = mta.level_for(&mail.next_hop);
            if mta.planned_level(job) != Some(level) {
                return mta.handle(Input::PolicyChanged { job, level });
            }
            if let Ok(located) = &located {
                let addresses = located.addresses;
                mta.handle(Input::Located { job, addresses });
            }
            let errand = Errand {
                mta: &mta,
                job,
                mail: &mail,
                attempt,
                exchanger: &exchanger,
                tls,
            };
            mail.security.set(Security::Clear);
            let (sent, failure) = mta.send(errand, located).await;
            mta.ended(errand, peer, sent, failure);
        });
    }

    /// Sends on the session that is kept, under the policy of the moment as with every session. It is taken at once: before
    /// the message has its turn another may be kept in its place, which proved something else (C-DG-19).
    pub(super) fn reuse(self: &Rc<Self>, job: JobId, peer: PeerId) {
        let Some(mail) = self.mail(job) else { return };
        let attempt = self.attempts(job);
        let session = self.kept.borrow_mut().remove(&peer);
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            let exchanger = mta.world.host(usize::from(peer.0)).name.clone();
            mta.hold(&mail, attempt, &exchanger, Phase::Mail).await;
            let level = mta.level_for(&mail.next_hop);
            if mta.planned_level(job) != Some(level) && mta.world.mutant != Some(Mutant::KeepsOldPolicyOnReuse) {
                if let Some(session) = session {
                    mta.keep(peer, session);
                }
                return mta.handle(Input::PolicyChanged { job, level });
            }
            let errand = Errand {
                mta: &mta,
                job,
                mail: &mail,
                attempt,
                exchanger: &exchanger,
                tls: TlsUse::of(level),
            };
            let sent = match session {
                Some(session) => session.send(errand).await,
                None => Sent::not_connected("the session that was kept is gone".to_owned()),
            };
            let failure = Failure::of(sent.outcome, &sent.because);
            mta.ended(errand, peer, sent, failure);
        });
    }

    /// Ends the session that is kept with a host.
    pub(super) fn hang_up(&self, peer: PeerId) {
        let session = self.kept.borrow_mut().remove(&peer);
        self.take_leave(session);
    }

    /// Keeps a session, and takes leave on one that is kept in its place.
    fn keep(&self, peer: PeerId, session: KeptSession) {
        let other = self.kept.borrow_mut().insert(peer, session);
        self.take_leave(other);
    }

    fn take_leave(&self, session: Option<KeptSession>) {
        if let Some(session) = session {
            let door = self.door.clone();
            self.door.spawn(async move { session.quit(&door).await });
        }
    }

    fn ended(self: &Rc<Self>, errand: Errand<'_>, peer: PeerId, sent: Sent, failure: Failure) {
        let Errand { job, mail, .. } = errand;
        let mut state = mail.state.borrow_mut();
        state.failure = failure;
        state.sent_to = Some(peer);
        drop(state);
        if let Some(session) = sent.kept {
            let proof = session.proof(|next_hop| self.world.hop(next_hop));
            self.handle(Input::Kept { job, proof });
            self.keep(peer, session);
        }
        let outcome = sent.outcome;
        self.handle(Input::Ended { job, outcome });
    }

    async fn send(&self, errand: Errand<'_>, located: Result<Located, String>) -> (Sent, Failure) {
        let connected = match located {
            Ok(located) => client::connect(self, errand.exchanger, located)
                .await
                .map_err(|because| ("4.4.1", because)),
            Err(because) => Err(("4.4.3", because)),
        };
        match connected {
            Ok((stream, dialled)) => {
                let sent = client::send(errand, stream, dialled).await;
                let failure = Failure::of(sent.outcome, &sent.because);
                (sent, failure)
            }
            Err((status, because)) => {
                let failure = Failure::new(status, &because);
                (Sent::not_connected(because), failure)
            }
        }
    }
}
