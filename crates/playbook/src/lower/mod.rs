//! From the tree to the plan: one walk that checks shape, names, types, policy and trust together.
//!
//! One walk, because each needs the others: the type of a name comes from a step that was checked before, and
//! what a value may be depends on the action it goes to. One file per kind of step.

mod approve;
mod blocks;
mod call;
mod compute;
mod fields;
mod policy;
mod schema;
mod steps;
mod top;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use action_api::{Spec, Validator};
use expr::Type;
use plan::{Connection, Input, Output, Plan, Retry};
use sha2::{Digest as _, Sha256};

use crate::check::Actions;
use crate::codes;
use crate::names::Names;
use crate::names::outline::Outline;
use crate::report::{Mark, Raw, Sink};
use crate::source::place::Places;
use crate::source::tree::{Id, Node};
use fields::Fields;

/// The most steps of a playbook.
const MAX_STEPS: usize = 500;

/// Checks the tree and lowers it. The plan is only worth something if nothing was reported as an error.
pub(crate) fn playbook(text: &str, root: &Node, actions: &dyn Actions, sink: &mut Sink) -> Option<Plan> {
    let top = Fields::read(root, "a playbook", &top::KEYS, sink)?;
    top::version(&top, sink);
    let mut lower = Lower {
        actions,
        sink,
        names: Names { outline: Outline::new(top.get("steps")), ..Names::default() },
        connections: Vec::new(),
        outputs: Vec::new(),
        defaults: Defaults::default(),
        approval_required: false,
        validators: HashMap::new(),
        known_actions: HashMap::new(),
        accepts: None,
    };
    let plan = lower.top(text, &top);
    lower.afterwards();
    plan
}

/// Whether a problem still holds when the places are known: quotes make a text unambiguous.
pub(crate) fn is_certain(raw: &Raw, places: &Places<'_>) -> bool {
    if raw.code != codes::AMBIGUOUS {
        return true;
    }
    matches!(raw.labels.first(), Some((Mark::Node(id), _)) if places.is_plain(*id))
}

#[derive(Default)]
struct Defaults {
    timeout: Option<std::time::Duration>,
    retry: Option<Retry>,
}

/// An action with the types of its schemas: many steps call the same one.
struct Action {
    spec: Arc<Spec>,
    input: Type,
    output: Type,
}

/// An `accept_untrusted`, and whether it was needed.
struct Acceptance {
    at: Id,
    needed: bool,
}

struct Lower<'a> {
    actions: &'a dyn Actions,
    sink: &'a mut Sink,
    names: Names,
    connections: Vec<(Connection, Id)>,
    outputs: Vec<(Output, Id)>,
    defaults: Defaults,
    approval_required: bool,
    /// By action and input: compiling a schema costs more than everything else here.
    validators: HashMap<(String, String), Option<Arc<Validator>>>,
    known_actions: HashMap<String, Option<Arc<Action>>>,
    accepts: Option<Acceptance>,
}

impl Lower<'_> {
    fn top(&mut self, text: &str, top: &Fields<'_>) -> Option<Plan> {
        let id = self.playbook_id(top);
        let name = top.text("name", self.sink).map(str::to_owned);
        top.text("description", self.sink);
        top::metadata(top, self.sink);
        self.connections(top);
        let inputs: Vec<Input> = self.inputs(top);
        self.outputs(top);
        let deadline = top.duration("deadline", fields::RUN_DEADLINE, self.sink);
        self.defaults(top);
        self.policy(top);
        let steps = top.require("steps", "a playbook", "add `steps:` with a list of steps", self.sink)?;
        self.ids();
        let steps = self.block(steps, 0, "`steps`");
        self.output_values(top, &steps);
        let id = id?;
        Some(Plan {
            name: name.unwrap_or_else(|| id.clone()),
            id,
            digest: plan::Digest::new(Sha256::digest(text.as_bytes()).into()),
            inputs,
            outputs: std::mem::take(&mut self.outputs).into_iter().map(|(output, _)| output).collect(),
            connections: std::mem::take(&mut self.connections).into_iter().map(|(c, _)| c).collect(),
            files: BTreeMap::new(),
            secrets: Vec::new(),
            vars: serde_json::Value::Null,
            triggers: Vec::new(),
            concurrency: None,
            deadline,
            policy: plan::Policy { approval_required: self.approval_required, ..plan::Policy::default() },
            steps: steps.into(),
            on_error: None,
            finally: None,
        })
    }

    fn action(&mut self, name: &str) -> Option<Arc<Action>> {
        if let Some(known) = self.known_actions.get(name) {
            return known.clone();
        }
        let found = self.actions.spec(name).map(|spec| {
            let (input, output) = (Type::from_schema(&spec.input), Type::from_schema(&spec.output));
            Arc::new(Action { spec, input, output })
        });
        self.known_actions.insert(name.to_owned(), found.clone());
        found
    }

    fn validator(&mut self, spec: &Spec, input: &str, schema: &serde_json::Value) -> Option<Arc<Validator>> {
        let key = (spec.name.clone(), input.to_owned());
        if let Some(known) = self.validators.get(&key) {
            return known.clone();
        }
        // The input's schema stands alone, so it takes the definitions along.
        let mut schema = schema.clone();
        if let (Some(definitions), Some(own)) = (spec.input.get("$defs"), schema.as_object_mut()) {
            own.entry("$defs").or_insert_with(|| definitions.clone());
        }
        let built = Validator::new(&schema).ok().map(Arc::new);
        self.validators.insert(key, built.clone());
        built
    }

    /// Ids that stand twice, and ids that are none.
    fn ids(&mut self) {
        let mut seen: BTreeMap<String, Id> = BTreeMap::new();
        let steps = &self.names.outline.steps;
        if let Some(step) = steps.get(MAX_STEPS) {
            let message = format!("{} steps; a playbook has at most {MAX_STEPS}", steps.len());
            self.sink.push(
                Raw::error(codes::TOO_MANY_STEPS, message)
                    .node(step.at, "one too many")
                    .help("use `foreach` for what repeats, or split the playbook"),
            );
        }
        for step in steps.iter().filter(|s| !s.id.starts_with('_')) {
            if let Some(first) = seen.get(&step.id) {
                self.sink.push(
                    Raw::error(
                        codes::DUPLICATE_NAME,
                        format!("two steps have the id `{}`", crate::source::text::shown(&step.id)),
                    )
                    .node(step.at, "again here")
                    .node(*first, "first here")
                    .help("ids are unique in the whole playbook, also in other branches"),
                );
            } else {
                seen.insert(step.id.clone(), step.at);
            }
        }
    }
}
