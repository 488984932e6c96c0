//! The handle of a run that goes on.

use interpreter::End;
use journal::{Decision, RunId};
use plan::StepPath;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::EngineError;

/// A run that goes on in the background. Dropping the handle stops driving it where it is, as a crash would;
/// [`crate::Engine::resume`] goes on.
pub struct Run {
    id: RunId,
    control: UnboundedSender<Control>,
    task: JoinHandle<Result<End, EngineError>>,
}

/// What a handle tells the driver.
pub(crate) enum Control {
    Decide {
        path: StepPath,
        decision: Decision,
        by: String,
        digest: Option<String>,
        reply: oneshot::Sender<Result<(), DecideError>>,
    },
    Cancel {
        by: String,
    },
}

/// Why a decision was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// No question is open there: never asked, answered already, or the run is over.
    #[error("{0} does not wait for a decision")]
    NotAsked(StepPath),
    /// The person saw something else than what is asked.
    #[error("{0} asks about something else by now; look at it again")]
    Stale(StepPath),
    /// The run is over, or its process is shutting down.
    #[error("the run does not go on any more")]
    Over,
}

impl Run {
    pub(crate) fn new(
        id: RunId,
        control: UnboundedSender<Control>,
        task: JoinHandle<Result<End, EngineError>>,
    ) -> Self {
        Run { id, control, task }
    }

    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Answers an approval. With a digest, only if that is what is being asked. Ready once it is durable.
    pub async fn decide(
        &self,
        path: &StepPath,
        decision: Decision,
        by: &str,
        digest: Option<&str>,
    ) -> Result<(), DecideError> {
        let (reply, answer) = oneshot::channel();
        let decide = Control::Decide {
            path: path.clone(),
            decision,
            by: by.to_owned(),
            digest: digest.map(str::to_owned),
            reply,
        };
        self.control.send(decide).map_err(|_| DecideError::Over)?;
        answer.await.map_err(|_| DecideError::Over)?
    }

    /// Asks the run to stop: nothing new begins, changes in flight are finished, reads are dropped.
    pub fn cancel(&self, by: &str) {
        // A run that is over cannot be cancelled; that is no error.
        let _ = self.control.send(Control::Cancel { by: by.to_owned() });
    }

    /// How the run ended. Not ready while it waits for a person.
    pub async fn wait(&mut self) -> Result<End, EngineError> {
        match (&mut self.task).await {
            Ok(end) => end,
            Err(_) => Err(EngineError::Stopped),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}
