//! A host from one start to its crash, and on to the next start.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use postern_model::mta::delivery::Input;
use postern_model::mutant::Mutant;
use tokio::sync::Notify;

use super::Mta;
use crate::dns::{Families, Resolver};
use crate::net::{Door, Life};
use crate::server;
use crate::world::{self, World};

/// Whether a host runs.
#[derive(Default)]
pub(crate) struct Power {
    is_down: Cell<bool>,
    life: RefCell<Option<Life>>,
    changed: Notify,
}

impl Power {
    pub(crate) fn is_down(&self) -> bool {
        self.is_down.get()
    }

    /// The host crashes; whether it ran.
    pub(crate) fn crash(&self) -> bool {
        if self.is_down.replace(true) {
            return false;
        }
        if let Some(life) = self.life.take() {
            life.end();
        }
        self.changed.notify_one();
        true
    }

    /// The host may start again.
    pub(crate) fn restore(&self) {
        self.is_down.set(false);
        self.changed.notify_one();
    }

    async fn until(&self, is_down: bool) {
        while self.is_down() != is_down {
            self.changed.notified().await;
        }
    }

    fn begin_life(&self) -> Life {
        let life = Life::default();
        self.life.replace(Some(life.clone()));
        life
    }
}

/// Runs the software of a host for ever, from each start to the next crash.
pub(crate) async fn live(world: Rc<World>, index: usize, door: Door) {
    loop {
        world.power(index).until(false).await;
        let door = door.living(&world.power(index).begin_life());
        let resolver = Resolver::new(door.clone(), world::RESOLVER.into(), Families::Ipv4);
        let mta = Mta::new(&world, index, door.clone(), resolver);
        mta.take_up_the_queue();
        door.spawn(Rc::clone(&mta).submit_all());
        door.spawn(async move { world::must_serve(server::serve(mta).await) });
        world.power(index).until(true).await;
    }
}

impl Mta {
    /// Takes up what is in stable storage. What the host remembered of others is gone.
    fn take_up_the_queue(self: &Rc<Self>) {
        if self.world.mutant == Some(Mutant::LosesQueueOnRestart) {
            self.spool().lose();
        }
        for (job, mail) in self.spool().all() {
            self.handle(Input::Restored {
                job,
                next_hop: self.world.hop(&mail.next_hop),
                role: mail.role,
                attempts: mail.attempts.get(),
                waits: mail.due.get().is_some(),
            });
        }
    }
}
