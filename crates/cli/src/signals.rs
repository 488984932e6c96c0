//! Signals of the system while a run is driven: Ctrl-C, SIGTERM, SIGHUP.
//!
//! The first one makes a checkpoint: nothing new begins, changes in flight get their time to answer, what they answered
//! is written down, and the run can be resumed. The second one ends the process at once, as a kill would. A task of its
//! own listens, and ends the process in any case: a terminal that takes no more output must not keep it alive. A signal
//! that was ignored when the process began stays ignored, so `nohup` and background jobs of scripts work as ever.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Result;
use engine::Engine;
use tokio::sync::watch;

use crate::exit::Exit;
use crate::output;

/// How long calls in flight may take to answer after the first signal.
const IN_FLIGHT: Duration = Duration::from_secs(25);

/// How long the end of the run may take to be told after that. Together less than the 30 seconds after which service
/// managers lose patience.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Interrupt,
    Terminate,
    HangUp,
}

impl Came {
    /// How a process ends that was stopped cleanly.
    fn clean(self) -> Exit {
        match self {
            Came::Interrupt => Exit::Interrupted,
            Came::Terminate | Came::HangUp => Exit::Done,
        }
    }

    /// How a shell names the end of a process that the signal killed.
    fn killed(self) -> i32 {
        match self {
            Came::HangUp => 129,
            Came::Interrupt => 130,
            Came::Terminate => 143,
        }
    }
}

/// What a signal left behind.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    came: Came,
    /// Runs with a change that had not answered in time.
    open: usize,
}

impl Checkpoint {
    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self.came {
            Came::Terminate | Came::HangUp if self.open > 0 => Exit::Unknown,
            came => came.clean(),
        }
    }

    /// What to say about a change that had not answered.
    pub(crate) fn unanswered(&self) -> Option<String> {
        (self.open > 0).then(|| {
            format!(
                "a change had not answered after {} s; resuming the run finds out what became of it",
                IN_FLIGHT.as_secs()
            )
        })
    }
}

/// What a signal would interrupt.
enum Stage {
    /// Nothing has begun.
    Starting,
    /// The run is another process's; this one waits for it.
    Aside,
    /// This drives a run.
    Driving(Engine),
    /// Everything is written down; only words are left.
    Finishing,
}

struct Watch {
    stage: Mutex<Stage>,
    came: watch::Sender<bool>,
    checkpoint: watch::Sender<Option<Checkpoint>>,
}

static WATCH: OnceLock<Watch> = OnceLock::new();

fn begin() -> &'static Watch {
    WATCH.get_or_init(|| Watch {
        stage: Mutex::new(Stage::Starting),
        came: watch::Sender::new(false),
        checkpoint: watch::Sender::new(None),
    })
}

fn enter(stage: Stage) {
    *begin().stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
}

/// Listens from now on. Until a run begins, a signal ends the process with nothing done.
pub(crate) fn listen() -> Result<()> {
    static LISTENS: OnceLock<()> = OnceLock::new();
    if LISTENS.set(()).is_ok() {
        let signals = system::Signals::new()?;
        tokio::spawn(attend(signals));
    }
    Ok(())
}

/// From now on a signal stops what this engine drives.
pub(crate) fn drive(engine: &Engine) -> Result<()> {
    enter(Stage::Driving(engine.clone()));
    listen()
}

/// From now on this process only waits for what another one does.
pub(crate) fn aside() -> Result<()> {
    enter(Stage::Aside);
    listen()
}

/// Everything is written down.
pub(crate) fn finish() {
    enter(Stage::Finishing);
}

/// Whether a signal has come.
pub(crate) fn came() -> bool {
    *begin().came.borrow()
}

/// Ready when a signal has come.
pub(crate) async fn told() {
    // Whoever could tell is as long-lived as the process.
    let _ = begin().came.subscribe().wait_for(|came| *came).await;
}

/// Ready when everything is written down after a signal.
pub(crate) async fn checkpoint() -> Checkpoint {
    let mut told = begin().checkpoint.subscribe();
    match told.wait_for(Option::is_some).await.ok().and_then(|checkpoint| checkpoint.clone()) {
        Some(checkpoint) => checkpoint,
        None => std::future::pending().await,
    }
}

async fn attend(mut signals: system::Signals) {
    let came = signals.next().await;
    let watch = begin();
    let stage = {
        let mut stage = watch.stage.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *stage, Stage::Finishing)
    };
    match stage {
        Stage::Starting => {
            say("stopped before anything began").await;
            quit(came.clean() as i32);
        }
        Stage::Aside => {
            say("stopped waiting; the run goes on in the process that drives it").await;
            quit(came.clean() as i32);
        }
        Stage::Finishing => quit(came.clean() as i32),
        Stage::Driving(engine) => {
            watch.came.send_replace(true);
            let open = tokio::select! {
                open = engine.shutdown(IN_FLIGHT) => open,
                again = signals.next() => quit(again.killed()),
            };
            let checkpoint = Checkpoint { came, open };
            let code = checkpoint.exit();
            watch.checkpoint.send_replace(Some(checkpoint));
            tokio::select! {
                () = tokio::time::sleep(LAST_WORDS) => quit(code as i32),
                again = signals.next() => quit(again.killed()),
            }
        }
    }
}

/// Says something, unless nobody takes it.
async fn say(text: &'static str) {
    let said = tokio::task::spawn_blocking(move || output::complain(text));
    let _ = tokio::time::timeout(Duration::from_millis(500), said).await;
}

fn quit(code: i32) -> ! {
    std::process::exit(code)
}

#[cfg(unix)]
mod system {
    //! The three signals, without those that were ignored when the process began.

    use anyhow::{Context, Result};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::Came;

    pub(super) struct Signals {
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
        hang_up: Option<Signal>,
    }

    impl Signals {
        pub(super) fn new() -> Result<Self> {
            let ignored = ignored();
            let listen = |kind: SignalKind| -> Result<Option<Signal>> {
                let bit = u32::try_from(kind.as_raw_value() - 1).ok().and_then(|bit| 1_u64.checked_shl(bit));
                if bit.is_some_and(|bit| ignored & bit != 0) {
                    return Ok(None);
                }
                signal(kind).map(Some).context("could not listen for signals")
            };
            Ok(Signals {
                interrupt: listen(SignalKind::interrupt())?,
                terminate: listen(SignalKind::terminate())?,
                hang_up: listen(SignalKind::hangup())?,
            })
        }

        pub(super) async fn next(&mut self) -> Came {
            tokio::select! {
                () = one(&mut self.interrupt) => Came::Interrupt,
                () = one(&mut self.terminate) => Came::Terminate,
                () = one(&mut self.hang_up) => Came::HangUp,
            }
        }
    }

    async fn one(signal: &mut Option<Signal>) {
        let came = match signal {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if came.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// The signals that whoever started this process wants ignored, a bit each. None where the system does not say.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }
}

#[cfg(not(unix))]
mod system {
    //! Ctrl-C, where there is nothing else.

    use anyhow::Result;

    use super::Came;

    pub(super) struct Signals;

    impl Signals {
        pub(super) fn new() -> Result<Self> {
            Ok(Signals)
        }

        pub(super) async fn next(&mut self) -> Came {
            match tokio::signal::ctrl_c().await {
                Ok(()) => Came::Interrupt,
                Err(_) => std::future::pending().await,
            }
        }
    }
}
