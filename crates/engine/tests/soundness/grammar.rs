//! Playbooks from the grammar of the language, over actions with generated schemas.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::expression::{Known, Names};
use crate::shape::{Member, Shape};

/// An action that exists for one case.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) input: Shape,
    pub(crate) output: Shape,
}

/// A generated playbook with its surroundings.
pub(crate) struct Case {
    pub(crate) text: String,
    pub(crate) files: BTreeMap<String, Arc<str>>,
    pub(crate) actions: Vec<Made>,
    pub(crate) inputs: BTreeMap<String, Value>,
    /// How often, in a hundred, a guard was forgotten.
    pub(crate) careless: usize,
    /// What people fill in, by the id of the step, and what events bring, by their name.
    pub(crate) answers: BTreeMap<String, Shape>,
}

/// Makes the case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let actions: Vec<Made> = (0..2 + dice.below(3))
        .map(|n| Made {
            name: format!("made.act{n}"),
            input: Shape::object(&mut dice, 2).takeable(),
            output: Shape::object(&mut dice, 3),
        })
        .collect();
    let careless = *dice.pick(&[0, 0, 4, 10]);
    let mut files = BTreeMap::new();
    let mut sub = None;
    let mut answers = BTreeMap::new();
    if dice.chance(30) {
        let mut writer = Writer::new(&mut dice, &actions, careless, "c", None);
        let whole = writer.playbook("callee");
        answers.append(&mut writer.answers);
        sub = Some(Callee { inputs: whole.inputs.clone(), outputs: whole.outputs.clone() });
        files.insert("callee.yaml".to_owned(), Arc::from(whole.text.as_str()));
    }
    let mut writer = Writer::new(&mut dice, &actions, careless, "s", sub);
    let whole = writer.playbook("made");
    answers.append(&mut writer.answers);
    let inputs =
        whole.inputs.iter().map(|member| (member.name.to_owned(), member.shape.value(&mut dice))).collect();
    Case { text: whole.text, files, actions, inputs, careless, answers }
}

struct Whole {
    text: String,
    inputs: Vec<Member>,
    outputs: Vec<Member>,
}

#[derive(Clone)]
struct Callee {
    inputs: Vec<Member>,
    outputs: Vec<Member>,
}

struct Writer<'a> {
    dice: &'a mut Dice,
    actions: &'a [Made],
    /// In front of the numbers of steps.
    prefix: &'static str,
    callee: Option<Callee>,
    answers: BTreeMap<String, Shape>,
    names: Names,
    outputs: Vec<Member>,
    steps: usize,
    left: usize,
    /// Loops and branches around the place: `return` may not stand in one.
    loops: usize,
}

impl<'a> Writer<'a> {
    fn new(
        dice: &'a mut Dice,
        actions: &'a [Made],
        careless: usize,
        prefix: &'static str,
        callee: Option<Callee>,
    ) -> Self {
        let left = 2 + dice.below(10);
        Writer {
            dice,
            actions,
            prefix,
            callee,
            answers: BTreeMap::new(),
            names: Names { careless, ..Names::default() },
            outputs: Vec::new(),
            steps: 0,
            left,
            loops: 0,
        }
    }

    fn playbook(&mut self, id: &str) -> Whole {
        let Shape::Object(mut inputs) = Shape::object(self.dice, 2).takeable() else { unreachable!() };
        inputs.iter_mut().for_each(|member| member.required = true);
        for input in &inputs {
            self.names.add(format!("inputs.{}", input.name), input.shape.clone(), Vec::new());
        }
        self.names.add("run.id", Shape::Text, Vec::new());
        self.names.add("run.starter", Shape::Text, Vec::new());
        let Shape::Object(mut outputs) = Shape::object(self.dice, 1).takeable() else { unreachable!() };
        outputs.iter_mut().for_each(|member| member.required = true);
        self.outputs = outputs.clone();
        let steps = self.block(3);
        let mut declared = Map::new();
        for output in &outputs {
            let mut schema = output.shape.schema();
            let value = self.value(&output.shape, 2);
            schema.as_object_mut().unwrap().insert("value".to_owned(), value);
            declared.insert(output.name.to_owned(), schema);
        }
        let input: Map<String, Value> =
            inputs.iter().map(|m| (m.name.to_owned(), m.shape.schema())).collect();
        let mut rest = json!({"inputs": input, "outputs": declared, "steps": steps});
        let map = rest.as_object_mut().unwrap();
        if self.dice.chance(25) {
            self.left = 2;
            let known = self.names.known.len();
            self.add_error();
            map.insert("on_error".to_owned(), self.aside(2));
            self.names.known.truncate(known);
        }
        if self.dice.chance(25) {
            self.left = 2;
            map.insert("finally".to_owned(), self.aside(1));
        }
        // `playbook` is the first key; the others may stand in any order.
        let body = rest.to_string();
        let text = format!("{{\"playbook\": 1, \"id\": \"{id}\", {}", body.trim_start_matches('{'));
        Whole { text, inputs, outputs }
    }

    /// Steps that see those of the body only under a guard.
    fn aside(&mut self, depth: usize) -> Value {
        let before = self.names.known.clone();
        for known in &mut self.names.known {
            if let Some(id) = known.path.strip_prefix("steps.").and_then(|rest| rest.split('.').next()) {
                let guard = format!("steps.{id}.status == \"succeeded\"");
                if !known.guards.contains(&guard) {
                    known.guards.insert(0, guard);
                }
            }
        }
        let steps = self.block(depth);
        self.names.known = before;
        steps
    }

    fn add_error(&mut self) {
        let members =
            ["kind", "message", "step"].map(|name| Member { name, shape: Shape::Text, required: true });
        self.names.add("error", Shape::Object(members.to_vec()), Vec::new());
    }

    /// A list of at least one step.
    fn block(&mut self, depth: usize) -> Value {
        let mut steps = Vec::new();
        for _ in 0..1 + self.dice.below(4) {
            if steps.is_empty() || self.left > 0 {
                steps.push(self.step(depth));
            }
        }
        Value::Array(steps)
    }

    fn step(&mut self, depth: usize) -> Value {
        self.steps += 1;
        self.left = self.left.saturating_sub(1);
        let id = format!("{}{}", self.prefix, self.steps);
        let before = self.names.known.len();
        let condition = self.dice.chance(25).then(|| self.condition());
        let mut guards = Vec::new();
        let narrowed = self.names.known.len();
        if let Some((_, learnt)) = &condition {
            self.names.known.extend(learnt.iter().cloned());
            guards.push(format!("steps.{id}.status == \"succeeded\""));
        }
        let (mut step, outputs) = self.verb(&id, depth);
        // What the condition taught is not known behind the step.
        let inside = self.names.known.split_off(narrowed.max(before));
        let learnt = condition.as_ref().map_or(0, |(_, learnt)| learnt.len());
        for mut known in inside.into_iter().skip(learnt) {
            if condition.is_some() {
                self.guard(&mut known);
            }
            self.names.known.push(known);
        }
        let map = step.as_object_mut().unwrap();
        map.insert("id".to_owned(), json!(id));
        if let Some((text, _)) = condition {
            map.insert("if".to_owned(), json!(format!("${{{{ {text} }}}}")));
        }
        let lasting = ["foreach", "while", "switch", "parallel", "dag", "try", "call"];
        if lasting.iter().any(|verb| map.contains_key(*verb)) && self.dice.chance(15) {
            map.insert("timeout".to_owned(), json!("10m"));
        }
        let ends = ["return", "fail"].iter().any(|verb| map.contains_key(*verb));
        if !ends && self.dice.chance(15) {
            map.insert("on_error".to_owned(), json!("continue"));
            guards = vec![format!("steps.{id}.status == \"succeeded\"")];
            for at in before..self.names.known.len() {
                let mut known = self.names.known[at].clone();
                self.guard(&mut known);
                self.names.known[at] = known;
            }
        }
        for (part, shape) in outputs {
            self.names.add(format!("steps.{id}.{part}"), shape, guards.clone());
        }
        step
    }

    /// Under the step's own status, whatever else there is.
    fn guard(&mut self, known: &mut Known) {
        if let Some(id) = known.path.strip_prefix("steps.").and_then(|rest| rest.split('.').next()) {
            let guard = format!("steps.{id}.status == \"succeeded\"");
            if !known.guards.contains(&guard) {
                known.guards.insert(0, guard);
            }
        }
    }

    /// A condition, and what is known where it holds.
    fn condition(&mut self) -> (String, Vec<Known>) {
        let guarded: Vec<Known> =
            self.names.parts().into_iter().filter(|part| !part.guards.is_empty()).collect();
        if guarded.is_empty() || self.dice.chance(40) {
            return (self.names.expression(self.dice, &Shape::Flag, 2), Vec::new());
        }
        let part = self.dice.pick(&guarded).clone();
        let text = part.guards.join(" && ");
        (text, vec![Known { guards: Vec::new(), ..part }])
    }

    /// One verb, and what the step gives by that.
    fn verb(&mut self, id: &str, depth: usize) -> (Value, Vec<(&'static str, Shape)>) {
        let blocks = if depth == 0 || self.left == 0 { 0 } else { 8 };
        match self.dice.below(12 + blocks) {
            0..=4 => self.uses(),
            5..=7 => self.set(),
            8 => (json!({"assert": self.scalar(&Shape::Flag, 2)}), Vec::new()),
            9 if self.loops == 0 && self.dice.chance(40) => (json!({"return": self.give_back()}), Vec::new()),
            10 if self.dice.chance(30) => {
                (json!({"fail": {"message": self.value(&Shape::Text, 2)}}), Vec::new())
            }
            11 => self.person(id),
            12 | 13 => self.foreach(depth - 1),
            14 => self.switch(depth - 1),
            15 => self.parallel(depth - 1),
            16 => self.attempt(depth - 1),
            17 => self.rounds(depth - 1),
            18 => self.dag(depth - 1),
            _ => self.call(),
        }
    }

    fn uses(&mut self) -> (Value, Vec<(&'static str, Shape)>) {
        let action = self.dice.pick(self.actions).clone();
        let with = self.mapping(&action.input);
        (json!({"uses": action.name, "with": with, "retry": "none"}), vec![("output", action.output)])
    }

    fn set(&mut self) -> (Value, Vec<(&'static str, Shape)>) {
        const FIELDS: [&str; 4] = ["f0", "f1", "f2", "f3"];
        let mut fields = Map::new();
        let mut members = Vec::new();
        let before = self.names.known.len();
        for name in &FIELDS[..1 + self.dice.below(3)] {
            let shape = Shape::computed(self.dice, 2);
            // A literal has a narrower type than its shape; an expression says what it is.
            fields.insert((*name).to_owned(), self.scalar(&shape, 3));
            self.names.add(format!("self.{name}"), shape.clone(), Vec::new());
            members.push(Member { name, shape, required: true });
        }
        self.names.known.truncate(before);
        (json!({"set": fields}), vec![("output", Shape::Object(members))])
    }

    fn person(&mut self, id: &str) -> (Value, Vec<(&'static str, Shape)>) {
        if self.dice.chance(40) {
            return self.wait(id);
        }
        let message = self.value(&Shape::Text, 1);
        if self.dice.chance(50) {
            let members = vec![
                Member { name: "decision", shape: Shape::Text, required: true },
                Member { name: "by", shape: Shape::Text, required: true },
            ];
            let approve = json!({"message": message, "on_reject": self.dice.pick(&["continue", "end"])});
            // After a rejection that ends the list, nothing below runs; what stands outside does.
            return (json!({"approve": approve}), vec![("output", Shape::Object(members))]);
        }
        let Shape::Object(mut members) = Shape::object(self.dice, 1).takeable() else { unreachable!() };
        members.iter_mut().for_each(|member| member.required = true);
        let form: Map<String, Value> =
            members.iter().map(|m| (m.name.to_owned(), m.shape.schema())).collect();
        self.answers.insert(id.to_owned(), Shape::Object(members.clone()));
        let output = vec![
            Member { name: "answer", shape: Shape::Object(members), required: true },
            Member { name: "by", shape: Shape::Text, required: true },
        ];
        (json!({"ask": {"message": message, "form": form}}), vec![("output", Shape::Object(output))])
    }

    fn wait(&mut self, id: &str) -> (Value, Vec<(&'static str, Shape)>) {
        match self.dice.below(3) {
            0 => (json!({"wait": "5m"}), Vec::new()),
            1 => (json!({"wait": {"until": "${{ run.started_at }}"}}), Vec::new()),
            _ => {
                let payload = Shape::object(self.dice, 2);
                let name = format!("event_{id}");
                self.answers.insert(name.clone(), payload.clone());
                let before = self.names.known.len();
                self.names.add("event", payload.clone(), Vec::new());
                let matches =
                    format!("${{{{ true || {} }}}}", self.names.expression(self.dice, &Shape::Flag, 1));
                self.names.known.truncate(before);
                let goes_on = self.dice.chance(50);
                let wait = json!({"event": name, "schema": payload.schema(), "match": matches, "timeout": "1h",
                    "on_timeout": if goes_on { "continue" } else { "fail" }});
                let payload = if goes_on { Shape::Maybe(Box::new(payload)) } else { payload };
                let members = vec![
                    Member { name: "timed_out", shape: Shape::Flag, required: true },
                    Member { name: "payload", shape: payload, required: true },
                ];
                (json!({"wait": wait}), vec![("output", Shape::Object(members))])
            }
        }
    }

    fn foreach(&mut self, depth: usize) -> (Value, Vec<(&'static str, Shape)>) {
        let item = Shape::any(self.dice, 2);
        let list = self.scalar(&Shape::List(Box::new(item.clone())), 2);
        let name = format!("item{}", self.steps);
        let before = self.names.known.len();
        self.names.add(name.clone(), item.clone(), Vec::new());
        self.loops += 1;
        let body = self.block(depth);
        self.loops -= 1;
        let mut step = json!({"foreach": list, "as": name, "limit": 1000, "do": body,
            "max_parallel": 1 + self.dice.below(3),
            "on_item_error": self.dice.pick(&["fail", "collect", "skip"])});
        let mut gives = Vec::new();
        if self.dice.chance(70) {
            let shape = Shape::computed(self.dice, 1);
            step["output"] = self.scalar(&shape, 2);
            gives.push(("output", Shape::List(Box::new(shape))));
        }
        if step["on_item_error"] == "collect" {
            let members = vec![
                Member { name: "index", shape: Shape::Int, required: true },
                Member { name: "item", shape: item, required: true },
            ];
            gives.push(("failed", Shape::List(Box::new(Shape::Object(members)))));
        }
        self.names.known.truncate(before);
        (step, gives)
    }

    /// Runs something whose steps are certain inside and uncertain behind.
    fn sometimes<T>(&mut self, learnt: Vec<Known>, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.names.known.len();
        let skip = learnt.len();
        self.names.known.extend(learnt);
        let out = run(self);
        let inside = self.names.known.split_off(before);
        for mut known in inside.into_iter().skip(skip) {
            self.guard(&mut known);
            self.names.known.push(known);
        }
        out
    }

    fn switch(&mut self, depth: usize) -> (Value, Vec<(&'static str, Shape)>) {
        let shape = self.dice.chance(50).then(|| Shape::computed(self.dice, 1));
        let mut cases = Vec::new();
        let outside = self.names.known.len();
        let mut behind = Vec::new();
        for _ in 0..1 + self.dice.below(3) {
            let (condition, learnt) = self.condition();
            let mut case = self.sometimes(learnt, |writer| writer.body("do", depth, shape.as_ref()));
            behind.extend(self.names.known.split_off(outside));
            case["case"] = json!(format!("${{{{ {condition} }}}}"));
            cases.push(case);
        }
        let default = shape.is_some() || self.dice.chance(50);
        if default {
            let body = self.sometimes(Vec::new(), |writer| writer.body("do", depth, shape.as_ref()));
            cases.push(json!({"default": body}));
        }
        self.names.known.extend(behind);
        (json!({"switch": cases}), shape.map(|shape| ("output", shape)).into_iter().collect())
    }

    /// Steps under a key, with an output beside them.
    fn body(&mut self, key: &str, depth: usize, output: Option<&Shape>) -> Value {
        let mut body = Map::new();
        body.insert(key.to_owned(), self.block(depth));
        if let Some(shape) = output {
            body.insert("output".to_owned(), self.scalar(shape, 2));
        }
        Value::Object(body)
    }

    fn parallel(&mut self, depth: usize) -> (Value, Vec<(&'static str, Shape)>) {
        let outside = self.names.known.clone();
        let mut learnt = Vec::new();
        let mut branches = Map::new();
        self.loops += 1;
        for name in ["left", "right", "third"].into_iter().take(1 + self.dice.below(3)) {
            branches.insert(name.to_owned(), self.block(depth));
            learnt.extend(self.names.known.split_off(outside.len()));
        }
        self.loops -= 1;
        self.names.known = outside;
        self.names.known.extend(learnt);
        let mut step = json!({"parallel": branches, "on_branch_error": self.dice.pick(&["wait", "cancel"])});
        let mut gives = Vec::new();
        if self.dice.chance(40) {
            let shape = Shape::computed(self.dice, 1);
            step["output"] = self.scalar(&shape, 2);
            gives.push(("output", shape));
        }
        (step, gives)
    }

    fn attempt(&mut self, depth: usize) -> (Value, Vec<(&'static str, Shape)>) {
        let shape = self.dice.chance(50).then(|| Shape::computed(self.dice, 1));
        let mut step = self.sometimes(Vec::new(), |writer| writer.body("try", depth, shape.as_ref()));
        let on =
            self.dice.pick(&[json!("any"), json!(["transient", "not_found"]), json!(["failed"])]).clone();
        let before = self.names.known.len();
        let mut catch = self.sometimes(Vec::new(), |writer| {
            writer.add_error();
            let catch = writer.body("do", depth, shape.as_ref());
            let at = writer.names.known.iter().rposition(|known| known.path == "error").unwrap();
            writer.names.known.remove(at);
            catch
        });
        debug_assert!(self.names.known.len() >= before);
        catch["on"] = on;
        step["catch"] = json!([catch]);
        if self.dice.chance(40) {
            step["finally"] = self.sometimes(Vec::new(), |writer| writer.block(depth));
        }
        (step, shape.map(|shape| ("output", shape)).into_iter().collect())
    }

    fn rounds(&mut self, depth: usize) -> (Value, Vec<(&'static str, Shape)>) {
        const FIELDS: [&str; 3] = ["g0", "g1", "g2"];
        let name = format!("state{}", self.steps);
        let max = 1 + self.dice.below(4);
        let before = self.names.known.len();
        let mut state = Map::new();
        let mut members = vec![Member { name: "index", shape: Shape::Int, required: true }];
        for field in &FIELDS[..1 + self.dice.below(2)] {
            let shape = [Shape::Text, Shape::Int, Shape::Flag][self.dice.below(3)].clone();
            state.insert((*field).to_owned(), self.scalar(&shape, 1));
            members.push(Member { name: field, shape, required: true });
        }
        self.names.add(name.clone(), Shape::Object(members.clone()), Vec::new());
        let condition = self.names.expression(self.dice, &Shape::Flag, 1);
        self.loops += 1;
        let body = self.block(depth);
        self.loops -= 1;
        let mut next = Map::new();
        for member in &members[1..] {
            next.insert(member.name.to_owned(), self.scalar(&member.shape, 2));
        }
        self.names.known.truncate(before);
        let condition = format!("${{{{ {name}.index < {max} && {condition} }}}}");
        let step =
            json!({"while": condition, "max": max, "as": name, "state": state, "do": body, "next": next});
        (step, vec![("output", Shape::Object(members))])
    }

    fn dag(&mut self, depth: usize) -> (Value, Vec<(&'static str, Shape)>) {
        let outside = self.names.known.clone();
        let mut all: Vec<Known> = Vec::new();
        let mut nodes: Vec<Value> = Vec::new();
        self.loops += 1;
        for at in 0..2 + self.dice.below(3) {
            // Each needs the one before it or nothing.
            let needs = at > 0 && self.dice.chance(60);
            if needs {
                self.names.known.extend(all.iter().filter(|known| known.guards.len() < 3).cloned());
            }
            let from = self.names.known.len();
            let mut node = self.step(depth);
            let learnt = self.names.known.split_off(from);
            if needs {
                let ids: Vec<Value> = nodes.iter().map(|node| node["id"].clone()).collect();
                node["needs"] = Value::Array(ids);
            }
            all.extend(learnt);
            self.names.known = outside.clone();
            nodes.push(node);
        }
        self.loops -= 1;
        self.names.known.extend(all);
        (json!({"dag": nodes}), Vec::new())
    }

    fn call(&mut self) -> (Value, Vec<(&'static str, Shape)>) {
        let Some(callee) = self.callee.clone() else { return self.set() };
        let mut with = Map::new();
        for input in &callee.inputs {
            with.insert(input.name.to_owned(), self.value(&input.shape, 2));
        }
        let step = json!({"call": "callee.yaml", "with": with});
        (step, vec![("output", Shape::Object(callee.outputs))])
    }

    fn give_back(&mut self) -> Value {
        let outputs = self.outputs.clone();
        let fields: Map<String, Value> =
            outputs.iter().map(|m| (m.name.to_owned(), self.value(&m.shape, 2))).collect();
        Value::Object(fields)
    }

    /// A mapping of fields, as `with` wants it.
    fn mapping(&mut self, shape: &Shape) -> Value {
        let Shape::Object(members) = shape else { unreachable!() };
        let mut map = Map::new();
        for member in members {
            if member.required || self.dice.chance(50) {
                map.insert(member.name.to_owned(), self.value(&member.shape, 2));
            }
        }
        Value::Object(map)
    }

    /// A value as YAML has it: written out, nested, mixed with text, or one expression.
    fn value(&mut self, shape: &Shape, depth: usize) -> Value {
        match shape {
            Shape::Object(members) if self.dice.chance(60) => {
                let mut map = Map::new();
                for member in members {
                    if member.required || self.dice.chance(50) {
                        map.insert(member.name.to_owned(), self.value(&member.shape, depth));
                    }
                }
                Value::Object(map)
            }
            Shape::List(inner) if self.dice.chance(40) => {
                (0..1 + self.dice.below(2)).map(|_| self.value(inner, depth)).collect()
            }
            Shape::Text if self.dice.chance(30) => {
                let part = [Shape::Text, Shape::Int, Shape::Flag][self.dice.below(3)].clone();
                let inner = self.names.expression(self.dice, &part, depth);
                json!(format!("text ${{{{ {inner} }}}}."))
            }
            Shape::Int | Shape::Flag if self.dice.chance(20) => match shape {
                Shape::Int => json!(self.dice.below(100)),
                _ => json!(self.dice.chance(50)),
            },
            _ => self.scalar(shape, depth),
        }
    }

    /// Exactly one expression.
    fn scalar(&mut self, shape: &Shape, depth: usize) -> Value {
        json!(format!("${{{{ {} }}}}", self.names.expression(self.dice, shape, depth)))
    }
}
