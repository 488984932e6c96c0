//! What an operator may choose.

use std::time::Duration;

/// How a journal is kept.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// When a record counts as written.
    pub durability: Durability,
    /// The folder was moved or copied here on purpose, and nobody else goes on with the runs in it.
    pub moved: bool,
}

impl Options {
    /// The folder was moved or copied here on purpose, and nobody else goes on with the runs in it: they go on as if it
    /// had always been here. Otherwise those that are not over are paused, as after a backup was restored.
    #[must_use]
    pub fn moved(mut self, moved: bool) -> Self {
        self.moved = moved;
        self
    }

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
