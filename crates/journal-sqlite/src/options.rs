//! What an operator may choose.

use std::time::Duration;

/// How a journal is kept.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// When a record counts as written.
    pub durability: Durability,
}

impl Options {
    /// The options with this durability.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }
}

/// When a record counts as written. Either way it survives the end of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// When the disk has it: survives a power cut.
    #[default]
    Each,
    /// When the system has it; the disk gets it within this time. A power cut loses at most so much, and
    /// then an effect of the lost time may be repeated.
    Interval(Duration),
}
