//! What is wrong with a configuration, and where.
//!
//! A line of the file is never repeated in a message, because a secret may stand in it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::tree::Place;

/// One thing that is wrong, or better done otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    place: Place,
    message: String,
}

/// Where readers put what they find.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Sink {
    /// The configuration cannot be used. `message` says what is wrong and what would be right.
    pub(crate) fn error(&mut self, place: Place, message: impl Into<String>) {
        self.errors.push(Problem { place, message: message.into() });
    }

    /// It can be used, but should not stay so.
    pub(crate) fn warn(&mut self, place: Place, message: impl Into<String>) {
        self.warnings.push(Problem { place, message: message.into() });
    }

    /// The warnings, or everything that is wrong.
    pub(crate) fn finish(mut self, file: &Path) -> Result<Vec<String>, Problems> {
        self.errors.sort_by_key(|problem| problem.place);
        if self.errors.is_empty() {
            return Ok(self.warnings.iter().map(|warning| line(file, warning)).collect());
        }
        Err(Problems { file: file.to_owned(), errors: self.errors })
    }
}

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug)]
pub(crate) struct Problems {
    file: PathBuf,
    errors: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration {} is wrong:", self.file.display())?;
        self.errors.iter().try_for_each(|problem| write!(f, "\n  {}", line(&self.file, problem)))
    }
}

fn line(file: &Path, Problem { place, message }: &Problem) -> String {
    format!("{}:{}:{}: {message}", file.display(), place.line, place.column)
}
