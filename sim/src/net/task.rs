//! Tasks whose panics end the run instead of vanishing.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::task::{AbortHandle, JoinHandle};

use super::clock::{Place, Standing};
use super::{Door, Network};

/// The time from one start of a host's software to its crash: what was spawned in it goes with it.
#[derive(Clone, Default)]
pub struct Life(Rc<LifeState>);

#[derive(Default)]
struct LifeState {
    is_over: Cell<bool>,
    tasks: RefCell<Vec<AbortHandle>>,
}

/// So many finished tasks are borne with before they are swept out.
const FINISHED_TASKS_MAX: usize = 64;

impl Life {
    /// Whether the crash has come.
    pub fn is_over(&self) -> bool {
        self.0.is_over.get()
    }

    /// The crash. Tasks are dropped, and with them their connections are closed, in the host's next turn at the latest; a
    /// task that crashes its own host runs on to where it waits next.
    pub fn end(&self) {
        self.0.is_over.set(true);
        for task in self.0.tasks.take() {
            task.abort();
        }
    }

    fn adopt(&self, task: AbortHandle) {
        if self.is_over() {
            return task.abort();
        }
        let mut tasks = self.0.tasks.borrow_mut();
        if tasks.len() >= FINISHED_TASKS_MAX {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task);
    }
}

/// A future of a host: it knows its place, is counted when it is polled, and has its panic recorded.
pub(super) struct Watched<F> {
    network: Network,
    place: Place,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Watched<F> {
    pub(super) fn new(door: &Door, future: F) -> Self {
        Self {
            network: door.network().clone(),
            place: door.place(),
            future: Some(Box::pin(future)),
        }
    }
}

impl<F: Future> Future for Watched<F> {
    /// None if it panicked.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polls = &this.network.0.polls;
        polls.set(polls.get() + 1);
        let _standing = Standing::at(this.place.clone());
        let Some(future) = &mut this.future else {
            return Poll::Ready(None);
        };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(payload) => {
                this.network
                    .record_panic(format!("{}: {}", this.place.host, message(&*payload)));
                this.future = None;
                Poll::Ready(None)
            }
        }
    }
}

/// A task that is dropped before its end closes its connections: the step in which it does is not idle.
impl<F> Drop for Watched<F> {
    fn drop(&mut self) {
        if self.future.take().is_some() {
            let polls = &self.network.0.polls;
            polls.set(polls.get() + 1);
        }
    }
}

impl Network {
    /// Keeps the first panic: what follows may only be its consequence.
    pub(super) fn record_panic(&self, what: String) {
        self.0.panic.borrow_mut().get_or_insert(what);
    }
}

/// What a panic said.
pub(super) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

/// A task that was spawned. It runs on when this is dropped.
pub struct Task<T>(JoinHandle<Option<T>>);

impl<T: 'static> Task<T> {
    #[expect(clippy::disallowed_methods, reason = "this is the spawn that records panics")]
    pub(super) fn spawn<F: Future<Output = T> + 'static>(door: &Door, future: F) -> Self {
        let task = tokio::task::spawn_local(Watched::new(door, future));
        if let Some(life) = door.life() {
            life.adopt(task.abort_handle());
        }
        Self(task)
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    /// Never ready for a task that panicked or was aborted.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.0).poll(context) {
            Poll::Ready(Ok(Some(value))) => Poll::Ready(value),
            _ => Poll::Pending,
        }
    }
}
