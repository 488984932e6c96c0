//! Text files with values filled in: the bodies of mails and tickets, where an expression would be too narrow.
//!
//! [minijinja](https://docs.rs/minijinja) in strict mode, and of its language only what places, repeats and chooses
//! (see `syntax`): a name that is not there is an error and never an empty place, null and lists have no text, a
//! template sees the values it is given and nothing else and reads no other file. It stops when its instructions, its
//! share of the budget or [`MAX_TEXT`] are used up, while it writes. Files called `*.html.j2` escape for HTML, always.
//! What comes out is never read as a template again. Whether the text may stand in a header, a subject or a file name
//! is the business of whoever puts it there.

mod filters;
mod meter;
mod syntax;

pub use filters::text_filters;

use meter::{Meter, Root};
use minijinja::value::{Serde, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter,
};
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;
use thiserror::Error as ThisError;

use crate::budget::{Budget, EvalError, EvalErrorKind};
use crate::source::Span;

/// The longest template, in bytes.
pub const MAX_TEMPLATE: usize = 256 * 1024;
/// The longest text a template may make, in bytes.
pub const MAX_TEXT: usize = 1024 * 1024;
/// Instructions of the engine; a table of 10,000 rows with ten columns takes about 400,000.
const FUEL: u64 = 500_000;

/// A parsed template.
#[derive(Debug)]
pub struct TextTemplate {
    name: String,
    source: String,
    environment: Environment<'static>,
}

/// What is wrong with a template's text.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("{message}")]
pub struct TextProblem {
    /// Which line of the template, from 1.
    pub line: Option<usize>,
    /// Which character of that line, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl TextTemplate {
    /// Parses a template. `name` is the file's, as messages show it; its ending decides about escaping.
    ///
    /// # Errors
    /// The text is too long, or not a template, or uses more of Jinja than templates have.
    pub fn parse(name: &str, source: &str) -> Result<TextTemplate, TextProblem> {
        if source.len() > MAX_TEMPLATE {
            let message = format!("a template has at most {MAX_TEMPLATE} bytes");
            return Err(TextProblem { line: None, column: None, message });
        }
        let problem = |at: Option<usize>, message: String| {
            let (line, column) = at.map(|at| place(source, at)).unzip();
            TextProblem { line, column, message }
        };
        syntax::check(source).map_err(|(at, message)| problem(Some(at), message))?;
        let mut environment = Environment::empty();
        environment.set_debug(false);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| {
            if name.ends_with(".html.j2") { AutoEscape::Html } else { AutoEscape::None }
        });
        environment.set_formatter(put);
        filters::add_to(&mut environment);
        environment.add_template_owned(name.to_owned(), source.to_owned()).map_err(|error| {
            let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            let mut problem = problem(error.range().map(|range| range.start), message);
            problem.line = problem.line.or(error.line());
            problem
        })?;
        Ok(TextTemplate { name: name.to_owned(), source: source.to_owned(), environment })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names it takes from outside, nested ones as paths such as `mail.subject`, sorted. Variables of its own
    /// loops and `set` are not among them.
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
    /// A name is missing, a value has no text form, or the work or the text is more than allowed. Messages name the
    /// place in the template and never a value.
    pub fn render(&self, values: &Value, budget: &mut Budget) -> Result<String, EvalError> {
        let span = Span::default();
        meter::weigh(values, budget, 0)?;
        let template = self
            .environment
            .get_template(&self.name)
            .map_err(|error| EvalError::new(EvalErrorKind::Name, error.kind().to_string(), span))?;
        let meter = Arc::new(Meter::new(budget.clone()));
        let root = Root { values: minijinja::Value::from(Serde(values)), meter: Arc::clone(&meter) };
        let mut page = Page::default();
        let rendered = template.render_captured_to(minijinja::Value::from_object(root), &mut page);
        let (left, failure) = meter.finish();
        *budget = left;
        match rendered {
            Ok(captured) => {
                let (used, _) = captured.state().fuel_levels().unwrap_or((FUEL, 0));
                budget.step(used, span)?;
                budget.alloc(page.text.len(), span)?;
                String::from_utf8(page.text)
                    .map_err(|_| EvalError::new(EvalErrorKind::Type, "the text is not UTF-8", span))
            }
            Err(error) => Err(self.failed(&error, failure, page.full)),
        }
    }

    /// The failure of a rendering, without any value in it: the engine's own texts may hold some.
    fn failed(&self, error: &Error, failure: Option<EvalError>, full: bool) -> EvalError {
        let range = error.range();
        let (kind, what) = match (failure, error.kind()) {
            _ if full => (EvalErrorKind::Budget, format!("the text is longer than {MAX_TEXT} bytes")),
            (Some(failure), _) => (failure.kind, failure.message),
            (None, ErrorKind::OutOfFuel) => {
                (EvalErrorKind::Budget, "the template does too much work and was stopped".to_owned())
            }
            (None, ErrorKind::UndefinedError) => (EvalErrorKind::Missing, self.missing(range.as_ref())),
            (None, ErrorKind::BadSerialization) => {
                (EvalErrorKind::Type, "null, a list or an object has no text form".to_owned())
            }
            (None, kind) => (EvalErrorKind::Type, kind.to_string()),
        };
        let at = match (range, error.line()) {
            (Some(range), _) => {
                let (line, column) = place(&self.source, range.start);
                format!(":{line}:{column}")
            }
            (None, Some(line)) => format!(":{line}"),
            (None, None) => String::new(),
        };
        EvalError::new(kind, format!("the template {}{at}: {what}", self.name), Span::default())
    }

    /// What is missing, in the words of the template.
    fn missing(&self, range: Option<&Range<usize>>) -> String {
        let text = range.and_then(|range| self.source.get(range.clone())).map(str::trim);
        match text.filter(|text| !text.is_empty() && text.len() <= 80 && !text.contains('\n')) {
            Some(text) => format!("there is no value for `{text}`"),
            None => "a value is missing".to_owned(),
        }
    }
}

/// Line and column of a byte, both from 1.
fn place(source: &str, at: usize) -> (usize, usize) {
    let before: String =
        source.char_indices().take_while(|(offset, _)| *offset < at).map(|(_, c)| c).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// Writes a value into the text, in the form that it has in `${{ }}` inside a text as well.
fn put(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &minijinja::Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::String => escape_formatter(out, state, value),
        ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Error::from),
        ValueKind::Number if value.is_integer() => escape_formatter(out, state, value),
        ValueKind::Number => {
            let number = f64::try_from(value.clone())?;
            out.write_str(&number.to_string()).map_err(Error::from)
        }
        _ => Err(Error::from(ErrorKind::BadSerialization)),
    }
}

/// What has been written; nothing more once it is full.
#[derive(Default)]
struct Page {
    text: Vec<u8>,
    full: bool,
}

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.text.len() + bytes.len() > MAX_TEXT {
            self.full = true;
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
