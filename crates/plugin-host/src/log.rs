//! What a plugin says: the interface `log`, and its standard output and error.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::bindings::portcullis::plugin::log::{Host, Level as GuestLevel};
use crate::state::{CallState, Halt};

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the usual five")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// One line from a plugin. Nothing in it is to be trusted.
#[derive(Debug)]
#[non_exhaustive]
pub struct LogLine<'a> {
    /// Which plugin.
    pub plugin: &'a str,
    /// The call's context as JSON: run, step, attempt.
    pub context: &'a str,
    /// How important.
    pub level: Level,
    /// The text.
    pub message: &'a str,
    /// A JSON object, or empty.
    pub fields: &'a str,
}

/// Takes lines while the call runs, so it must not block.
pub type LogSink = Arc<dyn Fn(&LogLine<'_>) + Send + Sync>;

/// What is left of a call's budget for lines, and where they go.
pub(crate) struct LogBudget {
    pub(crate) left: usize,
    pub(crate) line: usize,
    pub(crate) plugin: Arc<str>,
    pub(crate) context: Arc<str>,
    pub(crate) sink: Option<LogSink>,
}

impl LogBudget {
    pub(crate) fn send(&self, level: Level, message: &str, fields: &str) {
        if let Some(sink) = &self.sink {
            sink(&LogLine { plugin: &self.plugin, context: &self.context, level, message, fields });
        }
    }
}

impl Host for CallState {
    fn emit(&mut self, level: GuestLevel, message: String, fields: String) -> wasmtime::Result<()> {
        let size = message.len().saturating_add(fields.len());
        if size > self.log.line {
            return Err(Halt::LogLine.into());
        }
        // An empty line is not free.
        self.log.left = self.log.left.checked_sub(size.max(16)).ok_or(Halt::Log)?;
        let level = match level {
            GuestLevel::Trace => Level::Trace,
            GuestLevel::Debug => Level::Debug,
            GuestLevel::Info => Level::Info,
            GuestLevel::Warn => Level::Warn,
            GuestLevel::Error => Level::Error,
        };
        self.log.send(level, &message, &fields);
        Ok(())
    }
}

/// Standard output and error of one call: the first bytes are kept, the rest is dropped. A plugin that prints too much
/// is noisy, not broken, so this does not end the call; the CPU budget ends a flood.
#[derive(Clone)]
pub(crate) struct Stdio {
    shared: Arc<Mutex<Kept>>,
    error: bool,
}

#[derive(Default)]
struct Kept {
    left: usize,
    out: Vec<u8>,
    error: Vec<u8>,
}

impl Stdio {
    /// Both streams, with one budget.
    pub(crate) fn pair(limit: usize) -> (Self, Self) {
        let shared = Arc::new(Mutex::new(Kept { left: limit, ..Kept::default() }));
        (Stdio { shared: Arc::clone(&shared), error: false }, Stdio { shared, error: true })
    }

    /// What was kept so far.
    pub(crate) fn take(&self) -> String {
        let mut kept = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = if self.error { std::mem::take(&mut kept.error) } else { std::mem::take(&mut kept.out) };
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let part = bytes.get(..kept.left).unwrap_or(bytes);
        kept.left -= part.len();
        if self.error { kept.error.extend_from_slice(part) } else { kept.out.extend_from_slice(part) }
    }
}

impl IsTerminal for Stdio {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdio {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl OutputStream for Stdio {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stdio {
    async fn ready(&mut self) {}
}

impl tokio::io::AsyncWrite for Stdio {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        self.keep(bytes);
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
