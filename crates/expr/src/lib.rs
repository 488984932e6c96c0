//! The expression language of Portcullis playbooks: parse, type-check, evaluate.
//!
//! A subset of [CEL](https://github.com/google/cel-spec) in `${{ }}`, written for this product because of three
//! things that no library has together: static types with spans, made from JSON Schema and carrying *untrusted*
//! and *secret*; a hard bound on work and memory; and evaluation over `serde_json` values where they are, without
//! copying the context. An expression that is valid here and in CEL gives one answer (a differential test holds
//! that). What CEL refuses and this language allows: ints widen to doubles, JSON fractions are doubles and JSON
//! whole numbers are ints, object keys are strings.
//!
//! No clock, no random, no input or output: the same expression over the same values gives the same answer on
//! every machine and on every replay.
//!
//! ```
//! use portcullis_expr::{Budget, Expr};
//! let expr = Expr::parse("mail.attachments.filter(a, a.name.endsWith('.exe')).size() > 0")?;
//! let names = serde_json::json!({"mail": {"attachments": [{"name": "invoice.exe"}]}});
//! assert_eq!(expr.eval(&names, &mut Budget::new())?, true);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ast;
mod budget;
mod check;
mod eval;
mod expression;
mod functions;
mod lexer;
mod parser;
mod scope;
mod source;
mod suggest;
mod template;
mod text_template;
mod types;
mod val;

pub use budget::{Budget, DEFAULT_BYTES, DEFAULT_STEPS, EvalError, EvalErrorKind};
pub use check::{Facts, Problem, Severity, codes};
pub use expression::{Expr, Reference};
pub use functions::{Entry, function_groups, functions};
pub use scope::{MAX_PATH, NameError, Scope, TypeScope};
pub use source::{MAX_DEPTH, MAX_SOURCE, Span, SyntaxError};
pub use suggest::nearest;
pub use template::Template;
pub use text_template::{MAX_TEMPLATE, MAX_TEXT, TextProblem, TextTemplate, text_filters};
pub use types::{Field, Lookup, Mismatch, Type};
