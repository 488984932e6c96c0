//! Following a run to its end: progress, questions, signals of the system.

use anyhow::{Context, Result};
use engine::{AnswerError, DecideError, Event, EventKind, Form, Person, Run, RunStatus};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::exit::Exit;
use crate::output::{self, Style};
use crate::progress::Progress;
use crate::prompt::{self, Said};
use crate::report::Report;

/// How to follow.
#[derive(Debug)]
pub(crate) struct Follow {
    /// Shows steps as they happen.
    pub(crate) progress: Option<Progress>,
    /// Who answers at the terminal.
    pub(crate) person: Person,
    /// Ask at the terminal. Otherwise a question ends the following.
    pub(crate) interactive: bool,
    /// Approvals were given in advance: nobody is asked for them.
    pub(crate) approved: bool,
    /// Leave when nothing goes on but questions. Otherwise stay to the end, because it is on its way.
    pub(crate) leave_waiting: bool,
}

/// Follows a run until it is over, waits for somebody who is not here, or is interrupted.
pub(crate) async fn follow(
    run: &mut Run,
    mut events: UnboundedReceiver<Event>,
    mut how: Follow,
) -> Result<(Report, Exit)> {
    let mut report = Report::default();
    let (said, mut heard) = unbounded_channel();
    let mut signals = Signals::new()?;
    let mut cancelled = false;
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                None => break,
                Some(event) => {
                    report.note(&event);
                    if let Some(progress) = &mut how.progress {
                        progress.lines(&event, Style::stderr()).iter().for_each(|line| output::complain(line));
                    }
                    match &event.kind {
                        EventKind::Asked(ask) if how.interactive && !how.approved => prompt::decision((**ask).clone(), said.clone()),
                        EventKind::Form(form) if how.interactive => prompt::form((**form).clone(), None, said.clone()),
                        // Only the last word counts: an answer given meanwhile is in the queue behind it. Events
                        // come by another process, which needs the data folder for itself.
                        EventKind::Waiting
                            if how.leave_waiting
                                && report.waits_for_somebody()
                                && !(how.interactive && report.asks_people())
                                && events.is_empty() =>
                        {
                            return Ok((report, Exit::Waiting));
                        }
                        EventKind::Ended(_) => break,
                        _ => {}
                    }
                }
            },
            Some(said_now) = heard.recv() => {
                if !take(run, said_now, &how.person, &said).await? {
                    return Ok((report, Exit::Waiting));
                }
            },
            signal = signals.next() => match signal {
                Signal::Interrupt if !cancelled => {
                    cancelled = true;
                    output::complain("stopping: what is in flight is finished first; once more to leave at once");
                    run.cancel(&format!("{} (Ctrl-C)", how.person.name));
                }
                Signal::Interrupt => return Ok((report, Exit::Interrupted)),
                Signal::Terminate => {
                    output::complain("terminated: the run stays where it is and can be resumed");
                    return Ok((report, Exit::Interrupted));
                }
            },
        }
    }
    let end = run.wait().await?;
    let exit = match end.status {
        RunStatus::Cancelled if !cancelled => Exit::Failed,
        status => Exit::from(status),
    };
    report.end.get_or_insert(end);
    Ok((report, exit))
}

/// Passes on what a person said at the terminal. Whether the run is to be followed further.
async fn take(run: &Run, now: Said, person: &Person, said: &UnboundedSender<Said>) -> Result<bool> {
    match now {
        Said::Later => Ok(false),
        Said::Decision(path, digest, decision) => {
            match run.decide(&path, decision, person, Some(&digest)).await {
                Ok(()) => Ok(true),
                Err(error @ (DecideError::NotAllowed { .. } | DecideError::Twice { .. })) => {
                    output::complain(&format!("  {}", output::line(&error.to_string())));
                    Ok(false)
                }
                Err(error) => Err(error.into()),
            }
        }
        Said::Answer(form, answer) => answer_form(run, *form, answer, person, said).await,
    }
}

async fn answer_form(
    run: &Run,
    form: Form,
    answer: Value,
    person: &Person,
    said: &UnboundedSender<Said>,
) -> Result<bool> {
    match run.answer(&form.path, answer, person).await {
        Ok(()) => Ok(true),
        Err(error @ AnswerError::Invalid { .. }) => {
            prompt::form(form, Some(error.to_string()), said.clone());
            Ok(true)
        }
        Err(error @ AnswerError::NotAllowed { .. }) => {
            output::complain(&format!("  {}", output::line(&error.to_string())));
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

enum Signal {
    Interrupt,
    Terminate,
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let context = "could not listen for signals";
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt()).context(context)?,
            terminate: signal(SignalKind::terminate()).context(context)?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
