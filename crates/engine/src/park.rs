//! Runs that only wait are not kept in memory: what is left of one is its name, the channel it is spoken to
//! through, and the time when it goes on.
//!
//! Whoever decides, answers, or reaches the due time wakes it, and it is loaded again from its journal, as after a
//! crash; the handle and the concurrency key stay the same. Rehearsals and watched runs are not parked, because what
//! they told cannot be told again.

use std::sync::Arc;
use std::time::Duration;

use action_api::Work;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use interpreter::{Command, End, Turn};
use journal::{RunId, Timestamp};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use crate::bounds::Spent;
use crate::builder::Inner;
use crate::driver::{Driver, Handed};
use crate::leave::Leaving;
use crate::run::Control;
use crate::{Approvals, Clock, Engine, EngineError, Event, Mode, Start};

/// How long a run waits for nothing but people, events and times before it is parked.
pub const PARK_AFTER: Duration = Duration::from_secs(10);

/// How a driver let go of its run.
pub(crate) enum Left {
    Ended(End),
    Parked(Box<Parked>),
}

/// A run that waits outside of memory.
pub(crate) struct Parked {
    controls: UnboundedReceiver<Box<Control>>,
    events: Option<UnboundedSender<Event>>,
    approvals: Approvals,
    leaving: watch::Receiver<Leaving>,
    /// Ready when it is to go on by itself.
    due: Option<Work<'static, ()>>,
    /// While a question is open, a virtual clock stands still.
    still: Option<Still>,
}

/// Something to do, as a virtual clock sees it.
struct Still(Arc<dyn Clock>);

impl Still {
    fn new(clock: &Arc<dyn Clock>) -> Self {
        clock.begin_work();
        Still(Arc::clone(clock))
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.0.end_work();
    }
}

/// Drives a run to its end, and lets go of it while it only waits.
pub(crate) async fn driven(
    inner: Arc<Inner>,
    run: RunId,
    driver: Box<Driver>,
    handed: Handed,
) -> Result<End, EngineError> {
    let mut going: BoxFuture<'static, _> = driver.run(handed).boxed();
    loop {
        let mut parked = match going.await? {
            Left::Ended(end) => return Ok(end),
            Left::Parked(parked) => parked,
        };
        tracing::debug!(run = %run, "run is parked");
        let said = tokio::select! {
            biased;
            said = parked.controls.recv() => Some(said.ok_or(EngineError::Stopped)?),
            () = time(&mut parked.due) => None,
            _ = parked.leaving.changed() => return Err(EngineError::ShutDown(run)),
        };
        parked.still.get_or_insert_with(|| Still::new(&inner.clock));
        going = Box::pin(again(Arc::clone(&inner), run.clone(), parked, said)).await?;
    }
}

async fn time(due: &mut Option<Work<'static, ()>>) {
    match due {
        Some(due) => due.await,
        None => std::future::pending().await,
    }
}

/// Loads a parked run and goes on with it.
async fn again(
    inner: Arc<Inner>,
    run: RunId,
    parked: Box<Parked>,
    said: Option<Box<Control>>,
) -> Result<BoxFuture<'static, Result<Left, EngineError>>, EngineError> {
    let engine = Engine { inner: Arc::clone(&inner) };
    let stored = engine.load(&run).await?;
    let machine = engine.replay(&stored)?;
    let earlier = engine.earlier(stored.header.origin.as_ref()).await?;
    let account = inner.guard.account(&inner, &stored.records);
    let turn = Turn { commands: machine.pending(), progress: Vec::new() };
    let spent = Spent::of(&stored.records);
    let handed =
        Handed { header: None, records: Vec::new(), turn, account, spent, began: stored.header.created };
    let Parked { controls, events, approvals, still, .. } = *parked;
    let start = Start { approvals, events, ..Start::default() };
    let mut driver = Driver::new(inner, run, machine, start, controls);
    // From here on the driver tells the clock that there is something to do.
    drop(still);
    driver.earlier = earlier;
    driver.said.extend(said);
    driver.quiet = true;
    Ok(driver.run(handed).boxed())
}

impl Driver {
    /// Whether nothing goes on but waiting, with a journal that has all there is to know.
    pub(crate) fn may_park(&self) -> bool {
        self.patience.is_some()
            && self.mode == Mode::Real
            && !self.inner.watched
            && self.calls.is_empty()
            && self.delayed.is_empty()
            && self.gate.is_at_rest()
            && self.said.is_empty()
            && self.is_written_down()
    }

    /// Lets go of the run, unless it goes on soon by itself.
    pub(crate) fn park(&mut self) -> Option<Box<Parked>> {
        let due = self.machine.pending().iter().filter_map(due_of).min();
        let soon = self.inner.clock.now().0.saturating_add(millis(PARK_AFTER));
        if !self.may_park() || due.is_some_and(|due| due.0 <= soon) {
            return None;
        }
        if let Some(metrics) = &self.inner.metrics {
            metrics.parked(&self.machine.plan().id);
        }
        let clock = &self.inner.clock;
        let open = self.waits_for_somebody();
        let (_, none) = unbounded_channel();
        Some(Box::new(Parked {
            due: due.map(|due| clock.sleep_until(due)),
            still: open.then(|| Still::new(clock)),
            controls: std::mem::replace(&mut self.controls, none),
            events: self.events.take(),
            approvals: self.approvals.clone(),
            leaving: self.leaving.clone(),
        }))
    }
}

/// When a command goes on by itself.
fn due_of(command: &Command) -> Option<Timestamp> {
    match command {
        Command::Sleep { until, .. } => Some(*until),
        Command::Ask(ask) => ask.due,
        Command::Form(form) => form.due,
        Command::Pause(pause) => pause.due,
        _ => None,
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
