//! From the tree to the plan: one walk that checks shape, names, types, policy and trust together.
//!
//! One walk, because each needs the others: the type of a name comes from a step that was checked before, and
//! what a value may be depends on the action it goes to. One file per kind of step.

mod afterwards;
mod branches;
mod call;
mod compute;
mod dag;
mod fields;
mod files;
mod forms;
mod loops;
mod modifiers;
mod people;
mod plugins;
mod policy;
mod schema;
mod steps;
mod subplaybook;
mod text;
mod top;
mod triggers;
mod value;
mod wait;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use action_api::{PluginFacts, Spec, Validator};
use expr::Type;
use plan::{Connection, Input, Output, Plan, Policy, RateLimit, Retry, Step};
use sha2::{Digest as _, Sha256};

use crate::codes;
use crate::names::Names;
use crate::names::handler_error;
use crate::names::outline::{BlockKind, Outline};
use crate::report::{Mark, Raw, Sink};
use crate::source::place::Places;
use crate::source::tree::{Id, Node};
use fields::Fields;
pub(crate) use files::{Face, Project};
pub(crate) use top::KEYS as TOP_KEYS;

/// The most steps of a playbook.
const MAX_STEPS: usize = 500;
/// How often the loops of one playbook are looked at until the types of their states are known; see [`loops`].
const MAX_LOOKS: usize = 100;

/// Checks the tree and lowers it. The plan is only worth something if nothing was reported as an error. `folder`
/// is where the file stands, from the folder of the first playbook.
pub(crate) fn playbook(
    text: &str,
    folder: &str,
    root: &Node,
    project: &Project<'_>,
    sink: &mut Sink,
) -> Option<(Option<Plan>, Face)> {
    let top = Fields::read(root, "a playbook", &top::KEYS, sink)?;
    top::version(&top, sink);
    let mut lower = Lower {
        project,
        folder: folder.to_owned(),
        sink,
        names: Names { outline: Outline::new(top.entries), ..Names::default() },
        connections: Vec::new(),
        plugins: Vec::new(),
        known_plugins: Vec::new(),
        outputs: Vec::new(),
        defaults: Defaults::default(),
        policy: Policy::default(),
        manual: false,
        watched: Vec::new(),
        about_a_mail: false,
        accepts: None,
        ungated: Vec::new(),
        unlimited: Vec::new(),
        looks_left: MAX_LOOKS,
    };
    let plan = lower.top(text, &top);
    lower.afterwards();
    Some((plan, lower.face()))
}

fn watched(trigger: &plan::Trigger) -> Option<String> {
    match &trigger.kind {
        plan::TriggerKind::Mailbox { mailbox, .. } => Some(mailbox.to_ascii_lowercase()),
        _ => None,
    }
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
    rate_limit: Option<RateLimit>,
}

/// An action with the types of its schemas: many steps call the same one.
struct Action {
    spec: Arc<Spec>,
    input: Type,
    output: Type,
    /// The outputs that are there with one way of calling it only, by the input that makes the difference.
    marked: Vec<(String, String)>,
    /// What each way of calling it gives, by whether those inputs are there: a schema takes long to read.
    narrowed: RefCell<BTreeMap<Vec<bool>, Type>>,
}

/// An `accept_untrusted`, and whether it was needed.
struct Acceptance {
    at: Id,
    needed: bool,
}

/// A declared output.
struct Declared {
    output: Output,
    /// What its schema says.
    ty: Type,
    /// The same, as trusted and secret as what it is given.
    given: Type,
}

struct Lower<'a> {
    project: &'a Project<'a>,
    folder: String,
    sink: &'a mut Sink,
    names: Names,
    connections: Vec<(Connection, Id)>,
    /// The plugins that the playbook declares.
    plugins: Vec<String>,
    /// The plugins there are.
    known_plugins: Vec<PluginFacts>,
    outputs: Vec<Declared>,
    defaults: Defaults,
    policy: Policy,
    /// A trigger is for people.
    manual: bool,
    /// The mailboxes whose new mail starts a run.
    watched: Vec<String>,
    /// Every trigger is a mailbox, so `trigger.message` is the run's own mail.
    about_a_mail: bool,
    accepts: Option<Acceptance>,
    /// Actions that change something without an approval before them.
    ungated: Vec<String>,
    /// Actions that change something without a limit for the run as a whole.
    unlimited: Vec<String>,
    looks_left: usize,
}

impl Lower<'_> {
    fn top(&mut self, text: &str, top: &Fields<'_>) -> Option<Plan> {
        let id = self.playbook_id(top);
        let name = top.text("name", self.sink).map(str::to_owned);
        top.text("description", self.sink);
        top::metadata(top, self.sink);
        self.connections(top);
        self.plugins(top);
        let secrets = self.secrets(top);
        let vars = self.vars(top);
        let inputs: Vec<Input> = self.inputs(top);
        let triggers = self.triggers(top);
        self.manual = triggers.iter().any(|t| matches!(t.kind, plan::TriggerKind::Manual));
        self.watched = triggers.iter().filter_map(watched).collect();
        self.about_a_mail = !triggers.is_empty() && self.watched.len() == triggers.len();
        self.outputs(top);
        let concurrency = self.concurrency(top);
        let deadline = top.duration("deadline", fields::RUN_DEADLINE, self.sink);
        self.defaults(top);
        self.policy(top);
        let steps = top.require("steps", "a playbook", "add `steps:` with a list of steps", self.sink);
        self.ids();
        let steps = steps.map(|steps| self.block(steps, 0, "`steps`"));
        self.output_values(top, steps.as_deref().unwrap_or_default());
        self.names.variables.push(("error".to_owned(), handler_error(None)));
        let on_error = self.part(top, "on_error", BlockKind::OnError);
        self.names.variables.pop();
        let finally = self.part(top, "finally", BlockKind::Finally);
        let id = id?;
        Some(Plan {
            name: name.unwrap_or_else(|| id.clone()),
            id,
            digest: plan::Digest::new(Sha256::digest(text.as_bytes()).into()),
            files: BTreeMap::new(),
            inputs,
            outputs: self.outputs.iter().map(|declared| declared.output.clone()).collect(),
            connections: self.connections.iter().map(|(c, _)| c.clone()).collect(),
            secrets,
            vars,
            triggers,
            concurrency,
            deadline,
            policy: self.policy.clone(),
            steps: steps?.into(),
            on_error,
            finally,
        })
    }

    /// `on_error` or `finally`.
    fn part(&mut self, top: &Fields<'_>, key: &str, kind: BlockKind) -> Option<Arc<[Step]>> {
        let node = top.get(key)?;
        let block = self.names.outline.top_block(kind)?;
        Some(self.block(node, block, &format!("`{key}`")).into())
    }

    /// The playbook as its caller sees it.
    fn face(self) -> Face {
        let output = Type::closed(self.outputs.iter().map(|d| (d.output.name.clone(), d.given.clone())));
        Face {
            inputs: self.names.inputs,
            output: Some(output),
            ungated: self.ungated,
            unlimited: self.unlimited,
            uses_trigger: self.names.triggers.used.get(),
        }
    }

    fn action(&mut self, name: &str) -> Option<Rc<Action>> {
        if let Some(known) = self.project.known_actions.borrow().get(name) {
            return known.clone();
        }
        let found = self.project.actions.spec(name).map(|spec| {
            let (input, output) = (Type::from_schema(&spec.input), Type::from_schema(&spec.output));
            let marked = forms::marked(&spec.output);
            Rc::new(Action { spec, input, output, marked, narrowed: RefCell::default() })
        });
        self.project.known_actions.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    fn validator(&mut self, spec: &Spec, input: &str, schema: &serde_json::Value) -> Option<Arc<Validator>> {
        let key = (spec.name.clone(), input.to_owned());
        if let Some(known) = self.project.validators.borrow().get(&key) {
            return known.clone();
        }
        // The input's schema stands alone, so it takes the definitions along.
        let mut schema = schema.clone();
        if let (Some(definitions), Some(own)) = (spec.input.get("$defs"), schema.as_object_mut()) {
            own.entry("$defs").or_insert_with(|| definitions.clone());
        }
        let built = Validator::new(&schema).ok().map(Arc::new);
        self.project.validators.borrow_mut().insert(key, built.clone());
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
