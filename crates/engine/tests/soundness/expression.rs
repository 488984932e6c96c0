//! Expressions of a wanted shape over what is known at a place of the playbook, mostly guarded as the checker
//! wants it, sometimes not: a careless one must be refused, never accepted and then fail.

use serde_json::Value;

use crate::dice::Dice;
use crate::shape::Shape;

/// Something an expression can name.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) path: String,
    pub(crate) shape: Shape,
    /// What must hold for it to be there.
    pub(crate) guards: Vec<String>,
}

/// Everything that can be named at one place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) known: Vec<Known>,
    pub(crate) fresh: usize,
    /// How often, in a hundred, a guard is forgotten.
    pub(crate) careless: usize,
}

impl Names {
    pub(crate) fn add(&mut self, path: impl Into<String>, shape: Shape, guards: Vec<String>) {
        self.known.push(Known { path: path.into(), shape, guards });
    }

    /// Every part of what is known, with what must hold for it.
    pub(crate) fn parts(&self) -> Vec<Known> {
        let mut found = Vec::new();
        for known in &self.known {
            walk(known.clone(), 3, &mut found);
        }
        found
    }

    /// An expression that gives a value of the wanted shape.
    pub(crate) fn expression(&mut self, dice: &mut Dice, wanted: &Shape, depth: usize) -> String {
        if dice.chance(55)
            && let Some(text) = self.path(dice, wanted)
        {
            return text;
        }
        if depth == 0 || dice.chance(15) {
            return literal(dice, wanted);
        }
        self.operation(dice, wanted, depth - 1)
    }

    /// Something known of the wanted shape.
    fn path(&mut self, dice: &mut Dice, wanted: &Shape) -> Option<String> {
        let fitting: Vec<Known> = self.parts().into_iter().filter(|part| part.shape.fits(wanted)).collect();
        if fitting.is_empty() {
            return None;
        }
        let part = dice.pick(&fitting).clone();
        if part.guards.is_empty() || dice.chance(self.careless) {
            return Some(part.path);
        }
        let otherwise = literal(dice, wanted);
        Some(format!("({} ? {} : {otherwise})", part.guards.join(" && "), part.path))
    }

    fn operation(&mut self, dice: &mut Dice, wanted: &Shape, depth: usize) -> String {
        let condition = |names: &mut Self, dice: &mut Dice| names.expression(dice, &Shape::Flag, depth);
        if dice.chance(15) {
            let (c, a, b) = (
                condition(self, dice),
                self.expression(dice, wanted, depth),
                self.expression(dice, wanted, depth),
            );
            return if dice.chance(50) {
                format!("choose({c}, {a}, {b})")
            } else {
                format!("({c} ? {a} : {b})")
            };
        }
        let text = |names: &mut Self, dice: &mut Dice| names.expression(dice, &Shape::Text, depth);
        let int = |names: &mut Self, dice: &mut Dice| names.expression(dice, &Shape::Int, depth);
        match wanted {
            Shape::Text => match dice.below(7) {
                0 => format!("({} + {})", text(self, dice), text(self, dice)),
                1 => format!("lower({})", text(self, dice)),
                2 => format!("trim({})", text(self, dice)),
                3 => format!("string({})", int(self, dice)),
                4 => format!("sha256({})", text(self, dice)),
                5 => format!("replace({}, \"a\", {})", text(self, dice), text(self, dice)),
                _ => {
                    let list = self.expression(dice, &Shape::List(Box::new(Shape::Text)), depth);
                    format!("join({list}, \", \")")
                }
            },
            Shape::Int => match dice.below(6) {
                0 => format!("({} + {})", int(self, dice), int(self, dice)),
                1 => format!("({} * {})", int(self, dice), int(self, dice)),
                2 => format!("size({})", text(self, dice)),
                3 => format!("({} / {})", int(self, dice), int(self, dice)),
                4 => format!("min({}, {})", int(self, dice), int(self, dice)),
                _ => {
                    let inner = Shape::any(dice, 1);
                    format!("size({})", self.expression(dice, &Shape::List(Box::new(inner)), depth))
                }
            },
            Shape::Number => match dice.below(2) {
                0 => format!("double({})", int(self, dice)),
                _ => {
                    let (a, b) = (self.expression(dice, wanted, depth), self.expression(dice, wanted, depth));
                    format!("({a} + {b})")
                }
            },
            Shape::Flag => self.condition(dice, depth),
            Shape::Word(_) | Shape::Time => literal(dice, wanted),
            Shape::Maybe(inner) => {
                if dice.chance(20) {
                    "null".to_owned()
                } else {
                    self.expression(dice, inner, depth)
                }
            }
            Shape::List(inner) => self.list(dice, inner, depth),
            Shape::Object(members) => {
                let mut parts = Vec::new();
                for member in members {
                    if member.required || dice.chance(40) {
                        let value = self.expression(dice, &member.shape, depth);
                        parts.push(format!("{}: {value}", quoted(member.name)));
                    }
                }
                format!("{{{}}}", parts.join(", "))
            }
        }
    }

    fn condition(&mut self, dice: &mut Dice, depth: usize) -> String {
        let flag = |names: &mut Self, dice: &mut Dice| names.expression(dice, &Shape::Flag, depth);
        match dice.below(8) {
            0 => format!("({} && {})", flag(self, dice), flag(self, dice)),
            1 => format!("({} || {})", flag(self, dice), flag(self, dice)),
            2 => format!("!({})", flag(self, dice)),
            3 => {
                let (a, b) =
                    (self.expression(dice, &Shape::Int, depth), self.expression(dice, &Shape::Number, depth));
                format!("({a} {} {b})", dice.pick(&["<", "<=", ">", ">=", "==", "!="]))
            }
            4 => {
                let (a, b) =
                    (self.expression(dice, &Shape::Text, depth), self.expression(dice, &Shape::Text, depth));
                format!("(trim({a}) {} {b})", dice.pick(&["==", "!="]))
            }
            5 => {
                let list = Shape::List(Box::new(Shape::Text));
                let (a, b) =
                    (self.expression(dice, &Shape::Text, depth), self.expression(dice, &list, depth));
                format!("(trim({a}) in {b})")
            }
            6 => {
                // The guards themselves are conditions.
                let guarded: Vec<Known> =
                    self.parts().into_iter().filter(|part| part.guards.len() == 1).collect();
                if guarded.is_empty() { "true".to_owned() } else { dice.pick(&guarded).guards[0].clone() }
            }
            _ => {
                let inner = Shape::any(dice, 1);
                let list = self.expression(dice, &Shape::List(Box::new(inner.clone())), depth);
                let form = *dice.pick(&["exists", "all", "exists_one"]);
                let (name, body) = self.with_variable(dice, inner, &Shape::Flag, depth);
                format!("{list}.{form}({name}, {body})")
            }
        }
    }

    fn list(&mut self, dice: &mut Dice, inner: &Shape, depth: usize) -> String {
        let whole = Shape::List(Box::new(inner.clone()));
        match dice.below(5) {
            0 => {
                let parts: Vec<String> =
                    (0..1 + dice.below(3)).map(|_| self.expression(dice, inner, depth)).collect();
                format!("[{}]", parts.join(", "))
            }
            1 => {
                let list = self.expression(dice, &whole, depth);
                let (name, body) = self.with_variable(dice, inner.clone(), &Shape::Flag, depth);
                format!("{list}.filter({name}, {body})")
            }
            2 => {
                let from = Shape::any(dice, 2);
                let list = self.expression(dice, &Shape::List(Box::new(from.clone())), depth);
                let (name, body) = self.with_variable(dice, from, inner, depth);
                format!("{list}.map({name}, {body})")
            }
            3 => {
                let (a, b) = (self.expression(dice, &whole, depth), self.expression(dice, &whole, depth));
                format!("({a} + {b})")
            }
            _ => format!("distinct({})", self.expression(dice, &whole, depth)),
        }
    }

    /// A body that sees one more name.
    fn with_variable(
        &mut self,
        dice: &mut Dice,
        of: Shape,
        wanted: &Shape,
        depth: usize,
    ) -> (String, String) {
        self.fresh += 1;
        let name = format!("v{}", self.fresh);
        self.add(name.clone(), of, Vec::new());
        let body = self.expression(dice, wanted, depth);
        self.known.pop();
        (name, body)
    }
}

fn walk(known: Known, depth: usize, found: &mut Vec<Known>) {
    found.push(known.clone());
    if depth == 0 {
        return;
    }
    let with = |guard: Option<String>| known.guards.iter().cloned().chain(guard).collect::<Vec<_>>();
    match &known.shape {
        Shape::Object(members) => {
            for member in members {
                let path = format!("{}.{}", known.path, member.name);
                let guard = (!member.required).then(|| format!("has({path})"));
                walk(Known { path, shape: member.shape.clone(), guards: with(guard) }, depth - 1, found);
            }
        }
        Shape::Maybe(inner) => {
            let guard = Some(format!("{} != null", known.path));
            let part = Known { path: known.path.clone(), shape: (**inner).clone(), guards: with(guard) };
            walk(part, depth - 1, found);
        }
        Shape::List(inner) => {
            let path = format!("{}[0]", known.path);
            let guard = Some(format!("size({}) > 0", known.path));
            walk(Known { path, shape: (**inner).clone(), guards: with(guard) }, depth - 1, found);
        }
        _ => {}
    }
}

/// A literal of the shape.
pub(crate) fn literal(dice: &mut Dice, wanted: &Shape) -> String {
    match wanted {
        // Not the smallest one: its digits do not fit before the sign is applied.
        Shape::Int => dice.pick(&["0", "1", "-1", "42"]).to_string(),
        Shape::Number => dice.pick(&["0.5", "2", "-1.5"]).to_string(),
        other => write(&other.value(dice)),
    }
}

fn write(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let parts: Vec<String> =
                map.iter().map(|(k, v)| format!("{}: {}", quoted(k), write(v))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Number(number) if number.as_i64() == Some(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
        other => other.to_string(),
    }
}

/// A text literal; `}}` inside would end the expression, and no text here has it at a risky place.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace("}}", "}\\x7d")
}
