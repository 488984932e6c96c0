//! The handle of a run that goes on.

use interpreter::{End, MAX_SIGNALS};
use journal::{Decision, RunId};
use plan::StepPath;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{EngineError, Person};

/// A run that goes on in the background. Dropping the handle stops driving it where it is, as a crash would;
/// [`crate::Engine::resume`] goes on.
pub struct Run {
    id: RunId,
    control: UnboundedSender<Box<Control>>,
    task: JoinHandle<Result<End, EngineError>>,
}

/// What a handle tells the driver.
pub(crate) enum Control {
    Decide {
        path: StepPath,
        decision: Decision,
        by: Person,
        digest: Option<String>,
        reply: oneshot::Sender<Result<(), DecideError>>,
    },
    Answer {
        path: StepPath,
        answer: Value,
        by: Person,
        reply: oneshot::Sender<Result<(), AnswerError>>,
    },
    Signal {
        name: String,
        payload: Value,
        reply: oneshot::Sender<Result<(), SignalError>>,
    },
    Cancel {
        by: String,
    },
    Halt {
        halt: Halt,
        by: String,
        reply: oneshot::Sender<Result<(), HaltError>>,
    },
}

/// What a person wants of a run that goes on, or is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// Nothing new is to begin.
    Pause,
    /// One call is to begin.
    Step,
    /// Everything is to go on.
    Proceed,
}

/// Why a run was not paused, or does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HaltError {
    /// Somebody has paused it before.
    #[error("the run is paused already")]
    Paused,
    /// Only a paused run can go on.
    #[error("the run is not paused")]
    NotPaused,
    /// A paused run that holds no call back: what was in flight has not ended yet, or it waits for time or a person.
    #[error("no call is held back just now, so there is nothing to let begin")]
    NothingHeld,
    /// The run is over, or its process is shutting down.
    #[error("the run does not go on any more")]
    Over,
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
    /// The playbook does not let this person decide.
    #[error("{path} is not for this person to decide: {reason}")]
    NotAllowed {
        /// The `approve` step.
        path: StepPath,
        /// Why, with the roles that may.
        reason: String,
    },
    /// The person has approved already, and one more person has to.
    #[error("{by} has approved {path} already; somebody else has to as well")]
    Twice {
        /// The `approve` step.
        path: StepPath,
        /// The person.
        by: String,
    },
    /// The run is over, or its process is shutting down.
    #[error("the run does not go on any more")]
    Over,
}

/// Why the answer to a form was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// No form is open there: never asked, answered already, or the run is over.
    #[error("{0} does not wait for an answer")]
    NotAsked(StepPath),
    /// The playbook does not let this person answer.
    #[error("{path} is not for this person to answer: {reason}")]
    NotAllowed {
        /// The `ask` step.
        path: StepPath,
        /// Why, with the roles that may.
        reason: String,
    },
    /// The answer breaks the form. Nothing was written down.
    #[error("the answer to {path} does not fit its form: {}", .problems.join("; "))]
    Invalid {
        /// The `ask` step.
        path: StepPath,
        /// Each place and what is wrong there; never the value.
        problems: Vec<String>,
    },
    /// The run is over, or its process is shutting down.
    #[error("the run does not go on any more")]
    Over,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The playbook never waits for such an event.
    #[error("the playbook waits for no event `{0}`")]
    Unknown(String),
    /// What the event brings breaks a schema the playbook has for it. Nothing was written down.
    #[error("what event `{name}` brings does not fit: {}", .problems.join("; "))]
    Invalid {
        /// Its name.
        name: String,
        /// Each place and what is wrong there; never the value.
        problems: Vec<String>,
    },
    /// Too many events wait to be waited for.
    #[error("the run keeps {MAX_SIGNALS} events already that it has not waited for")]
    TooMany,
    /// The run is over, or its process is shutting down.
    #[error("the run does not go on any more")]
    Over,
}

impl Run {
    pub(crate) fn new(
        id: RunId,
        control: UnboundedSender<Box<Control>>,
        task: JoinHandle<Result<End, EngineError>>,
    ) -> Self {
        Run { id, control, task }
    }

    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Whether nothing goes on any more: the run is over, or it was stopped where it is.
    pub fn is_done(&self) -> bool {
        self.task.is_finished()
    }

    /// Answers an approval. With a digest, only if that is what is being asked. Ready once it is durable.
    ///
    /// A plain name is a person without roles.
    ///
    /// # Errors
    /// Nothing is asked there, or something else, or not of this person.
    pub async fn decide(
        &self,
        path: &StepPath,
        decision: Decision,
        by: impl Into<Person>,
        digest: Option<&str>,
    ) -> Result<(), DecideError> {
        let (reply, answer) = oneshot::channel();
        let decide = Control::Decide {
            path: path.clone(),
            decision,
            by: by.into(),
            digest: digest.map(str::to_owned),
            reply,
        };
        self.control.send(Box::new(decide)).map_err(|_| DecideError::Over)?;
        answer.await.map_err(|_| DecideError::Over)?
    }

    /// Fills a form in. Fields with a default may be left out. Ready once it is durable.
    ///
    /// # Errors
    /// No form is open there, the answer breaks it, or it is not for this person.
    pub async fn answer(
        &self,
        path: &StepPath,
        answer: Value,
        by: impl Into<Person>,
    ) -> Result<(), AnswerError> {
        let (reply, answered) = oneshot::channel();
        let control = Control::Answer { path: path.clone(), answer, by: by.into(), reply };
        self.control.send(Box::new(control)).map_err(|_| AnswerError::Over)?;
        answered.await.map_err(|_| AnswerError::Over)?
    }

    /// Sends the run an event. The first `wait` that it fits takes it; without one it is kept for a later one.
    /// Ready once it is durable.
    ///
    /// # Errors
    /// The playbook waits for no such event, what it brings breaks a schema the playbook has for events of this
    /// name, or too many are kept already.
    pub async fn signal(&self, name: &str, payload: Value) -> Result<(), SignalError> {
        let (reply, taken) = oneshot::channel();
        let control = Control::Signal { name: name.to_owned(), payload, reply };
        self.control.send(Box::new(control)).map_err(|_| SignalError::Over)?;
        taken.await.map_err(|_| SignalError::Over)?
    }

    /// Asks the run to stop: nothing new begins, changes in flight are finished, reads are dropped, and
    /// `finally` gets a minute.
    pub fn cancel(&self, by: &str) {
        // A run that is over cannot be cancelled; that is no error.
        let _ = self.control.send(Box::new(Control::Cancel { by: by.to_owned() }));
    }

    /// Lets nothing new begin: the next calls, and next attempts of calls, are held back until
    /// [`Run::step`] or [`Run::proceed`], also by another process that resumes the run. Calls in flight end as ever,
    /// and questions, time limits and cancellation go on. Ready once it is durable.
    ///
    /// # Errors
    /// The run is paused already, or over.
    pub async fn pause(&self, by: &str) -> Result<(), HaltError> {
        self.halt(Halt::Pause, by).await
    }

    /// Lets the first call begin that a paused run holds back, in the order of the playbook. The run stays paused.
    /// Ready once it is durable.
    ///
    /// # Errors
    /// The run is not paused, holds nothing back, or is over.
    pub async fn step(&self, by: &str) -> Result<(), HaltError> {
        self.halt(Halt::Step, by).await
    }

    /// Lets a paused run go on. Ready once it is durable.
    ///
    /// # Errors
    /// The run is not paused, or over.
    pub async fn proceed(&self, by: &str) -> Result<(), HaltError> {
        self.halt(Halt::Proceed, by).await
    }

    async fn halt(&self, halt: Halt, by: &str) -> Result<(), HaltError> {
        let (reply, taken) = oneshot::channel();
        let control = Control::Halt { halt, by: by.to_owned(), reply };
        self.control.send(Box::new(control)).map_err(|_| HaltError::Over)?;
        taken.await.map_err(|_| HaltError::Over)?
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
