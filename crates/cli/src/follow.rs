//! Following a run to its end: progress, questions, signals.

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use engine::{Ask, Decision, Event, EventKind, ProgressKind, Run, RunStatus, StepPath};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::exit::Exit;
use crate::output::{self, Style};
use crate::report::{Report, ask_text};

/// How to follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follow {
    /// Show steps as they happen.
    pub(crate) progress: bool,
    /// Ask at the terminal. Otherwise a question ends the following.
    pub(crate) interactive: bool,
    /// Leave when nothing goes on but questions. Otherwise stay to the end, because it is on its way.
    pub(crate) leave_waiting: bool,
}

/// Follows a run until it is over, waits for somebody who is not here, or is interrupted.
pub(crate) async fn follow(
    run: &mut Run,
    mut events: UnboundedReceiver<Event>,
    how: Follow,
) -> Result<(Report, Exit)> {
    let mut report = Report::default();
    let (answers, mut answered) = unbounded_channel();
    let mut signals = Signals::new()?;
    let mut cancelled = false;
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                None => break,
                Some(event) => {
                    report.note(&event);
                    if how.progress {
                        show(&event);
                    }
                    match &event.kind {
                        EventKind::Asked(ask) if how.interactive => prompt((**ask).clone(), answers.clone()),
                        // Only the last word counts: an answer given meanwhile is in the queue behind it.
                        EventKind::Waiting
                            if how.leave_waiting && !how.interactive && !report.asks.is_empty() && events.is_empty() =>
                        {
                            return Ok((report, Exit::Waiting));
                        }
                        EventKind::Ended(_) => break,
                        _ => {}
                    }
                }
            },
            Some(answer) = answered.recv() => {
                let (path, digest, decision): (StepPath, String, Option<Decision>) = answer;
                match decision {
                    None => return Ok((report, Exit::Waiting)),
                    Some(decision) => {
                        run.decide(&path, decision, &who(), Some(&digest)).await?;
                    }
                }
            },
            signal = signals.next() => match signal {
                Signal::Interrupt if !cancelled => {
                    cancelled = true;
                    output::complain("stopping: what is in flight is finished first; once more to leave at once");
                    run.cancel(&format!("{} (Ctrl-C)", who()));
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

/// Who decides here, as far as this machine knows.
pub(crate) fn who() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned())
}

/// Asks at the terminal, on a thread of its own: reading cannot be interrupted.
fn prompt(ask: Ask, answers: UnboundedSender<(StepPath, String, Option<Decision>)>) {
    std::thread::spawn(move || {
        let style = Style::stderr();
        let text = format!(
            "{}\n  Approve? {} ",
            ask_text(&ask, style),
            style.dim("[y]es, [n]o, anything else leaves it waiting:")
        );
        let mut error = std::io::stderr().lock();
        let _ = error.write_all(text.as_bytes()).and_then(|()| error.flush());
        drop(error);
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let decision = match (read, line.trim().to_lowercase().as_str()) {
            (Ok(1..), "y" | "yes") => Some(Decision::Approved),
            (Ok(1..), "n" | "no") => Some(Decision::Rejected),
            _ => None,
        };
        // Nobody listens any more: the run has ended meanwhile.
        let _ = answers.send((ask.path, ask.digest, decision));
    });
}

/// One line per step; the inside of a loop shows only what went wrong.
fn show(event: &Event) {
    let style = Style::stderr();
    let EventKind::Step(progress) = &event.kind else { return };
    let inside = event.path.as_str().contains('[');
    let line = match progress {
        ProgressKind::Started { action: Some(action) } if !inside => {
            format!("{} {}  {}", style.dim("·"), event.path, style.dim(action))
        }
        ProgressKind::Items { total } if !inside => {
            format!("{} {}  {}", style.dim("·"), event.path, style.dim(&format!("{total} items")))
        }
        ProgressKind::Succeeded if !inside => format!("{} {}", style.green("✓"), event.path),
        ProgressKind::Retrying { attempt, failure, .. } => {
            let text = output::line(&failure.to_string());
            format!("{} {}  attempt {attempt}: {text}", style.yellow("↻"), event.path)
        }
        ProgressKind::Failed { failure, .. } => {
            format!("{} {}  {}", style.red("✗"), event.path, output::line(&failure.to_string()))
        }
        _ => return,
    };
    output::complain(&line);
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
