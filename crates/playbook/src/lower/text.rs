//! `{ template: FILE, values: … }`: a text file with values filled in.

use std::sync::Arc;

use expr::{Lookup, TextTemplate, Type};
use plan::ValueExpr;
use serde_json::Value;

use super::Lower;
use super::fields::{Fields, unknown_key};
use super::value::{Slot, broken};
use crate::codes;
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Entry, Kind, Node};

/// How the files of templates end.
const ENDING: &str = ".j2";

/// Whether a mapping names a template file. An object that happens to have a `template` is left alone.
pub(super) fn is_text_file(entries: &[Entry]) -> bool {
    let named = entries.iter().find(|e| e.key.text == "template").and_then(|e| e.value.text());
    named.is_some_and(|path| path.ends_with(ENDING))
}

/// The entries of a template file where a text can stand.
pub(super) fn text_file<'n>(node: &'n Node, slot: &Slot<'_>) -> Option<&'n [Entry]> {
    let Kind::Map(entries) = &node.kind else { return None };
    (is_text_file(entries) && Type::string().assignable_to(&slot.ty).is_ok()).then_some(entries)
}

impl Lower<'_> {
    pub(super) fn text_file(&mut self, node: &Node, entries: &[Entry], slot: &Slot<'_>) -> (ValueExpr, Type) {
        let fields = Fields { at: node.id, entries };
        for entry in entries.iter().filter(|e| !matches!(e.key.text.as_str(), "template" | "values")) {
            let raw = unknown_key(entry.key.id, &entry.key.text, "a template", &["template", "values"]);
            self.sink.push(raw);
        }
        let (values, given) = match fields.get("values") {
            Some(node) if matches!(node.kind, Kind::Map(_)) => {
                self.value(node, &Slot { secret: slot.secret, ..Slot::open("`values`", Type::any()) })
            }
            Some(node) => {
                self.sink.push(super::fields::wrong_kind(node, "`values`", "a mapping"));
                (ValueExpr::Literal(Value::Null), Type::any())
            }
            None => (ValueExpr::Literal(Value::Object(serde_json::Map::new())), Type::closed([])),
        };
        // A secret that may not be here has been reported where it stands.
        let mut ty = Type::string();
        if given.contains_untrusted() {
            ty = ty.with_untrusted();
        }
        if slot.secret && given.contains_secret() {
            ty = ty.with_secret();
        }
        self.placed(node, &ty, slot);
        match fields.get("template").and_then(|at| self.template_file(at, &given)) {
            Some(template) => (ValueExpr::Text { template, values: Box::new(values) }, ty),
            None => broken(),
        }
    }

    fn template_file(&mut self, at: &Node, given: &Type) -> Option<Arc<TextTemplate>> {
        let path = self.path(at, "`template`")?;
        let text = match self.project.read(&path) {
            Ok(text) => text,
            Err(why) => {
                self.no_file(at, &path, &why);
                return None;
            }
        };
        let template = match TextTemplate::parse(&path, &text) {
            Ok(template) => template,
            Err(problem) => {
                let line = problem.line.map_or(String::new(), |line| format!(":{line}"));
                self.sink.push(
                    Raw::error(
                        codes::BAD_TEMPLATE,
                        format!("the template cannot be read: {}", problem.message),
                    )
                    .node(at.id, format!("{path}{line}")),
                );
                return None;
            }
        };
        let mut missing: Vec<String> = Vec::new();
        for variable in template.variables() {
            let first = variable.split('.').next().unwrap_or(&variable).to_owned();
            if !missing.contains(&first) && !self.variable_of(at, &variable, given) {
                missing.push(first);
            }
        }
        Some(Arc::new(template))
    }

    /// A name that a template uses must surely be among the values.
    fn variable_of(&mut self, at: &Node, variable: &str, given: &Type) -> bool {
        let mut ty = given.clone();
        for (depth, name) in variable.split('.').enumerate() {
            let wrong = match (ty.is_nullable(), ty.field(name)) {
                (true, _) => {
                    format!("`{}` may be null", variable.rsplit_once('.').map_or("", |(path, _)| path))
                }
                (false, Some(Lookup::Present(next))) => {
                    ty = next;
                    continue;
                }
                (false, Some(Lookup::Undeclared(next))) if ty.is_any() => {
                    ty = next;
                    continue;
                }
                (false, Some(Lookup::Optional(_) | Lookup::Undeclared(_))) => {
                    format!("`{variable}` may be missing")
                }
                (false, _) if depth == 0 => format!("no value is given for `{}`", shown(name)),
                (false, _) => format!("there is no `{}` in `{variable}`", shown(name)),
            };
            let known = ty.field_names();
            let near = expr::nearest(name, known.iter().copied().filter(|known| *known != name));
            let near = near.filter(|_| matches!(ty.field(name), Some(Lookup::Absent)));
            let help = match (near, depth) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, 0) => format!("add `{name}` under `values`"),
                (None, _) => "give the template a value that is surely there".to_owned(),
            };
            self.sink.push(
                Raw::error(codes::BAD_TEMPLATE, format!("the template cannot be filled in: {wrong}"))
                    .node(at.id, format!("uses `{}`", shown(variable)))
                    .help(help),
            );
            return depth > 0;
        }
        true
    }
}
