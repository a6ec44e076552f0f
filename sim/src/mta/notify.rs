//! Reports to the reverse path.

use std::rc::Rc;

use postern_model::mta::delivery::JobId;
use postern_model::mta::notification::Notification;
use postern_model::name::ReversePath;

use super::Mta;
use super::content::header_of;
use super::queue::Outgoing;

impl Mta {
    /// Reports the failure to the reverse path; a failed notification, whose reverse path is null, to nobody.
    pub(super) fn notify(self: &Rc<Self>, job: JobId) {
        let Some((bounced, mail)) = self.last_bounced.take() else {
            return;
        };
        let ReversePath::Mailbox(to) = &mail.from else { return };
        if bounced != job {
            return;
        }
        let token = self.world.recorder.notification_token(&mail.token);
        let failure = mail.state.borrow().failure.clone();
        let notification = Notification {
            token: &token,
            reporting_host: &self.name,
            to,
            final_recipient: &mail.to,
            status: &failure.status,
            diagnostic: &failure.text,
            date: &self.date(),
            returned_header: &header_of(&mail.content),
        };
        let content = notification.content();
        let outgoing = Outgoing {
            token,
            from: ReversePath::Null,
            to: to.clone(),
            content,
        };
        self.originate(outgoing, Some(mail.token.clone()));
    }
}
