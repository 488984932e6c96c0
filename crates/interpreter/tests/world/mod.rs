//! The corpus, and an outside world that answers by dice: every playbook can be lived through.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use action_api::{PluginFacts, PluginStanding, Spec};
use journal::{Decision, Event, Record, RunStatus, Timestamp};
use plan::{Blame, Failure, FailureKind, Plan};
use playbook::{Actions, Source, check};
use portcullis_interpreter::{Command, Machine, RunInfo, Turn};
use serde_json::{Map, Value, json};

/// The actions of the checker's corpus.
pub(crate) struct Catalogue(BTreeMap<String, Arc<Spec>>);

impl Catalogue {
    fn load() -> Self {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbook/tests/ui/catalogue.json");
        let specs: Vec<Spec> = serde_json::from_str(&std::fs::read_to_string(place).unwrap()).unwrap();
        Catalogue(specs.into_iter().map(|spec| (spec.name.clone(), Arc::new(spec))).collect())
    }
}

impl Actions for Catalogue {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        let (name, version) = ("urlscan".to_owned(), "1.2.0".to_owned());
        vec![PluginFacts { name, version, standing: PluginStanding::Ready }]
    }
}

/// Every playbook that checks, with its name: those of the checker, which have every verb, and one of ours in
/// which they stand inside one another.
fn corpus(catalogue: &Catalogue) -> Vec<(String, Arc<Plan>)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut plans = Vec::new();
    for folder in [here.join("../playbook/tests/ui/ok"), here.join("tests/plays")] {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let (name, text) = (path.display().to_string(), std::fs::read_to_string(&path).unwrap());
                let beside = Beside(folder.clone());
                let checked = check(Source::new(&name, &text).among(&beside), catalogue);
                let plan = checked.plan.unwrap_or_else(|| panic!("{name}: {:#?}", checked.diagnostics));
                plans.push((name, Arc::new(plan)));
            }
        }
    }
    assert!(plans.len() >= 20, "the corpus is gone");
    plans.sort_by(|a, b| a.0.cmp(&b.0));
    plans
}

/// The files beside a playbook.
struct Beside(PathBuf);

impl playbook::Files for Beside {
    fn read(&self, path: &str) -> Result<Arc<str>, String> {
        std::fs::read_to_string(self.0.join(path)).map(Arc::from).map_err(|error| error.to_string())
    }
}

pub(crate) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::load);
pub(crate) static CORPUS: LazyLock<Vec<(String, Arc<Plan>)>> = LazyLock::new(|| corpus(&CATALOGUE));

/// The outside world: answers whatever is open, in an order and with a luck drawn from its bytes.
pub(crate) struct World<'a> {
    dice: VecDeque<u8>,
    catalogue: &'a Catalogue,
    open: Vec<Command>,
    now: i64,
    signalled: u32,
}

impl World<'_> {
    fn roll(&mut self) -> u8 {
        let die = self.dice.pop_front().unwrap_or(7);
        self.dice.push_back(die.wrapping_mul(31).wrapping_add(17));
        die
    }

    /// A value that obeys the schema.
    fn value(&mut self, schema: &Value) -> Value {
        if let (Some(_), Some(output)) = (schema.get("if"), schema.pointer("/properties/output")) {
            // What became of a call: the output is there if it took place.
            return match self.roll() % 3 {
                0 => json!({"took_place": "yes", "output": self.value(output)}),
                1 => json!({"took_place": "no"}),
                _ => json!({"took_place": "give_up"}),
            };
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let index = self.roll() as usize % values.len();
            return values[index].clone();
        }
        if let Some(choices) = schema.get("anyOf").or(schema.get("oneOf")).and_then(Value::as_array) {
            let index = self.roll() as usize % choices.len();
            return self.value(&choices[index]);
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds[self.roll() as usize % kinds.len()].as_str().unwrap().to_owned(),
            _ => return Value::Null,
        };
        match kind.as_str() {
            "string" => Value::from(format!("text {}", self.roll())),
            "integer" | "number" => {
                Value::from(i64::from(self.roll()) + schema["minimum"].as_i64().unwrap_or(0))
            }
            "boolean" => Value::from(self.roll().is_multiple_of(2)),
            "array" => {
                let count = self.roll() % 4;
                (0..count).map(|_| self.value(&schema["items"])).collect()
            }
            "object" => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let mut map = Map::new();
                for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                    if required.contains(&json!(name)) || self.roll().is_multiple_of(2) {
                        map.insert(name.clone(), self.value(property));
                    }
                }
                Value::Object(map)
            }
            _ => Value::Null,
        }
    }

    /// What is written down because of new commands, before they are carried out.
    fn take(&mut self, turn: Turn) -> Vec<Event> {
        let mut events = Vec::new();
        for command in turn.commands {
            match &command {
                Command::Perform(call) => events.push(Event::Performing {
                    op: call.op,
                    attempt: call.attempt,
                    path: call.path.clone(),
                    action: call.action.clone(),
                    touches: None,
                }),
                Command::Ask(ask) => {
                    events.push(Event::Asked {
                        op: ask.op,
                        path: ask.path.clone(),
                        digest: ask.digest.clone(),
                    });
                }
                Command::Form(form) => events.push(Event::Asked {
                    op: form.op,
                    path: form.path.clone(),
                    digest: form.digest.clone(),
                }),
                Command::Finish(end) => events.push(Event::Ended {
                    status: end.status,
                    outputs: end.outputs.clone(),
                    failure: end.failure.clone(),
                }),
                Command::Withdraw { op } => {
                    let forgotten = *op;
                    self.open.retain(|command| {
                        matches!(command, Command::Perform(_)) || command.op() != Some(forgotten)
                    });
                    continue;
                }
                Command::Sleep { .. } | Command::Pause(_) => {}
            }
            self.open.push(command);
        }
        events
    }

    /// One answer.
    fn answer(&mut self) -> Option<Event> {
        self.now += i64::from(self.roll());
        // The run's deadline is the last thing that happens.
        let answerable: Vec<usize> = (0..self.open.len())
            .filter(|&i| !matches!(self.open[i], Command::Finish(_) | Command::Sleep { op: 0, .. }))
            .collect();
        let pick = *answerable.get(self.roll() as usize % answerable.len().max(1))?;
        let luck = self.roll();
        Some(match self.open.remove(pick) {
            Command::Perform(call) if luck.is_multiple_of(5) => {
                let kind = FailureKind::ALL[self.roll() as usize % FailureKind::ALL.len()];
                let failure = Failure::new(kind, Blame::Server, "bad luck");
                Event::AttemptFailed {
                    op: call.op,
                    attempt: call.attempt,
                    failure,
                    entropy: u64::from(luck) * 977,
                    last: false,
                }
            }
            Command::Perform(call) => {
                let spec = self.catalogue.spec(&call.action).unwrap();
                Event::Performed {
                    op: call.op,
                    output: self.value(&spec.output),
                    kept: None,
                    reused: None,
                    inverse: Value::Null,
                }
            }
            Command::Sleep { op, until } => {
                self.now = self.now.max(until.0);
                Event::Woken { op }
            }
            Command::Ask(ask) => {
                // Asked again, the answer of the first time counts no more.
                self.open.retain(|command| command.op() != Some(ask.op));
                let decision =
                    [Decision::Approved, Decision::Rejected, Decision::TimedOut][luck as usize % 3];
                let by = format!("ana {}", ask.round);
                Event::Decided { op: ask.op, decision, by, digest: ask.digest, in_advance: false }
            }
            Command::Form(form) if luck.is_multiple_of(4) && form.due.is_some() => {
                self.now = self.now.max(form.due.map_or(0, |due| due.0));
                Event::Woken { op: form.op }
            }
            Command::Form(form) => {
                Event::Answered { op: form.op, answer: self.value(&form.schema), by: "ana".to_owned() }
            }
            Command::Pause(pause)
                if pause.event.is_some() && (!luck.is_multiple_of(3) || pause.due.is_none()) =>
            {
                let awaited = pause.event.clone().unwrap();
                let payload = self.value(&awaited.schema);
                // It may not be the one that is waited for: `match` decides.
                self.signalled += 1;
                if self.signalled > 200 {
                    return Some(Event::CancelRequested { by: "ana".to_owned() });
                }
                self.open.push(Command::Pause(pause));
                Event::Signalled { name: awaited.name, payload }
            }
            Command::Pause(pause) => {
                self.now = self.now.max(pause.due.map_or(0, |due| due.0));
                Event::Woken { op: pause.op }
            }
            Command::Withdraw { .. } | Command::Finish(_) => return None,
        })
    }
}

fn inputs(plan: &Plan, world: &mut World<'_>) -> BTreeMap<String, Value> {
    plan.inputs
        .iter()
        .map(|input| {
            let value = input.default.clone().unwrap_or_else(|| world.value(&input.schema));
            (input.name.clone(), value)
        })
        .collect()
}

/// What one of the playbook's triggers brings.
fn trigger(plan: &Plan, world: &mut World<'_>) -> Value {
    match plan.triggers.first() {
        Some(trigger) => world.value(&trigger.schema),
        None => Value::Null,
    }
}

/// Lives through a run; gives its records and what was pending after each.
pub(crate) fn live(
    plan: &Arc<Plan>,
    catalogue: &Catalogue,
    dice: Vec<u8>,
) -> (Vec<Record>, Vec<Vec<Command>>, RunStatus) {
    let cancels_at = dice.first().map(|die| usize::from(*die)).filter(|die| die % 7 == 0);
    let mut world = World { dice: dice.into(), catalogue, open: Vec::new(), now: 1_000, signalled: 0 };
    let started = Event::Started {
        input: inputs(plan, &mut world),
        trigger: trigger(plan, &mut world),
        starter: "ana".to_owned(),
    };
    let mut records = vec![Record { seq: 1, at: Timestamp(world.now), event: started }];
    let info = RunInfo { id: "run-1".to_owned() };
    let (mut machine, turn) = Machine::start(Arc::clone(plan), &info, &records[0]).unwrap();
    let mut pending = vec![machine.pending()];
    let mut queue: VecDeque<Event> = world.take(turn).into();
    for round in 0..2_000 {
        if machine.is_over() {
            break;
        }
        let event = match queue.pop_front() {
            Some(event) => event,
            None if cancels_at == Some(round) => Event::CancelRequested { by: "ana".to_owned() },
            None => world.answer().expect("a run that is not over waits for something"),
        };
        let record = Record { seq: records.len() as u64 + 1, at: Timestamp(world.now), event };
        let signal = matches!(record.event, Event::Signalled { .. });
        let turn = machine.apply(&record).unwrap_or_else(|divergence| panic!("{divergence}: {record:?}"));
        if signal {
            world.open.retain(|command| command.op().is_none_or(|op| machine.is_open(op)));
        }
        records.push(record);
        pending.push(machine.pending());
        // In the order the machine gave them: what begins is journaled before the next answer.
        for event in world.take(turn).into_iter().rev() {
            queue.push_front(event);
        }
    }
    assert!(machine.is_over(), "the run ends");
    assert!(machine.status().is_final());
    (records, pending, machine.status())
}
