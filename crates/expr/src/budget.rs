//! How much one evaluation may do, and how an evaluation fails.
//!
//! A step costs about 50 ns on a small machine and everything that takes longer than that charges more steps, so the
//! default ends within 100 ms. Bytes are counted when they are allocated and never given back: an evaluation is
//! short, and a sum cannot be tricked. Nothing here reads a clock, so the same expression over the same values
//! fails or succeeds the same way on every machine and on every replay.

use crate::source::Span;
use thiserror::Error;

/// Steps of [`Budget::new`].
pub const DEFAULT_STEPS: u64 = 1_000_000;
/// Bytes of [`Budget::new`].
pub const DEFAULT_BYTES: u64 = 16 * 1024 * 1024;
/// The deepest value that is copied or compared.
pub(crate) const MAX_VALUE_DEPTH: usize = 160;

/// What is left for evaluations; one budget may serve several of them.
#[derive(Clone, Debug)]
pub struct Budget {
    steps: u64,
    bytes: u64,
    steps_left: u64,
    bytes_left: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::new()
    }
}

impl Budget {
    /// The default: any expression ends within 100 ms and 16 MB, or fails with [`EvalErrorKind::Budget`].
    pub fn new() -> Budget {
        Budget::with_limits(DEFAULT_STEPS, DEFAULT_BYTES)
    }

    /// A budget of this many steps and allocated bytes.
    pub fn with_limits(steps: u64, bytes: u64) -> Budget {
        Budget { steps, bytes, steps_left: steps, bytes_left: bytes }
    }

    /// Steps taken so far.
    pub fn steps_used(&self) -> u64 {
        self.steps - self.steps_left
    }

    /// Bytes allocated so far.
    pub fn bytes_used(&self) -> u64 {
        self.bytes - self.bytes_left
    }

    pub(crate) fn step(&mut self, count: u64, span: Span) -> Result<(), EvalError> {
        match self.steps_left.checked_sub(count) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                self.steps_left = 0;
                Err(EvalError::new(
                    EvalErrorKind::Budget,
                    "the expression does too much work and was stopped",
                    span,
                ))
            }
        }
    }

    /// Charges an allocation before it is made.
    pub(crate) fn alloc(&mut self, bytes: usize, span: Span) -> Result<(), EvalError> {
        // Getting memory, touching it and giving it back takes time as well.
        self.step(2 + bytes as u64 / 64, span)?;
        match self.bytes_left.checked_sub(bytes as u64) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => {
                self.bytes_left = 0;
                Err(EvalError::new(
                    EvalErrorKind::Budget,
                    "the expression makes too much data and was stopped",
                    span,
                ))
            }
        }
    }
}

/// What kind of failure an evaluation ended with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum EvalErrorKind {
    /// A member that is not there.
    Missing,
    /// An operand or argument of the wrong type.
    Type,
    /// Too many steps, too many bytes, or a value nested too deeply.
    Budget,
    /// Overflow, division by zero, or a result that is no number.
    Arithmetic,
    /// An index outside the list, or the first element of an empty list.
    Index,
    /// A name or function that does not exist.
    Name,
    /// A value of the right type that cannot be converted, such as `int("x")`.
    Conversion,
}

impl EvalErrorKind {
    /// The kind as it is written into records.
    pub fn as_str(self) -> &'static str {
        match self {
            EvalErrorKind::Missing => "missing",
            EvalErrorKind::Type => "type",
            EvalErrorKind::Budget => "budget",
            EvalErrorKind::Arithmetic => "arithmetic",
            EvalErrorKind::Index => "index",
            EvalErrorKind::Name => "name",
            EvalErrorKind::Conversion => "conversion",
        }
    }
}

/// An evaluation failed. The message names types and members, never values, because a value may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EvalError {
    /// What kind of failure.
    pub kind: EvalErrorKind,
    /// What happened, for the author.
    pub message: String,
    /// Where, inside the text that was parsed.
    pub span: Span,
}

impl EvalError {
    pub(crate) fn new(kind: EvalErrorKind, message: impl Into<String>, span: Span) -> EvalError {
        EvalError { kind, message: message.into(), span }
    }
}
