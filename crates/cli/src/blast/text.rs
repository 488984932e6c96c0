//! The report as people read it.

use super::report::{Reads, Report, Total};
use super::step::{BlockReport, CallReport, MadeUp, MadeUpKind, PersonReport, State, StepReport, Undo};
use crate::graph::words;
use crate::output::{Style, line, visible};
use crate::report::{indent, input_text};
use crate::subjects;

/// Calls of one step that are listed one by one.
const LISTED: usize = 5;

/// So many mailboxes, or calls, are named; of the others it is said how many there are.
const SHOWN: usize = 20;

impl Report {
    /// The whole text.
    pub(crate) fn to_text(&self, style: Style) -> String {
        let reads = match self.reads {
            Reads::Real => "reads were made for real",
            Reads::Simulator => "reads came from the simulator",
            Reads::Cassette => "reads came from the cassette",
        };
        let mut text = format!(
            "{} {}\n\n",
            style.bold(&format!("Plan of {}", line(&self.playbook))),
            style.dim(&format!("(nothing was changed; {reads})"))
        );
        for block in &self.blocks {
            blocks(&mut text, block, 1, style);
        }
        self.failed(&mut text, style);
        self.totals(&mut text, style);
        self.needs(&mut text, style);
        text
    }

    fn failed(&self, text: &mut String, style: Style) {
        if let Some(failure) = &self.failure {
            text.push_str(&format!(
                "\n{} {}\n",
                style.red("The plan ends here:"),
                indent(&visible(&failure.to_string()), 2)
            ));
        }
    }

    fn totals(&self, text: &mut String, style: Style) {
        if self.effects.is_empty() {
            text.push_str(&format!("\n{} nothing\n", style.bold("Would change:")));
            return;
        }
        text.push_str(&format!("\n{}\n", style.bold("Would change")));
        for total in &self.effects {
            total_text(text, total, style);
        }
        self.policy(text, style);
    }

    /// What the operator allows, and what of this is more.
    fn policy(&self, text: &mut String, style: Style) {
        if !self.caps.is_empty() {
            let caps: Vec<String> =
                self.caps.iter().map(|cap| format!("`{}` {}", cap.rule, cap.most)).collect();
            text.push_str(&format!("  {}\n", style.dim(&format!("the policy allows: {}", caps.join(", ")))));
        }
        if !self.refused.is_empty() {
            text.push_str(&format!("\n{}\n", style.red("The policy would refuse")));
            for one in self.refused.iter().take(SHOWN) {
                text.push_str(&format!("  {}  {} (`{}`)\n", one.path, visible(&one.reason), one.rule));
            }
            if let Some(more @ 1..) = self.refused.len().checked_sub(SHOWN) {
                text.push_str(&format!("  and {more} calls more\n"));
            }
        }
    }

    fn needs(&self, text: &mut String, style: Style) {
        if !self.people.is_empty() {
            text.push_str(&format!("\n{}\n", style.bold("Asks")));
            for on_the_way in &self.people {
                text.push_str(&format!("  {}  {}\n", on_the_way.path, person_text(&on_the_way.person)));
            }
        }
        if !self.asks_if_unknown.is_empty() {
            let title = style.bold("Asks a person if nobody knows whether it happened");
            text.push_str(&format!("\n{title}\n"));
            for asks in &self.asks_if_unknown {
                text.push_str(&format!("  {}  {}\n", asks.path, asks.action));
            }
        }
        if !self.accepted_untrusted.is_empty() {
            text.push_str(&format!("\n{}\n", style.bold("Accepts text that somebody else wrote")));
            for accepted in &self.accepted_untrusted {
                text.push_str(&format!("  {}  because: {}\n", accepted.path, line(&accepted.reason)));
            }
        }
        if !self.secrets.is_empty() {
            let names: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
            text.push_str(&format!("\n{} {}\n", style.bold("Uses the secrets"), names.join(", ")));
        }
    }
}

fn blocks(text: &mut String, block: &BlockReport, depth: usize, style: Style) {
    let mut depth = depth;
    if !block.label.is_empty() {
        let pad = "  ".repeat(depth);
        let way = if block.taken { String::new() } else { style.dim("  (not taken)") };
        text.push_str(&format!("{pad}{}{way}\n", style.dim(&line(&block.label))));
        if !block.taken {
            return;
        }
        depth += 1;
    }
    for step in &block.steps {
        step_text(text, step, depth, style);
    }
}

fn step_text(text: &mut String, step: &StepReport, depth: usize, style: Style) {
    let pad = "  ".repeat(depth);
    // A step without an id of its own has one that says nothing.
    let id = if step.id.starts_with('_') { step.verb } else { &step.id };
    let id = match step.state {
        State::WouldChange => style.red(id),
        State::WouldWait => style.yellow(id),
        State::Skipped | State::NotReached => style.dim(id),
        State::Read | State::Ran | State::Failed => style.bold(id),
    };
    text.push_str(&format!("{pad}{} {id}  {}\n", mark(step.state), headline(step, style)));
    let below = format!("{pad}    ");
    if let Some(call) = step.call.as_ref().filter(|call| !call.calls.is_empty()) {
        calls(text, call, &below, style);
    }
    if let Some(failure) = step.failure.as_ref() {
        text.push_str(&format!("{below}{}\n", style.red(&line(&failure.to_string()))));
    }
    if !step.depends_on.is_empty() && !matches!(step.state, State::Skipped | State::NotReached) {
        let made_up: Vec<String> = step.depends_on.iter().map(made_up_text).collect();
        text.push_str(&format!("{below}{}\n", style.dim(&made_up.join("; "))));
    }
    if let Some(message) = step.person.as_ref().and_then(|person| person.message.as_ref()) {
        let message = indent(&visible(message.trim_end()), below.len() + 2);
        text.push_str(&format!("{below}  {message}\n"));
    }
    if matches!(step.state, State::Skipped | State::NotReached) {
        return;
    }
    step.blocks.iter().for_each(|block| blocks(text, block, depth + 1, style));
}

fn made_up_text(made_up: &MadeUp) -> String {
    let path = &made_up.path;
    match made_up.kind {
        MadeUpKind::Output => format!("with a stand-in for what {path} gives"),
        MadeUpKind::Decision => format!("if {path} is approved"),
        MadeUpKind::Answer => format!("with a stand-in for the answer to {path}"),
        MadeUpKind::Event => format!("with a stand-in for the event of {path}"),
    }
}

const fn mark(state: State) -> &'static str {
    match state {
        State::WouldChange => "!",
        State::Read => "r",
        State::Ran => "·",
        State::WouldWait => "?",
        State::Skipped | State::NotReached => "-",
        State::Failed => "x",
    }
}

fn headline(step: &StepReport, style: Style) -> String {
    let times = if step.times > 1 { format!(" {} times", step.times) } else { String::new() };
    let mut text = match (step.state, &step.call, &step.repeats, &step.person) {
        (State::Skipped, ..) => {
            return style.dim(&format!("skipped: {}", step.why.as_deref().unwrap_or_default()));
        }
        (State::NotReached, ..) => return style.dim("not reached"),
        (State::WouldChange, Some(call), ..) => {
            format!("would call {}{times}  {}", call.action, style.dim(call.effect.as_str()))
        }
        (_, Some(call), ..) => format!("reads {}{times}", call.action),
        (_, _, Some(repeats), _) if step.verb == "while" => {
            format!("{} rounds, at most {}", repeats.count, repeats.limit)
        }
        (_, _, Some(repeats), _) => format!("for each of {} items, at most {}", repeats.count, repeats.limit),
        (_, _, _, Some(person)) => person_text(person),
        (..) if step.verb == "wait" => {
            format!("would wait{times} {}", step.why.as_deref().unwrap_or_default())
        }
        (..) => {
            let about = step.why.as_ref().map(|why| format!(" {why}")).unwrap_or_default();
            style.dim(&format!("{}{about}{times}", step.verb))
        }
    };
    if step.skipped > 0 {
        text.push_str(&style.dim(&format!(", skipped {} times", step.skipped)));
    }
    text
}

fn calls(text: &mut String, call: &CallReport, pad: &str, style: Style) {
    let (listed, width) = if call.effect.changes() { (LISTED, 200) } else { (1, 60) };
    for one in call.calls.iter().take(listed) {
        text.push_str(&format!("{pad}{}\n", input_text(&one.input, width)));
        if let Some(subjects) = subjects::words(&one.mails) {
            text.push_str(&format!("{pad}  {subjects}\n"));
        }
    }
    if let Some(more @ 1..) = call.calls.len().checked_sub(listed) {
        text.push_str(&format!("{pad}{}\n", style.dim(&format!("and {more} more; --json lists them all"))));
    }
    if !call.effect.changes() {
        return;
    }
    let mut caps = Vec::new();
    match call.caps.approvals.as_slice() {
        [] if call.effect.as_str() == "containment" => caps.push("no approval covers it".to_owned()),
        [] => {}
        [one] => caps.push(format!("only if {one} is approved")),
        several => caps.push(format!("only if {} are approved", several.join(" and "))),
    }
    if let Some(limit) = call.caps.max_effects {
        caps.push(format!("at most {limit} items in one run"));
    }
    caps.extend(call.caps.loops.iter().map(|limit| format!("at most {limit} in its loop")));
    caps.extend(call.caps.rate_limit.iter().cloned());
    caps.push(format!(
        "{} an attempt, {} attempts",
        words::duration(std::time::Duration::from_millis(call.caps.timeout_ms)),
        call.caps.attempts
    ));
    text.push_str(&format!("{pad}{}\n", style.dim(&format!("caps: {}", caps.join("; ")))));
    text.push_str(&format!("{pad}{}\n", style.dim(&undo_text(&call.undo))));
}

fn undo_text(undo: &[Undo]) -> String {
    let ways: Vec<String> = undo
        .iter()
        .map(|undo| {
            let count = if undo.calls > 1 { format!(" ({} calls)", undo.calls) } else { String::new() };
            match &undo.how {
                Some(how) => format!("can be taken back{count}: {how}"),
                None => format!("cannot be taken back{count}"),
            }
        })
        .collect();
    ways.join("; ")
}

fn total_text(text: &mut String, total: &Total, style: Style) {
    let places: Vec<String> = total
        .mailboxes
        .iter()
        .take(SHOWN)
        .map(|(mailbox, count)| format!("{} {count}", line(mailbox)))
        .collect();
    let more = match total.mailboxes.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!(", and {more} more mailboxes"),
        _ => String::new(),
    };
    let limit = total.max_effects.map(|limit| format!(" of at most {limit}")).unwrap_or_default();
    text.push_str(&format!(
        "  {:<16} {:>5}{limit}   {}   {}{more}\n",
        total.action,
        total.items,
        style.dim(&format!("{:<12}", total.effect.as_str())),
        places.join(", ")
    ));
    text.push_str(&format!("  {:<16}         {}\n", "", style.dim(&undo_text(&total.undo))));
}

fn person_text(person: &PersonReport) -> String {
    let people = if person.quorum > 1 { format!("{} people of ", person.quorum) } else { String::new() };
    let mut text = match person.kind {
        "form" => format!("would ask {people}{} for {}", person.audience, person.fields.join(", ")),
        _ => format!("would ask {people}{} to approve", person.audience),
    };
    if !person.covers.is_empty() {
        text.push_str(&format!(" {}", person.covers.join(", ")));
    }
    if let (Some(timeout), Some(after)) = (person.timeout_ms, &person.on_timeout) {
        let timeout = words::duration(std::time::Duration::from_millis(timeout));
        text.push_str(&format!("; after {timeout}: {after}"));
    }
    text
}
