//! `portcullis audit`: is the log whole, and what does it say. Only looks, so it works beside a running process.

use anyhow::Result;
use audit::{Macs, Report};
use clap::{Args, Subcommand};
use engine::Timestamp;
use serde_json::{Value, json};

use crate::audit_log;
use crate::exit::{Exit, Wrong};
use crate::output::{self, Style, line};
use crate::wire::Shared;

/// Look at the audit log
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check that no line was changed, taken out, moved or cut off; exit code 1 if one was
    Verify(Verify),
    /// Show who did what
    Show(Show),
}

/// Check that no line was changed, taken out, moved or cut off; exit code 1 if one was
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Write the head of a log that has none, once all its lines were checked; for a second place that is new
    #[arg(long)]
    write_head: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Show who did what
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Only this run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only from this time on: `2026-11-21T05:00:00Z`, or how long ago, such as `2h`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Print one JSON object a line, as they stand in the log
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(crate) fn run(self, shared: &Shared) -> Result<Exit> {
        match self {
            Audit::Verify(verify) => verify.run(shared),
            Audit::Show(show) => show.run(shared),
        }
    }
}

impl Verify {
    fn run(self, shared: &Shared) -> Result<Exit> {
        let config = shared.config()?;
        let (place, options) = (audit_log::place(&shared.data(&config)), audit_log::options(&config)?);
        if self.write_head && config.audit.head.is_none() {
            let message = "no second place is configured: add `audit: { head: FILE }` to the configuration";
            return Err(Wrong(message.to_owned()).into());
        }
        let report = if self.write_head {
            audit::write_head(&place, &options)?
        } else {
            audit::verify(&place, &options)?
        };
        let whole = report.is_whole();
        if self.json {
            let mut value = serde_json::to_value(&report)?;
            if let Some(fields) = value.as_object_mut() {
                fields.insert("ok".to_owned(), json!(whole));
            }
            output::say_json(&value);
        } else {
            text(&report, Style::stdout()).iter().for_each(|line| output::say(line));
        }
        Ok(if whole { Exit::Done } else { Exit::Failed })
    }
}

/// The report for a person.
fn text(report: &Report, style: Style) -> Vec<String> {
    let mut lines =
        vec![format!("{}: {} lines are as they were written", report.place.display(), report.lines)];
    for problem in &report.problems {
        let at = problem.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        lines.push(format!("{} {at}{}", style.red("wrong:"), line(&problem.reason)));
    }
    match &report.head {
        Some(head) => match head.lines {
            Some(known) => lines.push(format!("the head at {} knows of {known} lines", head.place.display())),
            None => lines.push(format!("no head could be read at {}", head.place.display())),
        },
        None => lines.push(
            "no second place is configured: that the end was cut off, or all of it made anew, would not be found \
             (`audit: { head: FILE }`)"
                .to_owned(),
        ),
    }
    match report.macs {
        Macs::None | Macs::Checked => {}
        Macs::Unchecked => {
            lines.push("the lines carry MACs, which were not checked: there is no key".to_owned())
        }
    }
    if report.unfinished > 0 {
        lines.push(format!(
            "{} bytes stand behind the last line: it is being written, or a crash cut it off before it counted",
            report.unfinished
        ));
    }
    for number in &report.clock_went_back {
        lines.push(format!("line {number}: the clock had gone back by more than a minute"));
    }
    lines
}

impl Show {
    fn run(self, shared: &Shared) -> Result<Exit> {
        let config = shared.config()?;
        let since = self.since.as_deref().map(point_in_time).transpose()?;
        let wanted = |entry: &Value| {
            let at = entry.get("at").and_then(Value::as_i64);
            let run = entry.get("run").and_then(Value::as_str);
            since.is_none_or(|since| at.is_some_and(|at| at >= since.0))
                && self.run.as_deref().is_none_or(|wanted| run == Some(wanted))
        };
        let shown = audit::read(&audit_log::place(&shared.data(&config)), &mut |number, text| {
            let Ok(entry) = serde_json::from_str::<Value>(text) else { return };
            if !wanted(&entry) {
            } else if self.json {
                output::say(&json!({"line": number, "entry": entry}).to_string());
            } else {
                output::say(&sentence(number, &entry));
            }
        });
        shown?;
        Ok(Exit::Done)
    }
}

/// Reads a time, or how long ago it was.
fn point_in_time(text: &str) -> Result<Timestamp> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(time.as_millisecond()));
    }
    let ago = text.parse::<jiff::SignedDuration>().ok().filter(|ago| !ago.is_negative());
    let wrong = || Wrong(format!("`--since {text}`: expected a time such as 2026-11-21T05:00:00Z, or 2h"));
    let now = jiff::Timestamp::now();
    Ok(ago
        .and_then(|ago| now.checked_sub(ago).ok())
        .map(|time| Timestamp(time.as_millisecond()))
        .ok_or_else(wrong)?)
}

/// One entry on one line.
fn sentence(number: u64, entry: &Value) -> String {
    let at = entry.get("at").and_then(Value::as_i64).unwrap_or_default();
    let time =
        jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |time| format!("{time:.3}"));
    let field = |name: &str| entry.get(name).and_then(Value::as_str).map(line).unwrap_or_default();
    let count = |name: &str| entry.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (by, op) = (field("by"), count("op"));
    let again = |begun: &Value| if begun.get("again").is_some() { " again, after a crash" } else { "" };
    let what = match field("what").as_str() {
        "run_started" => {
            format!("{by} starts {} ({:.19}…){}", field("playbook"), field("digest"), origin(entry))
        }
        "start_refused" => {
            let rules = entry.get("rules").and_then(Value::as_array).into_iter().flatten();
            let rules: Vec<String> = rules.filter_map(Value::as_str).map(line).collect();
            format!("{by} may not start {}: `{}`", field("playbook"), rules.join("`, `"))
        }
        "effect_begun" => format!(
            "#{op} {} calls {}{}: {} items of {}{}{}",
            field("path"),
            field("action"),
            again(entry),
            count("items"),
            whose(entry),
            approved(entry),
            accepted(entry),
        ),
        "effect_ended" => format!("#{op} ended: {}", field("outcome")),
        "refused" => format!(
            "#{op} {} may not call {} ({} items of {}): `{}`",
            field("path"),
            field("action"),
            count("items"),
            whose(entry),
            field("rule")
        ),
        "decided" => {
            let advance = if entry.get("in_advance").is_some() { ", in advance" } else { "" };
            format!("#{op} {} by {by}{advance} ({:.12}…)", field("decision"), field("digest"))
        }
        "answered" => format!("#{op} filled in by {by}"),
        "signalled" => format!("event {}", field("name")),
        "cancel_requested" => format!("cancelled by {by}"),
        "run_ended" => format!("ended: {}", field("status")),
        other => format!("{} {by}", other.replace('_', " ")),
    };
    format!("{number:>6}  {time}  {}  {what}", field("run"))
}

/// The mailbox, or the first of several and how many there are.
fn whose(entry: &Value) -> String {
    let first = entry.get("mailbox").and_then(Value::as_str).map(line).unwrap_or_default();
    match entry.get("mailboxes").and_then(Value::as_array).map(Vec::len) {
        Some(all @ 2..) => format!("{first} and {} more mailboxes", all - 1),
        _ => first,
    }
}

fn origin(entry: &Value) -> String {
    let of = |name: &str| entry.pointer(&format!("/origin/{name}")).and_then(Value::as_str).map(line);
    match (of("kind"), of("run")) {
        (Some(kind), Some(run)) => format!(", {kind} of {run}"),
        _ => String::new(),
    }
}

fn approved(entry: &Value) -> String {
    let names: Vec<String> = entry
        .get("approved_by")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).map(line).collect())
        .unwrap_or_default();
    if names.is_empty() { String::new() } else { format!(", approved by {}", names.join(", ")) }
}

fn accepted(entry: &Value) -> String {
    let reason = entry.get("accept_untrusted").and_then(Value::as_str);
    reason.map(|reason| format!(", with somebody else's text because: {}", line(reason))).unwrap_or_default()
}
