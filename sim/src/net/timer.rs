//! Timers on the simulated clock. They belong to the run and not to a host's runtime: so the clock can jump to the
//! earliest of all, and each fires at its deadline to the nanosecond, whatever the tick.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Network, clock};

/// The clock and all who wait for it.
#[derive(Default)]
pub(super) struct Timers {
    now: Cell<Duration>,
    /// By deadline; of equal deadlines, who began to wait first is woken first.
    waiting: RefCell<BTreeMap<(Duration, u64), Waker>>,
    next: Cell<u64>,
}

impl Timers {
    pub(super) fn now(&self) -> Duration {
        self.now.get()
    }

    pub(super) fn set_now(&self, now: Duration) {
        self.now.set(now);
        clock::set_now(Some(now));
    }

    pub(super) fn earliest(&self) -> Option<Duration> {
        self.waiting
            .borrow()
            .first_key_value()
            .map(|((deadline, _), _)| *deadline)
    }

    /// Wakes everybody whose deadline has come.
    pub(super) fn fire(&self) {
        loop {
            let mut waiting = self.waiting.borrow_mut();
            let Some(first) = waiting.first_entry().filter(|first| first.key().0 <= self.now.get()) else {
                return;
            };
            let waker = first.remove();
            drop(waiting);
            waker.wake();
        }
    }
}

/// Waits for a deadline. Even a deadline of now is met only in the next step of the world, so that nobody can spin.
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    network: Network,
    deadline: Duration,
    number: Option<u64>,
}

impl Sleep {
    pub(super) fn new(network: Network, deadline: Duration) -> Self {
        Self {
            network,
            deadline,
            number: None,
        }
    }

    /// When it ends, from the start of the run.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let timers = &this.network.0.timers;
        let mut waiting = timers.waiting.borrow_mut();
        match this.number {
            None => {
                let number = timers.next.get();
                timers.next.set(number + 1);
                this.number = Some(number);
                waiting.insert((this.deadline, number), context.waker().clone());
                Poll::Pending
            }
            Some(number) => match waiting.get_mut(&(this.deadline, number)) {
                Some(waker) => {
                    waker.clone_from(context.waker());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            },
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let removed = self
                .network
                .0
                .timers
                .waiting
                .borrow_mut()
                .remove(&(self.deadline, number));
            // Outside of the borrow: the last waker of a task may drop the task, and with it other timers.
            drop(removed);
        }
    }
}
