//! A journal whose disk is full makes a run wait, not fail.
//!
//! Nothing new begins without a record, so a run that waits for room is paused by itself and goes on when somebody has
//! made some. Whoever watches it is told. Cancelling it ends the wait, and so does shutting the engine down, at once
//! if nothing but words would be lost, and otherwise when its grace is over: what was not written down never was, and
//! a change whose answer is among it is in doubt for whoever resumes the run, as after a crash. A disk that fails in
//! any other way is another matter: nobody knows what is on it, and the run ends where it is until the journal is
//! opened again.

use std::time::Duration;

use journal::{Event as Happened, Header, JournalError, Record};
use plan::StepPath;

use crate::driver::Driver;
use crate::leave::Leaving;
use crate::run::Control;
use crate::{EngineError, Event, EventKind};

/// How often room is looked for.
const AGAIN: Duration = Duration::from_secs(1);

impl Driver {
    /// Makes records durable, with the header of a run that begins. While there is no room for them, waits.
    pub(crate) async fn write(
        &mut self,
        header: Option<Header>,
        mut records: Vec<Record>,
    ) -> Result<(), EngineError> {
        if header.is_none() && records.is_empty() {
            return Ok(());
        }
        let mut waited = false;
        loop {
            let written = match header.clone() {
                Some(header) => self.inner.journal.create(header, records).await,
                None => self.inner.journal.append(&self.run, records).await,
            };
            let Err(JournalError::NoRoom { place, back }) = written else {
                if waited && written.is_ok() {
                    tracing::warn!(run = %self.run, "there is room for the journal again; the run goes on");
                    self.tell_in_any_case(EventKind::RoomAgain);
                }
                return Ok(written?);
            };
            if !waited {
                waited = true;
                let run = &self.run;
                tracing::warn!(%run, place, "there is no room for the journal; the run waits until there is");
                self.tell_in_any_case(EventKind::WaitsForRoom { place: place.clone() });
            }
            records = back;
            self.wait_for_room(&records, place).await?;
        }
    }

    /// Waits a moment, and hears meanwhile whether the run is to end here.
    async fn wait_for_room(&mut self, records: &[Record], place: String) -> Result<(), EngineError> {
        let again = tokio::time::sleep(AGAIN);
        tokio::pin!(again);
        loop {
            let leaving = *self.leaving.borrow_and_update();
            if leaving == Leaving::Now || (leaving == Leaving::Finish && !self.has_answers(records)) {
                return Err(EngineError::ShutDown(self.run.clone()));
            }
            tokio::select! {
                biased;
                Ok(()) = self.leaving.changed() => {}
                Some(control) = self.controls.recv() => match *control {
                    Control::Cancel { .. } => {
                        return Err(EngineError::NoRoom { run: self.run.clone(), place });
                    }
                    // Whatever else is said needs room as well, and is heard once there is some.
                    other => self.said.push_back(Box::new(other)),
                },
                () = &mut again => return Ok(()),
            }
        }
    }

    /// Whether calls have answered, or are about to, that would be made again or be in doubt.
    fn has_answers(&self, records: &[Record]) -> bool {
        let answer = |record: &Record| {
            matches!(record.event, Happened::Performed { .. } | Happened::AttemptFailed { .. })
        };
        records.iter().any(answer) || self.calls.values().any(|call| call.finishes)
    }

    /// Also where everything the run begins with was told before: this was not.
    fn tell_in_any_case(&self, kind: EventKind) {
        if let Some(events) = &self.events {
            // Nobody watches any more; the run waits all the same.
            let _ = events.send(Event { at: self.inner.clock.now(), path: StepPath::root(), kind });
        }
    }
}
