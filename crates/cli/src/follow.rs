//! Following a run to its end: progress, questions at the terminal, what others say over the socket, signals.

use anyhow::Result;
use engine::{AnswerError, DecideError, Engine, EngineError, Event, EventKind, Form, Person, Run};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::control::{self, Answer, Control, Heard, Standing, What};
use crate::exit::Exit;
use crate::next;
use crate::output::{self, Style};
use crate::progress::Progress;
use crate::prompt::{self, Said};
use crate::report::Report;
use crate::signals::{self, Checkpoint};
use crate::wire::{Keep, Shared};

/// What is said when the first signal comes.
const STOPPING: &str =
    "stopping: nothing new begins, and what is in flight is finished; once more to leave at once";

/// How to follow.
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
    /// What the run is driven with.
    pub(crate) driven: Driven,
}

/// What a run is driven with, and how it is reached while it goes on.
pub(crate) struct Driven {
    engine: Engine,
    /// The playbook's file, for reports.
    name: String,
    kept: bool,
    /// Its connections lead into this process.
    simulated: bool,
    control: Option<Control>,
}

impl Driven {
    /// By this engine. A run that is kept can be spoken to by other commands.
    pub(crate) fn by(engine: &Engine, shared: &Shared, keep: &Keep, name: &str) -> Self {
        let kept = matches!(keep, Keep::Disk);
        let control = kept.then(|| Control::open(shared)).flatten();
        Driven { engine: engine.clone(), name: name.to_owned(), kept, simulated: false, control }
    }

    /// With connections that lead into this process.
    pub(crate) fn simulated(mut self, simulated: bool) -> Self {
        self.simulated = simulated;
        self
    }
}

/// Follows a run until it is over, rests until somebody who is not here says something, or a signal ends it.
pub(crate) async fn follow(
    run: &mut Run,
    events: UnboundedReceiver<Event>,
    mut how: Follow,
) -> Result<(Report, Exit)> {
    signals::drive(&how.driven.engine)?;
    let mut control = how.driven.control.take();
    let (said, heard) = unbounded_channel();
    let mut following = Following { how, report: Report::default(), rests: false, waiting: Vec::new(), said };
    let left = following.through(run, events, heard, &mut control).await;
    let exit = match left {
        Ok(Left::Ended) => following.ended(run).await,
        Ok(Left::Rests) => Ok(Exit::Waiting),
        Ok(Left::Stopped(checkpoint)) => Ok(following.stopped(run, checkpoint)),
        Err(error) => Err(error),
    };
    following.answer_waiting(run);
    if let Some(control) = control {
        control.close(|heard| following.last_word(run, heard)).await;
    }
    signals::finish();
    Ok((following.report, exit?))
}

/// Why the following ended.
enum Left {
    /// The run is over.
    Ended,
    /// It goes on when somebody says something.
    Rests,
    /// A signal came, and what was in flight has been written down.
    Stopped(Checkpoint),
}

struct Following {
    how: Follow,
    report: Report,
    /// Nothing goes on until somebody says something.
    rests: bool,
    /// Who wants to know when it rests, or is over.
    waiting: Vec<(control::Form, oneshot::Sender<Answer>)>,
    said: UnboundedSender<Said>,
}

impl Following {
    async fn through(
        &mut self,
        run: &Run,
        mut events: UnboundedReceiver<Event>,
        mut heard: UnboundedReceiver<Said>,
        control: &mut Option<Control>,
    ) -> Result<Left> {
        let (mut stopping, mut closed) = (false, false);
        loop {
            tokio::select! {
                biased;
                event = events.recv(), if !closed => match event {
                    None if stopping => closed = true,
                    None => return Ok(Left::Ended),
                    Some(event) => {
                        // Only the last word counts: what was said meanwhile is in the queue behind it.
                        self.note(&event, events.is_empty());
                        match event.kind {
                            EventKind::Ended(_) => return Ok(Left::Ended),
                            _ if self.rests && self.leaves() && !stopping => return Ok(Left::Rests),
                            _ => {}
                        }
                    }
                },
                checkpoint = signals::checkpoint(), if stopping => return Ok(Left::Stopped(checkpoint)),
                () = signals::told(), if !stopping => {
                    stopping = true;
                    output::complain(STOPPING);
                }
                Some(said) = heard.recv() => {
                    if !self.take(run, said).await? {
                        return Ok(Left::Rests);
                    }
                }
                request = Control::next(control) => self.hear(run, request).await,
            }
        }
    }

    fn note(&mut self, event: &Event, last: bool) {
        self.report.note(event, &self.how.driven.engine);
        if let Some(progress) = &mut self.how.progress {
            progress.lines(event, Style::stderr()).iter().for_each(|line| output::complain(line));
        }
        match &event.kind {
            EventKind::Asked(ask) if self.how.interactive && !self.how.approved => {
                prompt::decision((**ask).clone(), self.said.clone());
            }
            EventKind::Form(form) if self.how.interactive => {
                prompt::form((**form).clone(), None, self.said.clone());
            }
            _ => {}
        }
        self.rests = match &event.kind {
            EventKind::Waiting => last && self.report.waits_for_somebody(),
            EventKind::Paused => last,
            _ => false,
        };
    }

    /// Whether there is anything to stay for while the run rests.
    fn leaves(&self) -> bool {
        let asked_here = self.how.interactive && self.report.asks_people();
        self.report.is_paused() || (self.how.leave_waiting && !asked_here)
    }

    async fn ended(&mut self, run: &mut Run) -> Result<Exit> {
        let end = match run.wait().await {
            // Stopped from within, a moment before the signal was heard here.
            Err(EngineError::ShutDown(_) | EngineError::Stopped) if signals::came() => {
                let checkpoint = signals::checkpoint().await;
                return Ok(self.stopped(run, checkpoint));
            }
            end => end?,
        };
        let exit = Exit::from(end.status);
        self.report.end.get_or_insert(end);
        Ok(exit)
    }

    /// Says what became of a run that a signal has stopped.
    fn stopped(&self, run: &Run, checkpoint: Checkpoint) -> Exit {
        let (id, driven) = (run.id(), &self.how.driven);
        if !driven.kept {
            output::complain("stopped; nothing of this run is kept");
        } else if driven.simulated {
            output::complain(&next::carry(&format!(
                "run {id} is kept; its simulator ends with this process, so `portcullis runs resume {id}` goes on only if \
                 it has changed nothing yet"
            )));
        } else {
            let said = format!("run {id} is kept; `portcullis runs resume {id}` goes on");
            output::complain(&next::carry(&said));
        }
        if let Some(said) = checkpoint.unanswered() {
            output::complain(&said);
        }
        checkpoint.exit()
    }

    /// Somebody asks something over the socket.
    async fn hear(&mut self, run: &Run, Heard { request, person, reply }: Heard) {
        if request.run != run.id().as_str() {
            let elsewhere =
                Answer::Elsewhere { process: std::process::id(), drives: run.id().as_str().to_owned() };
            // Whoever asked may have gone away, here and below.
            let _ = reply.send(elsewhere);
            return;
        }
        if let What::Status { wait, form } = request.what {
            if wait && !self.rests {
                self.waiting.push((form, reply));
            } else {
                let _ = reply.send(self.standing(run, form));
            }
            return;
        }
        let answer = match control::act(run, &self.report, request, &person).await {
            Ok(()) => {
                // What follows from it is on its way.
                self.rests = false;
                Answer::Done
            }
            Err(message) => Answer::Refused { message },
        };
        let _ = reply.send(answer);
    }

    fn standing(&self, run: &Run, form: control::Form) -> Answer {
        let (id, name) = (run.id().as_str(), self.how.driven.name.as_str());
        let report = match form {
            control::Form::Json => self.report.to_json(id, name, false),
            control::Form::Text => Value::from(self.report.to_text(id, name, false, Style::off())),
            control::Form::Colour => Value::from(self.report.to_text(id, name, false, Style::on())),
        };
        let status = self.report.status();
        Answer::Standing(Standing { status, report, next: crate::command::next_steps(id, &self.report) })
    }

    /// To whoever asks when nothing can be said to the run any more: how it stands, and nothing else.
    fn last_word(&self, run: &Run, Heard { request, reply, .. }: Heard) {
        let answer = match request.what {
            What::Status { form, .. } if request.run == run.id().as_str() => self.standing(run, form),
            _ => {
                Answer::Refused { message: "the process that drove the run is ending; try again".to_owned() }
            }
        };
        let _ = reply.send(answer);
    }

    fn answer_waiting(&mut self, run: &Run) {
        for (form, reply) in std::mem::take(&mut self.waiting) {
            let _ = reply.send(self.standing(run, form));
        }
    }

    /// Passes on what a person said at the terminal. Whether the run is to be followed further.
    async fn take(&mut self, run: &Run, now: Said) -> Result<bool> {
        match now {
            // Somebody else has answered meanwhile, and the run goes on.
            Said::Later(path) => Ok(!self.report.is_open(&path)),
            Said::Decision(path, digest, decision) => {
                match run.decide(&path, decision, &self.how.person, Some(&digest)).await {
                    Ok(()) => Ok(true),
                    Err(error @ (DecideError::NotAllowed { .. } | DecideError::Twice { .. })) => {
                        output::complain(&format!("  {}", output::line(&error.to_string())));
                        Ok(false)
                    }
                    Err(error @ (DecideError::NotAsked(_) | DecideError::Stale(_) | DecideError::Over)) => {
                        output::complain(&format!("  not taken: {}", output::line(&error.to_string())));
                        Ok(true)
                    }
                    Err(error) => Err(error.into()),
                }
            }
            Said::Answer(form, answer) => self.answer_form(run, *form, answer).await,
        }
    }

    async fn answer_form(&mut self, run: &Run, form: Form, answer: Value) -> Result<bool> {
        match run.answer(&form.path, answer, &self.how.person).await {
            Ok(()) => Ok(true),
            Err(error @ AnswerError::Invalid { .. }) => {
                prompt::form(form, Some(error.to_string()), self.said.clone());
                Ok(true)
            }
            Err(error @ AnswerError::NotAllowed { .. }) => {
                output::complain(&format!("  {}", output::line(&error.to_string())));
                Ok(false)
            }
            Err(error @ (AnswerError::NotAsked(_) | AnswerError::Over)) => {
                output::complain(&format!("  not taken: {}", output::line(&error.to_string())));
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}
