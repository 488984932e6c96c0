//! Text files with values filled in: the bodies of mails and tickets, where an expression would be too narrow.
//!
//! [minijinja](https://docs.rs/minijinja) in strict mode: a name that is not there is an error and never an empty
//! place. A template sees the values it is given and nothing else, reads no other file, and stops when its fuel or
//! its share of the budget is used up. Files called `*.html.j2` escape for HTML. What comes out is never read as a
//! template again.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;
use thiserror::Error;

use crate::budget::{Budget, EvalError, EvalErrorKind};
use crate::source::Span;

/// The longest template, in bytes.
pub const MAX_TEMPLATE: usize = 256 * 1024;
/// The longest text a template may make, in bytes.
pub const MAX_TEXT: usize = 1024 * 1024;
/// Instructions of minijinja; a loop over 10,000 rows of a table with ten columns takes about a tenth.
const FUEL: u64 = 2_000_000;

/// A parsed template.
#[derive(Debug)]
pub struct TextTemplate {
    name: String,
    environment: Environment<'static>,
}

/// What is wrong with a template's text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TextProblem {
    /// Which line of the template, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl TextTemplate {
    /// Parses a template. `name` is the file's, as messages show it; its ending decides about escaping.
    ///
    /// # Errors
    /// The text is too long, or not a template; includes, imports and inheritance are refused.
    pub fn parse(name: &str, source: &str) -> Result<TextTemplate, TextProblem> {
        if source.len() > MAX_TEMPLATE {
            let message = format!("a template has at most {MAX_TEMPLATE} bytes");
            return Err(TextProblem { line: None, message });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| {
            if name.ends_with(".html.j2") { AutoEscape::Html } else { AutoEscape::None }
        });
        environment.add_template_owned(name.to_owned(), source.to_owned()).map_err(|error| TextProblem {
            line: error.line(),
            message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
        })?;
        Ok(TextTemplate { name: name.to_owned(), environment })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names it takes from outside, nested ones as paths such as `mail.subject`, sorted.
    pub fn variables(&self) -> Vec<String> {
        let template = self.environment.get_template(&self.name);
        let mut names: Vec<String> =
            template.map(|t| t.undeclared_variables(true).into_iter().collect()).unwrap_or_default();
        names.sort();
        names
    }

    /// Fills the values in.
    ///
    /// # Errors
    /// A name is missing, or the work or the text is more than allowed.
    pub fn render(&self, values: &Value, budget: &mut Budget) -> Result<String, EvalError> {
        let failed = |kind, message: String| EvalError::new(kind, message, Span::default());
        let template = self
            .environment
            .get_template(&self.name)
            .map_err(|error| failed(EvalErrorKind::Name, error.to_string()))?;
        let text = template.render(minijinja::value::Serde(values)).map_err(|error| {
            let kind = match error.kind() {
                minijinja::ErrorKind::OutOfFuel => EvalErrorKind::Budget,
                minijinja::ErrorKind::UndefinedError => EvalErrorKind::Missing,
                _ => EvalErrorKind::Type,
            };
            let line = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
            failed(kind, format!("the template {}{line}: {}", self.name, error.kind()))
        })?;
        budget.alloc(text.len(), Span::default())?;
        Ok(text)
    }
}
