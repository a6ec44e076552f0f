//! One session of an MTA with one exchanger, from the dial to its result.

use std::rc::Rc;

use postern_model::mta::delivery::{Input, JobId, PeerId};
use postern_model::mta::policy::TlsUse;
use postern_model::mta::session::Outcome;
use postern_model::scenario::Phase;

use super::failure::Failure;
use super::{Mta, State};
use crate::client::{self, Errand, Located};

impl Mta {
    pub(super) fn connect(self: &Rc<Self>, job: JobId, peer: PeerId, tls: TlsUse) {
        let Some(mail) = self.mail(job) else { return };
        let attempt = self.attempts(job);
        let mta = Rc::clone(self);
        self.door.spawn(async move {
            let exchanger = mta.world.host(usize::from(peer.0)).name.clone();
            mta.reached(&mail, attempt, &exchanger, Phase::Connect);
            let located = client::locate(&mta, &exchanger).await;
            let level = mta.world.host(mta.index).level_for(&mail.next_hop);
            if mta.planned_level(job) != Some(level) {
                return mta.handle(Input::PolicyChanged { job, level });
            }
            let errand = Errand {
                mta: &mta,
                job,
                mail: &mail,
                attempt,
                exchanger: &exchanger,
                tls,
            };
            let (outcome, failure) = mta.send(errand, located).await;
            *mail.state.borrow_mut() = State {
                failure,
                sent_to: Some(peer),
            };
            mta.handle(Input::Ended { job, outcome });
        });
    }

    async fn send(&self, errand: Errand<'_>, located: Result<Located, String>) -> (Outcome, Failure) {
        let located = match located {
            Ok(located) => located,
            Err(because) => return (Outcome::ConnectionFailed, Failure::new("4.4.3", &because)),
        };
        match client::connect(self, errand.exchanger, located).await {
            Ok((stream, dialled)) => {
                let (outcome, because) = client::send(errand, stream, dialled).await;
                (outcome, Failure::of(outcome, &because))
            }
            Err(because) => (Outcome::ConnectionFailed, Failure::new("4.4.1", &because)),
        }
    }
}
