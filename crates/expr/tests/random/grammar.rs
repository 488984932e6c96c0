//! Random expressions over random values of one schema, from a string of bytes, so that a failing case can shrink.

use serde_json::{Value, json};

/// Choices made by bytes; when they run out every choice is the first and simplest one.
pub(crate) struct Dice<'b> {
    bytes: std::slice::Iter<'b, u8>,
    depth: usize,
    locals: usize,
}

pub(crate) fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["n", "m", "d", "b", "s", "t", "l", "ls", "o", "lo", "map", "un", "kind"],
        "properties": {
            "n": {"type": "integer"}, "m": {"type": "integer"}, "d": {"type": "number"}, "b": {"type": "boolean"},
            "s": {"type": "string"}, "t": {"type": "string"}, "kind": {"enum": ["a", "b"]},
            "l": {"type": "array", "items": {"type": "integer"}},
            "ls": {"type": "array", "items": {"type": "string"}},
            "o": {"$ref": "#/$defs/o"}, "lo": {"type": "array", "items": {"$ref": "#/$defs/o"}},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "un": {"type": ["integer", "string", "array"], "items": {"type": "string"}}
        },
        "$defs": {"o": {
            "type": "object", "additionalProperties": false, "required": ["x", "y", "z"],
            "properties": {"x": {"type": "integer"}, "y": {"type": "string"}, "z": {"type": ["integer", "null"]}, "opt": {"type": "integer"}}
        }}
    })
}

impl<'b> Dice<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Dice<'b> {
        Dice { bytes: bytes.iter(), depth: 0, locals: 0 }
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.bytes.next().map_or(0, |byte| usize::from(*byte) % sides)
    }

    pub(crate) fn context(&mut self) -> Value {
        let un = match self.roll(3) {
            0 => self.int(),
            1 => self.text_value(),
            _ => json!([self.text_value()]),
        };
        let list = |dice: &mut Self, item: fn(&mut Self) -> Value| {
            let count = dice.roll(4);
            (0..count).map(|_| item(dice)).collect::<Value>()
        };
        let names = ["p", "q", "r"];
        let map: serde_json::Map<String, Value> =
            (0..self.roll(3)).map(|at| (names[at].to_owned(), self.int())).collect();
        json!({
            "n": self.int(), "m": self.int(), "d": self.double(), "b": self.roll(2) == 1,
            "s": self.text_value(), "t": self.text_value(), "kind": (["a", "b"][self.roll(2)]),
            "l": list(self, Self::int), "ls": list(self, Self::text_value), "o": self.object(),
            "lo": list(self, Self::object), "map": map, "un": un
        })
    }

    fn int(&mut self) -> Value {
        json!([0, 1, 2, 3, -1, -7, 10, i64::MAX, i64::MIN, 1 << 53][self.roll(10)])
    }

    fn double(&mut self) -> Value {
        json!([0.5, -1.5, 2.25, 1e10, 0.1][self.roll(5)])
    }

    fn text_value(&mut self) -> Value {
        json!(["", "a", "ab", "b,a", "ü€", "10", "a b"][self.roll(7)])
    }

    fn object(&mut self) -> Value {
        let mut object = json!({"x": self.int(), "y": self.text_value(), "z": null});
        if self.roll(2) == 1 {
            object["z"] = self.int();
        }
        if self.roll(2) == 1 {
            object["opt"] = self.int();
        }
        object
    }

    /// An expression of a random type.
    pub(crate) fn any(&mut self) -> String {
        match self.roll(6) {
            0 => self.bool(),
            1 => self.num(),
            2 => self.text(),
            3 => self.list(),
            4 => format!("{{'k': {}, 'o': {}}}", self.num(), self.text()),
            _ => self.choice(&["o", "lo", "o.z", "o.opt", "un", "map", "null", "kind", "lo.map(v, v.z)"]),
        }
    }

    fn choice(&mut self, of: &[&str]) -> String {
        of[self.roll(of.len())].to_owned()
    }

    fn deep(&mut self) -> bool {
        self.depth > 4 || self.bytes.len() == 0
    }

    fn inner(&mut self, make: fn(&mut Self) -> String) -> String {
        self.depth += 1;
        let text = make(self);
        self.depth -= 1;
        text
    }

    fn over(&mut self, list: &str, name: &str, body: fn(&mut Self, &str) -> String) -> String {
        self.locals += 1;
        self.depth += 1;
        let variable = format!("v{}", self.locals);
        let body = body(self, &variable);
        self.depth -= 1;
        self.locals -= 1;
        format!("{list}.{name}({variable}, {body})")
    }

    pub(crate) fn num(&mut self) -> String {
        if self.deep() {
            return self.choice(&["n", "m", "o.x", "2", "7", "-3", "d", "1.5", "size(s)"]);
        }
        match self.roll(16) {
            0 => self.choice(&["n", "m", "o.x", "0", "1", "7"]),
            1..=5 => {
                let operator = self.choice(&["+", "-", "*", "/", "%"]);
                format!("({} {operator} {})", self.inner(Self::num), self.inner(Self::num))
            }
            6 => format!("size({})", self.inner(Self::text)),
            7 => format!("{}.size()", self.inner(Self::list)),
            8 => format!(
                "({} ? {} : {})",
                self.inner(Self::bool),
                self.inner(Self::num),
                self.inner(Self::num)
            ),
            9 => format!("-({})", self.inner(Self::num)),
            10 => format!("{}[{}]", self.inner(Self::ints), self.choice(&["0", "1", "2", "n"])),
            11 => format!("int({})", self.inner(Self::num)),
            12 => format!("double({})", self.inner(Self::num)),
            13 => self.choice(&[
                "(o.z != null ? o.z : 0)",
                "(has(o.opt) ? o.opt : 1)",
                "o.opt",
                "o.z",
                "map.p",
                "un",
            ]),
            14 => format!("o.?opt.orValue({})", self.inner(Self::num)),
            _ => "(lo.size() > 0 ? lo[0].x : n)".to_owned(),
        }
    }

    pub(crate) fn text(&mut self) -> String {
        if self.deep() {
            return self.choice(&["s", "t", "o.y", "'a'", "''", "kind"]);
        }
        match self.roll(8) {
            0 | 1 => self.choice(&["s", "t", "o.y", "'a'", "\"\\u00fc\"", "kind", "un"]),
            2 => format!("({} + {})", self.inner(Self::text), self.inner(Self::text)),
            3 => format!(
                "({} ? {} : {})",
                self.inner(Self::bool),
                self.inner(Self::text),
                self.inner(Self::text)
            ),
            4 => format!("string({})", self.inner(Self::num)),
            5 => format!("{}.lower().trim()", self.inner(Self::text)),
            6 => format!("{}.join('-')", self.inner(Self::texts)),
            _ => format!("first({})", self.inner(Self::texts)),
        }
    }

    fn ints(&mut self) -> String {
        if self.deep() {
            return self.choice(&["l", "[1, 2, 3]", "[n]"]);
        }
        match self.roll(7) {
            0 => "l".to_owned(),
            1 => format!("[{}, {}]", self.inner(Self::num), self.inner(Self::num)),
            2 => {
                let list = self.inner(Self::ints);
                self.over(&list, "map", |dice, v| format!("({v} + {})", dice.num()))
            }
            3 => {
                let list = self.inner(Self::ints);
                self.over(&list, "filter", |dice, v| format!("{v} > {}", dice.num()))
            }
            4 => self.over("lo", "map", |dice, v| format!("{v}.x - {}", dice.num())),
            5 => format!("({} + {})", self.inner(Self::ints), self.inner(Self::ints)),
            _ => format!("distinct({})", self.inner(Self::ints)),
        }
    }

    fn texts(&mut self) -> String {
        if self.deep() {
            return self.choice(&["ls", "['a', s]"]);
        }
        match self.roll(5) {
            0 => "ls".to_owned(),
            1 => format!("{}.split(',')", self.inner(Self::text)),
            2 => {
                let list = self.inner(Self::texts);
                self.over(&list, "map", |dice, v| format!("{v} + {}", dice.text()))
            }
            3 => self.over("lo", "map", |dice, v| format!("{v}.y + {}", dice.text())),
            _ => format!("sort({})", self.inner(Self::texts)),
        }
    }

    pub(crate) fn list(&mut self) -> String {
        match self.roll(4) {
            0 => self.inner(Self::ints),
            1 => self.inner(Self::texts),
            2 => format!("[{}, {}]", self.inner(Self::any), self.inner(Self::any)),
            _ => self.over("lo", "filter", |dice, v| format!("{v}.z != null && {v}.z > {}", dice.num())),
        }
    }

    pub(crate) fn bool(&mut self) -> String {
        if self.deep() {
            return self.choice(&["b", "true", "false", "n > m", "has(o.opt)"]);
        }
        match self.roll(15) {
            0 => self.choice(&["b", "has(o.opt)", "has(map.q)", "o.z == null"]),
            1 | 2 => {
                let operator = self.choice(&["==", "!=", "<", "<=", ">", ">="]);
                format!("({} {operator} {})", self.inner(Self::num), self.inner(Self::num))
            }
            3 => {
                let operator = self.choice(&["==", "!=", "<", ">="]);
                format!("({} {operator} {})", self.inner(Self::text), self.inner(Self::text))
            }
            4 => format!("({} == {})", self.inner(Self::any), self.inner(Self::any)),
            5 => format!("({} && {})", self.inner(Self::bool), self.inner(Self::bool)),
            6 => format!("({} || {})", self.inner(Self::bool), self.inner(Self::bool)),
            // In brackets, because the oracle drops `!!` without asking for a bool.
            7 => format!("!({})", self.inner(Self::bool)),
            8 => format!("({} in {})", self.inner(Self::num), self.inner(Self::ints)),
            9 => {
                let name = self.choice(&["contains", "startsWith", "endsWith", "matches"]);
                format!(
                    "{}.{name}({})",
                    self.inner(Self::text),
                    self.choice(&["'a'", "'b'", "''", "s", "'^a.*'"])
                )
            }
            10 => {
                let name = self.choice(&["all", "exists", "exists_one"]);
                let list = self.inner(Self::ints);
                self.over(&list, &name, |dice, v| format!("{v} < {}", dice.num()))
            }
            11 => {
                let name = self.choice(&["all", "exists"]);
                self.over("lo", &name, |dice, v| format!("has({v}.opt) && {v}.opt > {}", dice.num()))
            }
            12 => format!("({} == {})", self.inner(Self::list), self.inner(Self::list)),
            13 => "(o.z != null && o.z > n)".to_owned(),
            _ => self.choice(&[
                "'p' in map",
                "map.?p.orValue(0) == 1",
                "(o.z == null || o.z < 3)",
                "kind == 'a'",
                "kind == 'c'",
            ]),
        }
    }
}
