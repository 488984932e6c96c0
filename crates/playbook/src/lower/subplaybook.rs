//! `call`: another playbook as a step.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::{Lookup, Type, nearest};
use plan::{Plan, StepKind, SubPlaybook, ValueExpr};

use super::Lower;
use super::fields::{self, Fields, plain_text};
use super::files::{Callee, MAX_CALLS, folder, join};
use super::value::{Slot, literal_help, said};
use crate::check;
use crate::codes;
use crate::names::outline::StepIx;
use crate::report::{Raw, Severity};
use crate::source::text::shown;
use crate::source::tree::{Entry, Node};
use action_api::Validator;

impl Lower<'_> {
    pub(super) fn subplaybook(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        let node = fields.get("call")?;
        let path = self.path(node, "`call`")?;
        let callee = self.callee(node, &path)?;
        if let Some(output) = &callee.face.output {
            self.gives(ix, Some(output.clone()), None);
        }
        let plan = callee.plan.clone();
        let Some(plan) = plan else {
            self.broken(node, &path, &callee);
            return None;
        };
        if callee.face.uses_trigger {
            self.sink.push(
                Raw::error(codes::BAD_CALLEE, format!("`{}` cannot be called: it uses `trigger`", plan.id))
                    .node(node.id, "a called playbook has no trigger")
                    .help("give it what it needs as an input"),
            );
        }
        if let Some(action) = callee.face.ungated.first() {
            let what = format!("the called playbook `{}` runs `{action}`, which", plan.id);
            self.containment(&what, action, node);
        }
        for action in &callee.face.unlimited {
            self.in_a_loop(node, action, "in the called playbook; it holds for each call");
        }
        let with = self.inputs_of(fields, node, &plan, &callee);
        let connections = self.connections_of(fields, node, &plan);
        Some(StepKind::Playbook(SubPlaybook { plan, with, connections: connections? }))
    }

    /// The path of another file, from the folder of the first playbook.
    pub(super) fn path(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = plain_text(node, what, self.sink)?;
        match join(&self.folder, text) {
            Ok(path) => Some(path),
            Err(why) => {
                self.sink.push(
                    Raw::error(codes::BAD_PATH, format!("`{}` is no path to a file: {why}", shown(text)))
                        .node(node.id, "")
                        .help("write it as `../block-sender/playbook.yaml`"),
                );
                None
            }
        }
    }

    /// The checked playbook; reports why there is none.
    fn callee(&mut self, node: &Node, path: &str) -> Option<Arc<Callee>> {
        let open = self.project.open.borrow().clone();
        if let Some(at) = open.iter().position(|file| file == path) {
            let mut cycle: Vec<&str> = open.get(at..)?.iter().map(String::as_str).collect();
            cycle.push(path);
            self.sink.push(
                Raw::error(codes::CYCLE, format!("these playbooks call one another: {}", cycle.join(" -> ")))
                    .node(node.id, "calls it again")
                    .help("take one of the calls out; what repeats is a `foreach` or `while`"),
            );
            return None;
        }
        if open.len() > MAX_CALLS {
            self.sink.push(
                Raw::error(codes::TOO_MANY_CALLS, format!("calls are more than {MAX_CALLS} deep"))
                    .node(node.id, open.join(" -> ")),
            );
            return None;
        }
        if let Some(known) = self.project.known(path) {
            return Some(known);
        }
        let text = match self.project.read(path) {
            Ok(text) => text,
            Err(why) => {
                self.no_file(node, path, &why);
                return None;
            }
        };
        self.project.open.borrow_mut().push(path.to_owned());
        let (lowered, diagnostics) = check::one(&text, folder(path), self.project);
        self.project.open.borrow_mut().pop();
        let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
        let (plan, face) = match lowered {
            Some((plan, face)) => (plan.filter(|_| !failed).map(Arc::new), face),
            None => (None, super::Face::default()),
        };
        Some(self.project.remember(path, Callee { plan, face, diagnostics }))
    }

    pub(super) fn no_file(&mut self, node: &Node, path: &str, why: &str) {
        let code = if why.contains("at most") { codes::TOO_MANY_CALLS } else { codes::NO_FILE };
        self.sink.push(
            Raw::error(code, format!("cannot read `{}`", shown(path)))
                .node(node.id, shown(why))
                .help("paths begin at the folder of the file that names them"),
        );
    }

    fn broken(&mut self, node: &Node, path: &str, callee: &Callee) {
        let errors = callee.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let count = errors.clone().count();
        let Some(first) = errors.into_iter().next() else { return };
        // What is wrong with the calls themselves is said once, where the first of them stands.
        if matches!(first.code, codes::CYCLE | codes::TOO_MANY_CALLS) && first.message.contains("call") {
            self.sink.push(Raw::error(first.code, first.message.clone()).node(node.id, "begins here"));
            return;
        }
        let place = first.labels.first().map_or(String::new(), |l| format!(":{}:{}", l.line, l.column));
        let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        let message = format!("the called playbook has {}", fields::counted(count, "error"));
        self.sink.push(
            Raw::error(codes::BAD_CALLEE, message)
                .node(node.id, "")
                .help(format!("{path}{place}: {}: {}{more}", first.code, first.message)),
        );
    }

    fn inputs_of(
        &mut self,
        fields: &Fields<'_>,
        call: &Node,
        plan: &Plan,
        callee: &Callee,
    ) -> Vec<(String, ValueExpr)> {
        let given = match fields.get("with") {
            Some(node) => match Fields::open(node, "`with`", self.sink) {
                Some(given) => given,
                None => return Vec::new(),
            },
            None => Fields { at: call.id, entries: &[] },
        };
        let mut values = Vec::new();
        for entry in given.entries {
            let name = entry.key.text.as_str();
            let Some(input) = plan.inputs.iter().find(|i| i.name == name) else {
                let known: Vec<&str> = plan.inputs.iter().map(|i| i.name.as_str()).collect();
                let help = nearest(name, known.iter().copied()).map_or_else(
                    || match known.is_empty() {
                        true => format!("`{}` has no inputs", plan.id),
                        false => format!("inputs of `{}`: {}", plan.id, known.join(", ")),
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("the playbook `{}` has no input `{}`", plan.id, shown(name));
                self.sink.push(Raw::error(codes::UNKNOWN_INPUT, message).node(entry.key.id, "").help(help));
                continue;
            };
            let ty =
                callee.face.inputs.iter().find(|(n, _)| n == name).map_or_else(Type::any, |(_, t)| t.clone());
            values.push((name.to_owned(), self.input_of(entry, input, ty)));
        }
        let missing: Vec<&str> = plan
            .inputs
            .iter()
            .filter(|i| i.default.is_none() && given.entry(&i.name).is_none())
            .map(|i| i.name.as_str())
            .collect();
        if !missing.is_empty() {
            let names = fields::quoted(&missing);
            self.sink.push(
                Raw::error(codes::MISSING_INPUT, format!("the playbook `{}` needs {names}", plan.id))
                    .node(call.id, "")
                    .help(format!("add {names} under `with`")),
            );
        }
        values
    }

    fn input_of(&mut self, entry: &Entry, input: &plan::Input, wanted: Type) -> ValueExpr {
        let what = format!("the input `{}`", entry.key.text);
        let secret = wanted.contains_secret();
        let slot = Slot { secret, ..Slot::open(&what, wanted) };
        let (value, ty) = self.value(&entry.value, &slot);
        if let (ValueExpr::Literal(literal), Ok(validator)) = (&value, Validator::new(&input.schema)) {
            for violation in validator.violations(literal) {
                let node = entry.value.descend(&violation.pointer);
                let message = format!("{what} is refused: {}", said(&violation.message, node));
                let raw = Raw::error(codes::BAD_LITERAL, message).node(node.id, "");
                self.sink.push(raw.maybe_help(literal_help(node, &slot.ty, &violation.pointer)));
            }
        }
        if leaks(&ty, &slot.ty) {
            self.untrusted(
                &entry.value,
                &what,
                "the called playbook trusts it",
                Some("mark the input `x-untrusted: true` in the called playbook"),
            );
        }
        value
    }

    /// Which of our connections each of theirs is.
    fn connections_of(
        &mut self,
        fields: &Fields<'_>,
        call: &Node,
        plan: &Plan,
    ) -> Option<BTreeMap<String, String>> {
        let given = match fields.get("connections") {
            Some(node) => Fields::open(node, "`connections`", self.sink)?,
            None => Fields { at: call.id, entries: &[] },
        };
        let mut bound = BTreeMap::new();
        let mut complete = true;
        for entry in given.entries {
            let theirs = entry.key.text.as_str();
            if !plan.connections.iter().any(|c| c.name == theirs) {
                let near = nearest(theirs, plan.connections.iter().map(|c| c.name.as_str()));
                self.sink.push(
                    Raw::error(
                        codes::UNKNOWN_CONNECTION,
                        format!("the playbook `{}` has no connection `{}`", plan.id, shown(theirs)),
                    )
                    .node(entry.key.id, "")
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
                );
                complete = false;
            }
        }
        for theirs in &plan.connections {
            let found = match given.get(&theirs.name) {
                Some(node) => {
                    let name = plain_text(node, "a connection", self.sink)?;
                    self.named_connection(node, name, &theirs.kind, format_args!("`{}`", plan.id))
                }
                None => self.same_connection(call, theirs, plan),
            };
            match found {
                Some(ours) => drop(bound.insert(theirs.name.clone(), ours)),
                None => complete = false,
            }
        }
        complete.then_some(bound)
    }

    /// The one of the same name, or else the only one of its kind.
    fn same_connection(&mut self, call: &Node, theirs: &plan::Connection, plan: &Plan) -> Option<String> {
        let fitting: Vec<&str> = self
            .connections
            .iter()
            .filter(|(c, _)| c.kind == theirs.kind)
            .map(|(c, _)| c.name.as_str())
            .collect();
        if fitting.contains(&theirs.name.as_str()) {
            return Some(theirs.name.clone());
        }
        if let [only] = fitting.as_slice() {
            return Some((*only).to_owned());
        }
        let message = match fitting.len() {
            0 => format!("`{}` needs a connection of kind `{}`, and there is none", plan.id, theirs.kind),
            _ => format!("`{}` needs a connection, and there are several of kind `{}`", plan.id, theirs.kind),
        };
        let help = match fitting.as_slice() {
            [] => format!("declare one: `connections: {{ NAME: {{ kind: {} }} }}`", theirs.kind),
            several => format!("say which: `connections: {{ {}: {} }}`", theirs.name, several.join(" or ")),
        };
        self.sink.push(Raw::error(codes::NO_CONNECTION, message).node(call.id, "").help(help));
        None
    }
}

/// Whether something untrusted would go where only trusted values are expected.
fn leaks(found: &Type, wanted: &Type) -> bool {
    if wanted.is_untrusted() || !found.contains_untrusted() {
        return false;
    }
    if found.is_untrusted() {
        return true;
    }
    let member = |ty: &Type, name: &str| match ty.field(name) {
        Some(Lookup::Present(ty) | Lookup::Optional(ty) | Lookup::Undeclared(ty)) => ty,
        _ => Type::any(),
    };
    if found.members().len() > 1 {
        return found.members().iter().any(|found| leaks(found, wanted));
    }
    let mut fields = found.fields().peekable();
    if fields.peek().is_some() {
        return fields.any(|(name, field)| leaks(&field.ty, &member(wanted, name)));
    }
    leaks(&found.element(), &wanted.element())
}
