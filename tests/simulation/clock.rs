//! The clock of the simulated machine: tokio's own, which stands still while anything is done, plus whatever people set
//! it to. Time limits of attempts, waits of playbooks and the patience of people so lie on one line.

use std::time::Duration;

use engine::{Clock, Timestamp};

use crate::world::World;

pub(crate) struct WallClock(pub(crate) World);

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, until: Timestamp) -> engine::Work<'static, ()> {
        let world = self.0.clone();
        Box::pin(async move {
            loop {
                let jumped = world.jumped.notified();
                let left = until.0.saturating_sub(world.now().0);
                let Ok(left @ 1..) = u64::try_from(left) else { return };
                tokio::select! {
                    biased;
                    () = jumped => {}
                    () = tokio::time::sleep(Duration::from_millis(left)) => {}
                }
            }
        })
    }
}
