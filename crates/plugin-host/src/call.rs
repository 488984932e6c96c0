//! One call: a fresh instance, its limits, and what its end means.
//!
//! Two clocks, because neither is enough: the epoch stops a guest that computes and never waits, the timer stops one
//! that waits and never computes. The epoch belongs to the engine and only ticks; each call counts its own ticks, so
//! that one plugin's end is not another's.

use std::sync::Arc;
use std::time::Duration;

use action_api::Artifacts;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;

use crate::artifacts::Access;
use crate::bindings::PluginPre;
use crate::bindings::exports::portcullis::plugin::actions::Failure as GuestFailure;
use crate::error::Stop;
use crate::limits::{Limits, RANDOM, TABLE_ELEMENTS, TRANSFER};
use crate::log::{Level, LogBudget, LogSink};
use crate::state::{CallState, Halt, Refused};

/// Bytes of standard error that a failure repeats.
const STDERR_TAIL: usize = 1024;

/// What to ask of the guest.
pub(crate) enum Request<'a> {
    Describe,
    Invoke { action: &'a str, input: &'a str, context: &'a str },
}

/// Everything around the request.
pub(crate) struct Setting<'a> {
    pub(crate) plugin: &'a Arc<str>,
    pub(crate) limits: &'a Limits,
    /// The engine's own limit may be tighter than the plugin's.
    pub(crate) wall: Duration,
    pub(crate) artifacts: Option<Arc<dyn Artifacts>>,
    pub(crate) sink: Option<LogSink>,
}

/// How a call ended.
pub(crate) struct Ended {
    pub(crate) result: Result<Result<String, GuestFailure>, Stop>,
    pub(crate) stderr: String,
    pub(crate) access: Access,
}

/// Calls the guest in an instance of its own.
pub(crate) async fn call(pre: &PluginPre<CallState>, request: Request<'_>, setting: Setting<'_>) -> Ended {
    let (input, context) = match &request {
        Request::Describe => ("", ""),
        Request::Invoke { input, context, .. } => (*input, *context),
    };
    let limits = setting.limits;
    let log = LogBudget {
        left: limits.log,
        line: limits.log_line,
        plugin: Arc::clone(setting.plugin),
        context: context.into(),
        sink: setting.sink,
    };
    let access = Access::new(setting.artifacts, input.into(), limits.artifacts);
    let mut store = store(pre, limits, CallState::new(limits, log, access));
    let result = if input.len() > limits.input {
        Err(Stop::Input(limits.input))
    } else {
        match tokio::time::timeout(setting.wall, enter(pre, &mut store, request)).await {
            Err(_) => Err(Stop::Wall(setting.wall)),
            Ok(Ok(Ok(output))) if output.len() > limits.output => Err(Stop::Output(limits.output)),
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(explain(&error, store.data(), limits)),
        }
    };
    let state = store.into_data();
    let (stdout, stderr) = (state.stdout.take(), state.stderr.take());
    for printed in [&stdout, &stderr] {
        if !printed.is_empty() {
            state.log.send(Level::Debug, printed, "");
        }
    }
    Ended { result, stderr: tail(&stderr), access: state.access }
}

fn store(pre: &PluginPre<CallState>, limits: &Limits, state: CallState) -> Store<CallState> {
    let mut store = Store::new(pre.engine(), state);
    store.limiter(|state| &mut state.growth);
    store.set_hostcall_fuel(transfer(limits));
    store.set_epoch_deadline(1);
    // Fires only while the guest runs: a tick spent waiting in the host is counted at most once.
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        state.ticks_left = state.ticks_left.checked_sub(1).ok_or(Halt::Cpu)?;
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

async fn enter(
    pre: &PluginPre<CallState>,
    store: &mut Store<CallState>,
    request: Request<'_>,
) -> wasmtime::Result<Result<String, GuestFailure>> {
    let plugin = pre.instantiate_async(&mut *store).await?;
    let actions = plugin.portcullis_plugin_actions();
    match request {
        Request::Describe => actions.call_describe(store).await.map(Ok),
        Request::Invoke { action, input, context } => {
            actions.call_invoke(store, action, input, context).await
        }
    }
}

/// Finds the reason that a person can act on: our own first, then what was refused before the trap, then the trap.
fn explain(error: &wasmtime::Error, state: &CallState, limits: &Limits) -> Stop {
    if let Some(halt) = error.downcast_ref::<Halt>() {
        return match halt {
            Halt::Cpu => Stop::Cpu(limits.cpu),
            Halt::Log => Stop::Log(limits.log),
            Halt::LogLine => Stop::LogLine(limits.log_line),
            Halt::Handles => Stop::Handles(limits.handles),
        };
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Stop::Handles(limits.handles);
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Stop::Exit(exit.0);
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Stop::PoolFull;
    }
    let trap = error.downcast_ref::<Trap>().copied();
    match (state.growth.refused, trap) {
        (_, Some(Trap::StackOverflow)) => Stop::Stack,
        (Some(Refused::Memory), _) => Stop::Memory(limits.memory),
        (Some(Refused::Table), _) => Stop::Table(TABLE_ELEMENTS),
        (None, Some(Trap::MemoryOutOfBounds)) => Stop::OutOfBounds,
        (None, Some(Trap::UnreachableCodeReached)) => Stop::Abort,
        (None, Some(trap)) => Stop::Trap(trap.to_string()),
        // These two errors have no public type; tests hold the words.
        (None, None) if says(error, "fuel allocated for hostcalls") => Stop::Transfer(transfer(limits)),
        (None, None) if says(error, "requested len") => Stop::Random(RANDOM),
        (None, None) => Stop::Trap(error.root_cause().to_string()),
    }
}

fn says(error: &wasmtime::Error, words: &str) -> bool {
    error.chain().any(|cause| cause.to_string().contains(words))
}

/// Bytes from guest to host at once: an answer must fit, with room to say that it is too long.
fn transfer(limits: &Limits) -> usize {
    TRANSFER.max(limits.output.saturating_add(1 << 20))
}

fn tail(text: &str) -> String {
    let mut start = text.len().saturating_sub(STDERR_TAIL);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default().trim().to_owned()
}
