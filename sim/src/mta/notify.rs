//! Reports to the reverse path.

use std::rc::Rc;

use postern_model::mta::delivery::{JobId, Role};
use postern_model::mta::notification::{Notification, Remote, is_wanted};
use postern_model::mutant::Mutant;
use postern_model::name::{Mailbox, ReversePath};
use postern_model::report::{About, ReportAction};
use postern_model::smtp::Request;

use super::content::header_of;
use super::failure::{Failure, reply_in};
use super::queue::Outgoing;
use super::{Mail, Mta};

impl Mta {
    /// Reports the failure of a message that was given back.
    pub(super) fn notify(self: &Rc<Self>, job: JobId) {
        let Some((_, mail)) = self.last_bounced.take().filter(|(bounced, _)| *bounced == job) else {
            return;
        };
        if mail.role == Role::Relay && self.has(Mutant::RelayDropsSilently) {
            return;
        }
        self.report(&mail, ReportAction::Failed);
        if self.has(Mutant::NotifiesTwice) {
            self.report(&mail, ReportAction::Failed);
        }
    }

    /// Warns of the delay of a message that waits.
    pub(super) fn warn(self: &Rc<Self>, job: JobId) {
        if let Some(mail) = self.mail(job).filter(|mail| !mail.was_warned.replace(true)) {
            self.report(&mail, ReportAction::Delayed);
        }
    }

    fn report(self: &Rc<Self>, mail: &Mail, action: ReportAction) {
        if !is_wanted(mail.request.recipient.notify, action, self.world.mutant) {
            return;
        }
        let Some(to) = self.whom_to_tell(mail, action) else {
            return;
        };
        let token = self.world.recorder.notification_token(&mail.token);
        let failure = self.failure_to_tell(mail, action);
        let state = mail.state.borrow();
        let remote_host = state
            .sent_to
            .map(|peer| self.world.host(usize::from(peer.0)).name.clone());
        let remote = remote_host.as_ref().zip(reply_in(&failure.text));
        let lifetime = self.world.host(self.index).lifetime();
        let left = (mail.queued_at + lifetime).saturating_sub(self.door.now());
        let will_retry_until = Self::date_of(self.door.wall_clock() + left);
        let last_attempt_date = state.last_attempt.map(Self::date_of);
        let mut request = mail.request.clone();
        if self.has(Mutant::NotifiesWithoutEnvelopeId) {
            request.message.envelope_id = None;
        }
        let notification = Notification {
            token: &token,
            reporting_host: &self.name,
            to: &to,
            request: &request,
            arrival_date: &Self::date_of(mail.dated),
            final_recipient: &mail.to,
            action,
            status: &failure.status,
            explanation: &failure.text,
            remote: remote.map(|(host, reply)| Remote { host, reply }),
            last_attempt_date: last_attempt_date.as_deref(),
            will_retry_until: (action == ReportAction::Delayed).then_some(&will_retry_until),
            date: &self.date(),
            returned_header: &header_of(&mail.content),
        };
        let content = notification.content();
        drop(state);
        let from = match self.has(Mutant::NotifiesFromMailbox) {
            true => ReversePath::Mailbox(self.own_mailbox()),
            false => ReversePath::Null,
        };
        let outgoing = Outgoing {
            token,
            from,
            to,
            request: Request::default(),
            content,
        };
        let message = mail.token.clone();
        self.originate(outgoing, Some(About { message, action }));
    }

    /// The reverse path; nobody if that is null, lest notifications answer notifications (RFC 5321 §4.5.5).
    fn whom_to_tell(&self, mail: &Mail, action: ReportAction) -> Option<Mailbox> {
        // The notifications of a mutant come back to it, and must come to an end.
        let is_about_a_notification = mail.token.as_str().contains(".dsn");
        match (&mail.from, action, self.world.mutant) {
            (ReversePath::Mailbox(_), _, Some(Mutant::NotifiesFromMailbox)) if is_about_a_notification => None,
            (ReversePath::Mailbox(mailbox), ..) => Some(mailbox.clone()),
            (ReversePath::Null, ReportAction::Failed, Some(Mutant::AnswersNotifications))
            | (ReversePath::Null, ReportAction::Delayed, Some(Mutant::WarnsAboutNullReversePath))
                if mail.token.as_str().matches(".dsn").count() < 2 =>
            {
                Some(self.own_mailbox())
            }
            (ReversePath::Null, ..) => None,
        }
    }

    /// What the report says went wrong: what went wrong.
    fn failure_to_tell(&self, mail: &Mail, action: ReportAction) -> Failure {
        let failure = mail.state.borrow().failure.clone();
        match (action, self.world.mutant) {
            (ReportAction::Failed, Some(Mutant::HidesTlsCause)) if failure.status.starts_with("4.7.") => {
                Failure::new("4.4.7", "delivery time expired")
            }
            (ReportAction::Delayed, Some(Mutant::WarnsOfPermanentFailure)) => {
                Failure::new(&failure.status.replacen('4', "5", 1), &failure.text)
            }
            _ => failure,
        }
    }

    /// The mailbox of the postmaster of this host.
    pub(crate) fn own_mailbox(&self) -> Mailbox {
        format!("postmaster@{}", self.name)
            .parse()
            .expect("the name of a host makes a mailbox")
    }
}
