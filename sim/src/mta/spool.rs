//! The queue in stable storage: what a host has accepted outlives its crash (R5321-4.2.5-a).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use postern_model::mta::delivery::JobId;

use super::Mail;

/// The stored queue of one host.
#[derive(Default)]
pub(crate) struct Spool {
    queue: RefCell<BTreeMap<JobId, Rc<Mail>>>,
    next_job: Cell<u32>,
    /// How many of the scenario's messages were handed in.
    submitted: Cell<usize>,
}

impl Spool {
    pub(super) fn insert(&self, mail: Rc<Mail>) -> JobId {
        let job = JobId(self.next_job.replace(self.next_job.get() + 1));
        self.queue.borrow_mut().insert(job, mail);
        job
    }

    pub(super) fn remove(&self, job: JobId) -> Option<Rc<Mail>> {
        self.queue.borrow_mut().remove(&job)
    }

    pub(super) fn mail(&self, job: JobId) -> Option<Rc<Mail>> {
        self.queue.borrow().get(&job).cloned()
    }

    /// All that is in the queue.
    pub(super) fn all(&self) -> Vec<(JobId, Rc<Mail>)> {
        let queue = self.queue.borrow();
        queue.iter().map(|(job, mail)| (*job, Rc::clone(mail))).collect()
    }

    /// Loses everything, as only a mutant does.
    pub(super) fn lose(&self) {
        self.queue.borrow_mut().clear();
    }

    pub(super) fn submitted(&self) -> usize {
        self.submitted.get()
    }

    pub(super) fn one_more_is_submitted(&self) {
        self.submitted.set(self.submitted.get() + 1);
    }
}
