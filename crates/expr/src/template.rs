//! A YAML scalar with `${{ }}` in it: literal text, exactly one expression, or a mixture.
//!
//! A scalar that is exactly one expression keeps the type of its value. A mixture is text, and only what has one
//! obvious text form may stand in it. The text that comes out is never read again as a template, so a subject
//! that contains `${{ secrets.x }}` stays what it is. `$${{` writes `${{`. Line breaks that a YAML block scalar
//! leaves at the end do not make a single expression a text.

use crate::budget::{Budget, EvalError, EvalErrorKind};
use crate::check::{Problem, Severity, codes};
use crate::expression::Expr;
use crate::functions::numbers::scalar_text;
use crate::lexer::{Lexer, Token};
use crate::scope::{Scope, TypeScope};
use crate::source::{MAX_SOURCE, Span, SyntaxError};
use crate::types::Type;
use serde_json::Value;
use std::sync::Arc;

const OPEN: &str = "${{";
const ESCAPED: &str = "$${{";

/// A parsed scalar. Cloning shares its parts.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Arc<[Piece]>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// An expression and the offset of its source inside the whole text.
    Expr(usize, Expr),
}

/// Where the first expression opens. Most texts hold none, and the search for a text of the standard library would spend
/// its time getting ready.
fn opening(text: &str) -> Option<usize> {
    let mut marks = text.match_indices('$').map(|(at, _)| at);
    marks.find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(OPEN)))
}

impl Template {
    /// Whether the text has anything to evaluate or to unescape.
    pub fn has_expression(text: &str) -> bool {
        opening(text).is_some()
    }

    /// Parses a scalar.
    ///
    /// # Errors
    /// An expression in it is wrong or does not end; the span is relative to `text`.
    pub fn parse(text: &str) -> Result<Template, SyntaxError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(opening) {
            let open = at + found;
            if open > at && text.get(open - 1..).is_some_and(|t| t.starts_with(ESCAPED)) {
                literal.push_str(text.get(at..open - 1).unwrap_or(""));
                literal.push_str(OPEN);
                at = open + OPEN.len();
                continue;
            }
            literal.push_str(text.get(at..open).unwrap_or(""));
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            let start = open + OPEN.len();
            let source = inside(text, open)?;
            pieces.push(Piece::Expr(start, Expr::parse(source).map_err(|error| error.shifted(start))?));
            at = start + source.len() + 2;
        }
        literal.push_str(text.get(at..).unwrap_or(""));
        let single =
            matches!(pieces.as_slice(), [Piece::Expr(..)]) && literal.chars().all(|c| c == '\n' || c == '\r');
        if !literal.is_empty() && !single {
            pieces.push(Piece::Text(literal));
        }
        Ok(Template { pieces: pieces.into() })
    }

    /// Whether nothing is evaluated.
    pub fn is_literal(&self) -> bool {
        self.exprs().next().is_none()
    }

    /// The expression, if the scalar is exactly one.
    pub fn as_single(&self) -> Option<&Expr> {
        match &*self.pieces {
            [Piece::Expr(_, expr)] => Some(expr),
            _ => None,
        }
    }

    /// The expressions, each with the offset of its source inside the whole text.
    pub fn exprs(&self) -> impl Iterator<Item = (usize, &Expr)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expr(offset, expr) => Some((*offset, expr)),
            Piece::Text(_) => None,
        })
    }

    /// Evaluates all expressions. Spans of errors are relative to the whole text.
    ///
    /// # Errors
    /// As [`Expr::eval`]; in a mixture also a value without a text form.
    pub fn eval(&self, scope: &dyn Scope, budget: &mut Budget) -> Result<Value, EvalError> {
        let shift = |offset: usize| {
            move |mut error: EvalError| {
                error.span = error.span.shifted(offset);
                error
            }
        };
        if let [Piece::Expr(offset, expr)] = &*self.pieces {
            return expr.eval(scope, budget).map_err(shift(*offset));
        }
        let mut out = String::new();
        for piece in &*self.pieces {
            match piece {
                Piece::Text(text) => {
                    budget.alloc(text.len(), Span::default())?;
                    out.push_str(text);
                }
                Piece::Expr(offset, expr) => {
                    let text = text_of(expr, scope, budget).map_err(shift(*offset))?;
                    out.push_str(&text);
                }
            }
        }
        Ok(Value::String(out))
    }

    /// The type of the result and everything that is wrong, with spans relative to the whole text.
    pub fn check(&self, scope: &dyn TypeScope) -> (Type, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut whole = Type::string();
        for (offset, expr) in self.exprs() {
            let (found, mut wrong) = expr.check(scope);
            if self.as_single().is_some() {
                whole = found;
            } else {
                whole = whole.with_labels_of(&found);
                if let Err(mismatch) = found.assignable_to(&Type::printable()) {
                    wrong.push(Problem {
                        code: codes::NO_TEXT,
                        severity: Severity::Error,
                        message: format!("a value of type {found} cannot stand inside a text"),
                        span: expr.span(),
                        label: mismatch.message,
                        help: Some("write its members one by one, use `.join(\", \")`, or let the value be exactly one `${{ }}`".to_owned()),
                    });
                }
            }
            problems.extend(wrong.into_iter().map(|mut problem| {
                problem.span = problem.span.shifted(offset);
                problem
            }));
        }
        match &*self.pieces {
            [] => (Type::literal(""), problems),
            [Piece::Text(text)] => (Type::literal(text), problems),
            _ => (whole, problems),
        }
    }
}

fn text_of(expr: &Expr, scope: &dyn Scope, budget: &mut Budget) -> Result<String, EvalError> {
    let value = expr.eval_val(scope, budget)?;
    let length = value.as_text().map_or(32, str::len);
    // Once for the piece and twice for the text it is put into, which may grow by copying.
    budget.alloc(length * 3, expr.span())?;
    scalar_text(&value).ok_or_else(|| {
        let message = format!("a value of type {} cannot stand inside a text", value.type_name());
        EvalError::new(EvalErrorKind::Type, message, expr.span())
    })
}

/// The source between `${{` at `open` and the `}}` that ends it, which is not one inside a string or a map.
fn inside(text: &str, open: usize) -> Result<&str, SyntaxError> {
    let start = open + OPEN.len();
    let rest = text.get(start..).unwrap_or("");
    let mut end = rest.len().min(MAX_SOURCE + 16);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    let window = rest.get(..end).unwrap_or("");
    let mut lexer = Lexer::new(window);
    let mut depth = 0_usize;
    loop {
        let (token, span) = lexer.next().map_err(|error| error.shifted(start))?;
        match token {
            Token::Punct("{") => depth += 1,
            Token::Punct("}") if depth > 0 => depth -= 1,
            Token::Punct("}") => {
                let ends = window.get(lexer.offset()..).is_some_and(|t| t.starts_with('}'));
                return match window.get(..span.start) {
                    Some(source) if ends => Ok(source),
                    _ => Err(SyntaxError::new("a `}` without its `{`", span.shifted(start))
                        .help("an expression ends with `}}`")),
                };
            }
            Token::End if end < rest.len() => {
                let message = format!("the expression has more than {MAX_SOURCE} bytes, or does not end");
                return Err(SyntaxError::new(message, Span::new(open, start)).help("close it with `}}`"));
            }
            Token::End => {
                return Err(SyntaxError::new("the expression does not end", Span::new(open, start))
                    .help("close it with `}}`; to write `${{` as text, write `$${{`"));
            }
            _ => {}
        }
    }
}
