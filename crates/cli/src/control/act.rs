//! Doing what was asked over the socket, to the run of this process.

use engine::{DecideError, Decision, Person, Run, StepPath};

use super::protocol::{Request, What};
use crate::places;
use crate::report::Report;

/// Does it, and waits until it is durable. The error says why it was not taken.
pub(crate) async fn act(run: &Run, report: &Report, request: Request, person: &Person) -> Result<(), String> {
    let decide = async |step: String, decision: Decision, digest: Option<String>| {
        let path = StepPath::from(step.as_str());
        let decided = run.decide(&path, decision, person, digest.as_deref()).await;
        decided.map_err(|error| match error {
            DecideError::NotAsked(path) => places::no_question(&path, &report.asks),
            error => error.to_string(),
        })
    };
    match request.what {
        What::Approve { step, digest } => decide(step, Decision::Approved, digest).await,
        What::Reject { step, digest } => decide(step, Decision::Rejected, digest).await,
        What::Answer { step, answer } => {
            let path = StepPath::from(step.as_str());
            run.answer(&path, answer, person).await.map_err(|error| match error {
                engine::AnswerError::NotAsked(path) => places::no_form(&path, &report.forms),
                error => error.to_string(),
            })
        }
        What::Signal { event, payload } => {
            run.signal(&event, payload).await.map_err(|error| error.to_string())
        }
        What::Pause => run.pause(&person.name).await.map_err(|error| error.to_string()),
        What::Step => run.step(&person.name).await.map_err(|error| error.to_string()),
        What::Continue => run.proceed(&person.name).await.map_err(|error| error.to_string()),
        What::Cancel => {
            run.cancel(&person.name);
            Ok(())
        }
        What::Status { .. } => Ok(()),
    }
}
