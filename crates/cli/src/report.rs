//! What a run did, gathered from its events, as a responder reads it and as one JSON object.

mod people;

use std::collections::BTreeMap;

use engine::{Ask, Effect, End, Event, EventKind, Failure, Form, Pause, ProgressKind, RunStatus, StepPath};
use interpreter::Command;
use playbook::Actions;
use serde_json::{Value, json};

use self::people::{ask_json, form_json, wait_json};
pub(crate) use self::people::{ask_text, form_text};
use crate::output::{Style, line, visible};
use crate::subjects::{self, Subjects};

/// Everything worth saying about a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    calls: BTreeMap<StepPath, Call>,
    /// In the order they were made.
    order: Vec<StepPath>,
    /// Tolerated or not.
    failures: Vec<(StepPath, Failure)>,
    /// Open questions.
    pub(crate) asks: Vec<Ask>,
    /// Open forms.
    pub(crate) forms: Vec<Form>,
    /// Open waits.
    pub(crate) waits: Vec<Pause>,
    /// Calls that the policy refused, and why.
    refused: Vec<(StepPath, String)>,
    /// Answered questions: path, decision.
    decisions: Vec<(StepPath, String)>,
    started: Option<i64>,
    now: i64,
    /// Who paused the run, if it is paused. Nobody knows where the run came back paused.
    paused: Option<Option<String>>,
    pub(crate) end: Option<End>,
    /// What the mails are about that a dry run would touch.
    pub(crate) subjects: Subjects,
}

/// So many calls that the policy refused are named.
const MOST_REFUSED: usize = 20;

#[derive(Debug)]
struct Call {
    action: String,
    effect: Effect,
    input: Value,
    /// Told of what is planned only.
    connection: Option<String>,
    state: CallState,
    /// What it changes, as limits count it: how many things, and how many of them in each mailbox.
    items: u64,
    mailboxes: Vec<(String, u64)>,
}

/// Calls of one action.
#[derive(Debug, Default)]
struct Group {
    items: u64,
    mailboxes: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallState {
    Begun,
    Planned,
    Succeeded,
    Failed,
}

impl CallState {
    fn as_str(self) -> &'static str {
        match self {
            CallState::Begun => "begun",
            CallState::Planned => "planned",
            CallState::Succeeded => "succeeded",
            CallState::Failed => "failed",
        }
    }
}

impl Report {
    /// Of a run that was paused while nobody drives it: what it waits for, and nothing that it did.
    pub(crate) fn paused(by: &str, pending: Vec<Command>) -> Self {
        let mut report = Report { paused: Some(Some(by.to_owned())), ..Report::default() };
        for command in pending {
            match command {
                Command::Ask(ask) => report.asks.push(*ask),
                Command::Form(form) => report.forms.push(*form),
                Command::Pause(pause) => report.waits.push(*pause),
                _ => {}
            }
        }
        report
    }

    /// The inputs of everything that would be changed, each with its connection where there is one.
    pub(crate) fn planned(&self) -> impl Iterator<Item = (&Value, Option<&str>)> {
        let planned = self.changes().filter(|(_, call)| call.state == CallState::Planned);
        planned.map(|(_, call)| (&call.input, call.connection.as_deref()))
    }

    /// Takes an event in. What a call changes is counted by what its action says of itself.
    pub(crate) fn note(&mut self, event: &Event, actions: &dyn Actions) {
        self.now = event.at.0;
        self.started.get_or_insert(event.at.0);
        match &event.kind {
            EventKind::Calling { action, effect, input, .. } => {
                self.call(&event.path, (action, *effect, input), CallState::Begun, actions);
            }
            EventKind::Planned { action, effect, input, connection, .. } => {
                self.call(&event.path, (action, *effect, input), CallState::Planned, actions);
                if let Some(call) = self.calls.get_mut(&event.path) {
                    call.connection.clone_from(connection);
                }
            }
            EventKind::Step(ProgressKind::Succeeded) => {
                if let Some(call) =
                    self.calls.get_mut(&event.path).filter(|call| call.state == CallState::Begun)
                {
                    call.state = CallState::Succeeded;
                }
                self.over(&event.path);
            }
            EventKind::Step(ProgressKind::Failed { failure, .. }) => {
                self.over(&event.path);
                if let Some(call) = self.calls.get_mut(&event.path) {
                    call.state = CallState::Failed;
                    self.failures.push((event.path.clone(), failure.clone()));
                }
            }
            EventKind::Asked(ask) => {
                self.over(&event.path);
                self.asks.push((**ask).clone());
            }
            EventKind::Refused { rule, reason, .. } => {
                self.refused.push((event.path.clone(), format!("{reason} (`{rule}`)")));
            }
            EventKind::Form(form) => self.forms.push((**form).clone()),
            EventKind::Waits(pause) => self.waits.push((**pause).clone()),
            EventKind::Answered { by, .. } => {
                self.decisions.push((event.path.clone(), format!("answered by {}", line(by))));
            }
            EventKind::Decided { decision, by } => {
                self.decisions.push((event.path.clone(), format!("{} by {}", decision.as_str(), line(by))));
            }
            EventKind::Pausing { by } => self.paused = Some(Some(by.clone())),
            EventKind::Paused => {
                self.paused.get_or_insert(None);
            }
            EventKind::Continued { .. } => self.paused = None,
            EventKind::Ended(end) => {
                self.paused = None;
                self.asks.clear();
                self.forms.clear();
                self.waits.clear();
                self.end = Some(end.clone());
            }
            _ => {}
        }
    }

    /// Nothing is open at a step any more.
    fn over(&mut self, path: &StepPath) {
        self.asks.retain(|ask| ask.path != *path);
        self.forms.retain(|form| form.path != *path);
        self.waits.retain(|pause| pause.path != *path);
    }

    /// Whether a person can do something to make it go on.
    pub(crate) fn asks_people(&self) -> bool {
        !self.asks.is_empty() || !self.forms.is_empty()
    }

    /// Whether it goes on only when somebody says something to it.
    pub(crate) fn waits_for_somebody(&self) -> bool {
        self.asks_people() || self.waits.iter().any(|pause| pause.event.is_some())
    }

    fn call(
        &mut self,
        path: &StepPath,
        (action, effect, input): (&str, Effect, &Value),
        state: CallState,
        actions: &dyn Actions,
    ) {
        let spec = effect.changes().then(|| actions.spec(action)).flatten();
        let call = Call {
            action: action.to_owned(),
            effect,
            input: input.clone(),
            connection: None,
            state,
            items: spec.as_ref().map_or(1, |spec| spec.items_of(input)),
            mailboxes: spec.map(|spec| spec.mailboxes_of(input).each).unwrap_or_default(),
        };
        if self.calls.insert(path.clone(), call).is_none() {
            self.order.push(path.clone());
        }
    }

    fn in_order(&self) -> impl Iterator<Item = (&StepPath, &Call)> {
        self.order.iter().filter_map(|path| self.calls.get_key_value(path))
    }

    fn changes(&self) -> impl Iterator<Item = (&StepPath, &Call)> {
        self.in_order().filter(|(_, call)| call.effect.changes())
    }

    /// Whether nothing new begins until somebody says so.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Whether a question or a form is open at this step.
    pub(crate) fn is_open(&self, path: &StepPath) -> bool {
        self.asks.iter().any(|ask| ask.path == *path) || self.forms.iter().any(|form| form.path == *path)
    }

    /// How the run stands.
    pub(crate) fn status(&self) -> RunStatus {
        match &self.end {
            Some(end) => end.status,
            None if self.is_paused() => RunStatus::Paused,
            None if self.waits_for_somebody() => RunStatus::Waiting,
            None => RunStatus::Running,
        }
    }

    /// Every step that failed, also where the playbook got over it.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&StepPath, &Failure)> {
        self.failures.iter().map(|(path, failure)| (path, failure))
    }

    /// The documented object of `--json`.
    pub(crate) fn to_json(&self, run: &str, playbook: &str, dry_run: bool) -> Value {
        let end = self.end.as_ref();
        let effects: Vec<Value> = self
            .changes()
            .map(|(path, call)| {
                let mut told = json!({"path": path, "action": call.action, "effect": call.effect,
                                      "state": call.state.as_str(), "input": call.input});
                let mails = self.subjects.of(&call.input);
                if let (false, Some(told)) = (mails.is_empty(), told.as_object_mut()) {
                    told.insert("mails".to_owned(), json!(mails));
                }
                told
            })
            .collect();
        let reads = self.in_order().filter(|(_, call)| !call.effect.changes()).count();
        let waiting: Vec<Value> = (self.asks.iter().map(ask_json))
            .chain(self.forms.iter().map(form_json))
            .chain(self.waits.iter().filter_map(wait_json))
            .collect();
        let failures: Vec<Value> =
            self.failures.iter().map(|(path, failure)| json!({"path": path, "failure": failure})).collect();
        let refused: Vec<Value> =
            self.refused.iter().map(|(path, reason)| json!({"path": path, "reason": reason})).collect();
        let decisions: Vec<Value> = self
            .decisions
            .iter()
            .map(|(path, decision)| json!({"path": path, "decision": decision}))
            .collect();
        json!({
            "run": run,
            "playbook": playbook,
            "status": self.status().as_str(),
            "paused_by": self.paused.as_ref().and_then(Option::as_ref),
            "dry_run": dry_run,
            "duration_ms": self.now - self.started.unwrap_or(self.now),
            "outputs": end.map(|end| &end.outputs),
            "failure": end.and_then(|end| end.failure.as_ref()),
            "effects": effects,
            "reads": reads,
            "failed_steps": failures,
            "refused": refused,
            "decisions": decisions,
            "waiting": waiting,
        })
    }

    /// The summary a responder reads.
    pub(crate) fn to_text(&self, run: &str, playbook: &str, dry_run: bool, style: Style) -> String {
        let seconds = (self.now - self.started.unwrap_or(self.now)) as f64 / 1000.0;
        let status = match self.status() {
            RunStatus::Succeeded => style.green("succeeded"),
            RunStatus::Waiting => style.yellow("waits"),
            RunStatus::Paused => {
                let by = self.paused.iter().flatten().map(|by| format!(" by {}", line(by)));
                style.yellow(&format!("is paused{}", by.collect::<String>()))
            }
            RunStatus::NeedsUpgrade => style.red("needs another version of this program"),
            RunStatus::Running => style.yellow("stopped where it was"),
            RunStatus::Failed => style.red("failed"),
            RunStatus::Cancelled => style.yellow("cancelled"),
            RunStatus::Unknown => style.red("ended with an unknown outcome"),
        };
        let mut text = format!("\n{} {status}", style.bold(&line(playbook)));
        if self.end.is_some() {
            text.push_str(&format!(" in {seconds:.1} s"));
        }
        text.push_str(&style.dim(&format!("   run {run}\n")));
        if let Some(failure) = self.end.as_ref().and_then(|end| end.failure.as_ref()) {
            text.push_str(&format!(
                "\n  {} {}\n",
                style.red("Why"),
                indent(&visible(&failure.to_string()), 6)
            ));
        }
        self.effects_text(&mut text, dry_run, style);
        for (path, failure) in &self.failures {
            text.push_str(&format!("  {} {path}: {}\n", style.red("failed"), line(&failure.to_string())));
        }
        for (path, reason) in self.refused.iter().take(MOST_REFUSED) {
            text.push_str(&format!("  {} {path}: {}\n", style.red("refused"), line(reason)));
        }
        if let Some(more @ 1..) = self.refused.len().checked_sub(MOST_REFUSED) {
            text.push_str(&format!("  {} {more} calls more\n", style.red("refused")));
        }
        for (path, decision) in &self.decisions {
            text.push_str(&format!("  {} {path}: {decision}\n", style.bold("decision")));
        }
        self.outputs_text(&mut text, style);
        for ask in &self.asks {
            text.push_str(&ask_text(ask, style));
        }
        for form in &self.forms {
            text.push_str(&form_text(form, style));
        }
        for pause in &self.waits {
            if let Some(event) = &pause.event {
                let words = style.yellow("Waits for an event at");
                text.push_str(&format!("\n  {words} {}: {}\n", pause.path, line(&event.name)));
            }
        }
        text
    }

    fn effects_text(&self, text: &mut String, dry_run: bool, style: Style) {
        let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
        for (_, call) in self.changes().filter(|(_, call)| call.state != CallState::Failed) {
            let group = groups.entry((call.effect.as_str(), &call.action)).or_default();
            group.items = group.items.saturating_add(call.items);
            for (mailbox, items) in &call.mailboxes {
                let count = group.mailboxes.entry(mailbox.clone()).or_default();
                *count = count.saturating_add(*items);
            }
            if call.mailboxes.is_empty() {
                *group.mailboxes.entry("-".to_owned()).or_default() += call.items;
            }
        }
        let title = if dry_run { "Would change" } else { "Changed" };
        if groups.is_empty() {
            text.push_str(&format!("\n  {}: nothing\n", style.bold(title)));
            return;
        }
        text.push_str(&format!("\n  {}\n", style.bold(title)));
        for ((effect, action), Group { items: count, mailboxes }) in groups {
            let places: Vec<String> = mailboxes
                .iter()
                .take(20)
                .map(|(mailbox, count)| format!("{} {count}", line(mailbox)))
                .collect();
            let more = mailboxes.len().saturating_sub(20);
            let more = if more > 0 { format!(", and {more} more mailboxes") } else { String::new() };
            text.push_str(&format!(
                "    {action:<16} {count:>5}   {}   {}{more}\n",
                style.dim(&format!("{effect:<12}")),
                places.join(", ")
            ));
        }
        if dry_run {
            self.planned_text(text, style);
        }
    }

    /// Every change a real run would make, with its rendered input.
    fn planned_text(&self, text: &mut String, style: Style) {
        const SHOWN: usize = 200;
        text.push_str(&format!("\n  {}\n", style.bold("One by one")));
        for (path, call) in self.changes().take(SHOWN) {
            text.push_str(&format!(
                "    {path}  {}  {}\n",
                call.action,
                style.dim(&input_text(&call.input, 60))
            ));
            if let Some(subjects) = subjects::words(&self.subjects.of(&call.input)) {
                text.push_str(&format!("      {subjects}\n"));
            }
        }
        if let Some(more @ 1..) = self.changes().count().checked_sub(SHOWN) {
            text.push_str(&format!("    and {more} more; --json lists them all\n"));
        }
    }

    fn outputs_text(&self, text: &mut String, style: Style) {
        let outputs = match &self.end {
            Some(end) if !end.outputs.is_empty() => &end.outputs,
            _ => return,
        };
        text.push_str(&format!("\n  {}\n", style.bold("Outputs")));
        let width = outputs.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in outputs {
            text.push_str(&format!("    {name:<width$}  {}\n", value_text(value)));
        }
    }
}

/// A value on a few lines at most.
fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => line(text),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().take(10).map(value_text).collect();
            let more = items.len().saturating_sub(10);
            if more > 0 { format!("{}, and {more} more", shown.join(", ")) } else { shown.join(", ") }
        }
        other => line(&other.to_string()),
    }
}

/// An input on one line, values cut after `width` characters.
pub(crate) fn input_text(input: &Value, width: usize) -> String {
    let Value::Object(fields) = input else { return line(&input.to_string()) };
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            let shown = match value {
                Value::String(text) => line(text),
                other => line(&other.to_string()),
            };
            let cut: String = shown.chars().take(width).collect();
            let dots = if cut.len() < shown.len() { "…" } else { "" };
            format!("{name}={cut}{dots}")
        })
        .collect();
    fields.join(" ")
}

pub(crate) fn indent(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}
