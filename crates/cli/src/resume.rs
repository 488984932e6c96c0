//! Going on with a stored run: the same surroundings again, then follow it; or, where another process drives it,
//! through that one.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use engine::{Decision, Engine, EngineError, Person, Run, RunId, RunStatus, Start, StepPath};
use interpreter::Command;
use journal::{Event as Happened, Journal, Record, StoredRun, Timestamp};
use playbook::{Actions, Source};
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use crate::command::next_steps;
use crate::control::{Answer, Form, Peer, Standing, What};
use crate::exit::{Exit, Wrong};
use crate::follow::{Driven, Follow, follow};
use crate::identity::{IdentityFlags, who};
use crate::inputs::InputFlags;
use crate::next;
use crate::output::{self, Style};
use crate::places;
use crate::progress::Progress;
use crate::report::Report;
use crate::signals;
use crate::simulator::Simulator;
use crate::wire::{self, Keep, Shared};

/// What to do with the run before following it.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nothing.
    Follow,
    /// Take the actions of today.
    Adopt,
    /// Answer this question; with a digest, only if that is what is asked.
    Decide(StepPath, Decision, Person, Option<String>),
    /// Fill this form in.
    Answer(StepPath, InputFlags, Person),
    /// Send it this event.
    Signal(String, Value),
    /// Let nothing new begin.
    Pause(Person),
    /// Let one call begin.
    Step(Person),
    /// Let it go on after a pause.
    Continue(Person),
    /// Stop it.
    Cancel(Person),
}

impl Then {
    /// Who does it.
    fn person(&self, shared: &Shared) -> Result<Person> {
        match self {
            Then::Decide(_, _, person, _)
            | Then::Answer(_, _, person)
            | Then::Pause(person)
            | Then::Step(person)
            | Then::Continue(person)
            | Then::Cancel(person) => Ok(person.clone()),
            Then::Follow | Then::Adopt | Then::Signal(..) => IdentityFlags::default().person(shared),
        }
    }

    /// How a command ends that found the run in this state afterwards.
    fn exit(&self, status: RunStatus) -> Exit {
        match (self, status) {
            (Then::Pause(_) | Then::Step(_), RunStatus::Paused) => Exit::Done,
            (Then::Cancel(_), RunStatus::Cancelled) => Exit::Done,
            _ => Exit::from(status),
        }
    }
}

/// Reads a run's name.
pub(crate) fn run_id(text: &str) -> Result<RunId> {
    RunId::new(text).ok_or_else(|| {
        Wrong(format!("`{}` is not the name of a run; `portcullis runs list` shows them", output::line(text)))
            .into()
    })
}

/// Reads a step's path.
pub(crate) fn step_path(text: &str) -> Result<StepPath> {
    StepPath::parse(text).map_err(|error| Wrong(error.to_string()).into())
}

/// Goes on with a run.
pub(crate) async fn resume(shared: &Shared, run: &str, then: Then, json: bool) -> Result<Exit> {
    let id = run_id(run)?;
    let stored = wire::reader(shared)?.load(&id).await?;
    let ended = ended(&stored);
    if let Some(status) = ended.filter(|_| !matches!(then, Then::Follow)) {
        return Err(Wrong(format!(
            "run {id} is over ({}) and waits for nothing; `portcullis runs show {id}`",
            status.as_str()
        ))
        .into());
    }
    let config = shared.config()?;
    let data = shared.data(&config);
    let person = then.person(shared)?;
    if ended.is_none()
        && let Some(peer) = Peer::of(&data, id.as_str(), &person.name).await
    {
        let known = config.people.get(&person.name).map(|known| known.roles.as_slice()).unwrap_or_default();
        if let Some(role) = person.roles.iter().find(|role| !known.contains(role)) {
            return Err(Wrong(format!(
                "`--role {}` counts only where this command drives the run itself; another process does, and it knows \
                 the roles under `people:` in its configuration",
                output::line(role)
            ))
            .into());
        }
        return elsewhere(peer, &wire::whole(shared, stored)?, then, json).await;
    }
    if let Then::Pause(person) = &then {
        return pause(shared, &id, person, json).await;
    }
    here(shared, stored, then, person, json).await
}

fn ended(stored: &StoredRun) -> Option<RunStatus> {
    stored.records.iter().find_map(|record| match &record.event {
        Happened::Ended { status, .. } => Some(*status),
        _ => None,
    })
}

/// Through the process that drives the run.
async fn elsewhere(mut peer: Peer, stored: &StoredRun, then: Then, json: bool) -> Result<Exit> {
    signals::aside()?;
    let id = &stored.header.run;
    let what = match &then {
        Then::Follow | Then::Adopt => {
            // Says so if it drives another run.
            peer.ask(What::Status { wait: false, form: Form::Text }).await?;
            return Err(Wrong(format!(
                "run {id} goes on in another process already; `portcullis runs logs {id} --follow` shows it"
            ))
            .into());
        }
        Then::Decide(step, decision, _, digest) => {
            let (step, digest) = (step.as_str().to_owned(), digest.clone());
            match decision {
                Decision::Approved => What::Approve { step, digest },
                _ => What::Reject { step, digest },
            }
        }
        Then::Answer(path, fields, _) => {
            let answer = answer(fields, &wire::catalogue()?, stored, path)?;
            What::Answer { step: path.as_str().to_owned(), answer }
        }
        Then::Signal(event, payload) => What::Signal { event: event.clone(), payload: payload.clone() },
        Then::Pause(_) => What::Pause,
        Then::Step(_) => What::Step,
        Then::Continue(_) => What::Continue,
        Then::Cancel(_) => What::Cancel,
    };
    peer.tell(what).await?;
    let form = match json {
        true => Form::Json,
        false if Style::stdout().is_on() => Form::Colour,
        false => Form::Text,
    };
    if output::is_interactive() {
        output::complain(
            "taken; the run goes on in the process that drives it (Ctrl-C here only stops waiting)",
        );
    }
    let Answer::Standing(Standing { status, report, next }) =
        peer.ask(What::Status { wait: true, form }).await?
    else {
        return Err(anyhow!("the process that drives the run is of another version"));
    };
    match report {
        Value::String(text) => {
            output::say_raw(&text);
            if !next.is_empty() && !status.is_final() {
                output::say(&next::carry(&next));
            }
        }
        report => output::say_json(&report),
    }
    Ok(then.exit(status))
}

/// Nobody drives the run: that it is paused is written down, and nothing of it begins.
async fn pause(shared: &Shared, id: &RunId, person: &Person, json: bool) -> Result<Exit> {
    let journal = wire::journal(shared)?;
    let (stored, engine) = (wire::whole(shared, journal.load(id).await?)?, wire::catalogue()?);
    note(journal.as_ref(), &engine, &stored, vec![Happened::Paused { by: person.name.clone() }]).await?;
    if json {
        let report = Report::paused(&person.name, open(&engine, &stored));
        output::say_json(&report.to_json(id.as_str(), &stored.header.source, false));
    } else {
        output::say(&next::carry(&format!("run {id} is paused; `portcullis runs continue {id}` goes on")));
    }
    Ok(Exit::Done)
}

/// Adds to the history of a run that nobody drives, if it fits there.
async fn note(
    journal: &dyn Journal,
    engine: &Engine,
    stored: &StoredRun,
    events: Vec<Happened>,
) -> Result<Vec<Record>> {
    let id = &stored.header.run;
    let now = jiff::Timestamp::now().as_millisecond();
    let last = stored.records.last().map_or(0, |record| record.at.0);
    let mut machine = engine.replay(stored)?;
    let mut records = Vec::new();
    for event in events {
        if matches!(event, Happened::Paused { .. }) && machine.is_paused() {
            return Err(Wrong(format!("run {id} is paused already")).into());
        }
        let record = Record { seq: machine.seq() + 1, at: Timestamp(now.max(last)), event };
        machine.apply(&record).map_err(|source| EngineError::Diverged { run: id.clone(), source })?;
        records.push(record);
    }
    journal.append(id, records.clone()).await?;
    Ok(records)
}

/// In this process.
async fn here(
    shared: &Shared,
    mut stored: StoredRun,
    then: Then,
    person: Person,
    json: bool,
) -> Result<Exit> {
    signals::listen()?;
    let sim = stored.header.driver.get("sim").and_then(|sim| sim.as_str()).map(PathBuf::from);
    if sim.is_some() && ended(&stored).is_none() && changed_something(&stored)? {
        return Err(anyhow!(
            "run {} used a simulator inside a process that is gone, and had changed mails there; start it anew",
            stored.header.run
        ));
    }
    let simulator = match &sim {
        None => None,
        Some(folder) => Some(Simulator::start(folder).await?),
    };
    let engine = wire::engine(shared, &Keep::Disk, simulator.as_ref())?;
    let id = stored.header.run.clone();
    // Now that this process has the folder: another one may have got further in between.
    stored = engine.journal().load(&id).await?;
    if matches!(then, Then::Cancel(_)) && ended(&stored).is_none() {
        // Written down before anything of the run can begin again; cancelling ends a pause.
        let by = person.name.clone();
        let mut events = vec![Happened::CancelRequested { by: by.clone() }];
        if engine.replay(&stored)?.is_paused() {
            events.push(Happened::Continued { by });
        }
        let records = note(engine.journal().as_ref(), &engine, &stored, events).await?;
        stored.records.extend(records);
    }
    let (sender, events) = unbounded_channel();
    let adopt = matches!(then, Then::Adopt);
    let start = Start { starter: who(), events: Some(sender), adopt, ..Start::default() };
    let header = &stored.header;
    let mut run = match engine.resume(&id, start).await {
        Ok(run) => run,
        Err(error) => {
            if let EngineError::NeedsUpgrade { diagnostics, .. } = &error {
                crate::diagnose::print(diagnostics, Source::new(&header.source, &header.text), json);
            }
            return Err(error.into());
        }
    };
    say(&run, &then, &engine, &stored).await?;
    let progress = (Style::stderr().is_on() && !json)
        .then(|| engine.replay(&stored).map(|machine| Progress::of(machine.plan())))
        .transpose()?;
    let how = Follow {
        progress,
        person,
        interactive: output::is_interactive() && !json && matches!(then, Then::Follow | Then::Adopt),
        approved: false,
        leave_waiting: !matches!(then, Then::Cancel(_)),
        driven: Driven::by(&engine, shared, &Keep::Disk, &header.source).simulated(sim.is_some()),
    };
    let (report, mut exit) = follow(&mut run, events, how).await?;
    if report.end.is_some() || exit == Exit::Waiting {
        exit = then.exit(report.status());
    }
    if json {
        output::say_json(&report.to_json(id.as_str(), &header.source, false));
    } else {
        output::say_raw(&report.to_text(id.as_str(), &header.source, false, Style::stdout()));
        if report.end.is_none() {
            output::say(&next::carry(&next_steps(id.as_str(), &report)));
        }
    }
    drop(run);
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    Ok(exit)
}

/// Says to the run what it was resumed for.
async fn say(run: &Run, then: &Then, engine: &Engine, stored: &StoredRun) -> Result<()> {
    let wrong = |message: String| anyhow::Error::new(Wrong(message));
    match then {
        Then::Follow | Then::Adopt | Then::Cancel(_) | Then::Pause(_) => {}
        Then::Decide(path, decision, person, digest) => {
            run.decide(path, *decision, person, digest.as_deref()).await.map_err(|error| match error {
                engine::DecideError::NotAsked(path) => {
                    wrong(places::no_question(&path, &asks(engine, stored)))
                }
                error => wrong(error.to_string()),
            })?;
        }
        Then::Answer(path, fields, person) => {
            let answer = answer(fields, engine, stored, path)?;
            run.answer(path, answer, person).await.map_err(|error| match error {
                engine::AnswerError::NotAsked(path) => wrong(places::no_form(&path, &forms(engine, stored))),
                error => wrong(error.to_string()),
            })?;
        }
        Then::Signal(name, payload) => {
            run.signal(name, payload.clone()).await.map_err(|error| wrong(error.to_string()))?;
        }
        Then::Step(person) => run.step(&person.name).await.map_err(|error| wrong(error.to_string()))?,
        Then::Continue(person) => {
            run.proceed(&person.name).await.map_err(|error| wrong(error.to_string()))?
        }
    }
    Ok(())
}

/// What was filled in, read by the form's schema.
fn answer(fields: &InputFlags, engine: &Engine, stored: &StoredRun, path: &StepPath) -> Result<Value> {
    let form = forms(engine, stored).into_iter().find(|form| form.path == *path);
    let schema = form.map(|form| form.schema).unwrap_or_default();
    Ok(Value::Object(fields.read_for(&schema)?.into_iter().collect()))
}

/// What a run asks for; nothing if its playbook is not understood any more, which is said elsewhere.
fn open(engine: &Engine, stored: &StoredRun) -> Vec<Command> {
    engine.replay(stored).map(|machine| machine.pending()).unwrap_or_default()
}

fn asks(engine: &Engine, stored: &StoredRun) -> Vec<engine::Ask> {
    let open = open(engine, stored).into_iter();
    open.filter_map(|command| if let Command::Ask(ask) = command { Some(*ask) } else { None }).collect()
}

fn forms(engine: &Engine, stored: &StoredRun) -> Vec<engine::Form> {
    let open = open(engine, stored).into_iter();
    open.filter_map(|command| if let Command::Form(form) = command { Some(*form) } else { None }).collect()
}

/// Whether a run called anything that is not a read.
pub(crate) fn changed_something(stored: &StoredRun) -> Result<bool> {
    let catalogue = wire::catalogue()?;
    let reads = |name: &str| catalogue.spec(name).is_some_and(|spec| !spec.effect.changes());
    Ok(stored.records.iter().any(|record| match &record.event {
        Happened::Performing { action, .. } => !reads(action),
        _ => false,
    }))
}
