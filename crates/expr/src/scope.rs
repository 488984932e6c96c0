//! Where free names come from: the two traits that a caller implements.
//!
//! This crate knows no `steps` and no `inputs`. A scope is asked with the static member path of a name, takes as
//! many segments as it knows, and the rest is walked here. So the caller decides about names once, for the whole
//! path, and nothing has to be assembled into one large value first.

use crate::check::Facts;
use crate::types::Type;
use serde_json::Value;

/// Names at run time.
pub trait Scope {
    /// The value of a prefix of `path` and how many segments that prefix has, or `None` if the name is unknown.
    ///
    /// `["steps", "x", "output", "a"]` may answer `Some((3, &output_of_x))`. At most [`MAX_PATH`] segments are passed.
    fn resolve<'a>(&'a self, path: &[&str]) -> Option<(usize, &'a Value)>;
}

/// Names at check time.
pub trait TypeScope {
    /// The type of a prefix of `path` and how many segments that prefix has.
    ///
    /// # Errors
    /// The name does not exist, or not here.
    fn resolve(&self, path: &[&str]) -> Result<(usize, Type), NameError>;

    /// The same at a place where these facts hold: those of [`TypeScope::facts`] and what the conditions of the
    /// expression itself prove before this name (`steps.a.status == "succeeded" && steps.a.output.n > 1`).
    ///
    /// # Errors
    /// As [`TypeScope::resolve`].
    fn resolve_where(&self, path: &[&str], known: &Facts) -> Result<(usize, Type), NameError> {
        let _ = known;
        self.resolve(path)
    }

    /// What is known to hold before the expression begins, such as the conditions around its step.
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// The most segments a [`Scope`] is asked with at once.
pub const MAX_PATH: usize = 16;

/// A name that cannot be used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What is wrong ("no step `x`", "step `y` runs later").
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Which segment of the path is wrong.
    pub segment: usize,
    /// The code of the problem, such as `P0301`.
    pub code: &'static str,
}

/// A JSON object is a scope: its members are the names.
impl Scope for Value {
    fn resolve<'a>(&'a self, path: &[&str]) -> Option<(usize, &'a Value)> {
        self.get(path.first()?).map(|value| (1, value))
    }
}
