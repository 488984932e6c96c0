//! Documentation of what looks like a function but is part of the language: macros, optional members, `choose`.

use super::Entry;

pub(crate) const FORMS: &[Entry] = &[
    Entry {
        name: "has",
        signature: "has(object.member) -> bool",
        doc: "Whether the object has the member. A member that is null counts as present.",
        example: "has({\"a\": null}.a) && !has({\"a\": 1}.b)",
        result: "true",
    },
    Entry {
        name: "all",
        signature: "list.all(x, condition) -> bool",
        doc: "Whether the condition holds for every element; of an object, for every member name. True if there is none.",
        example: "[1, 2].all(n, n > 0)",
        result: "true",
    },
    Entry {
        name: "exists",
        signature: "list.exists(x, condition) -> bool",
        doc: "Whether the condition holds for at least one element.",
        example: "[1, 2].exists(n, n > 1)",
        result: "true",
    },
    Entry {
        name: "exists_one",
        signature: "list.exists_one(x, condition) -> bool",
        doc: "Whether the condition holds for exactly one element.",
        example: "[1, 2, 3].exists_one(n, n > 1)",
        result: "false",
    },
    Entry {
        name: "map",
        signature: "list.map(x, value) or list.map(x, condition, value) -> list",
        doc: "A list of the value for each element, or for each for which the condition holds.",
        example: "[1, 2, 3].map(n, n != 2, n * 10)",
        result: "[10,30]",
    },
    Entry {
        name: "filter",
        signature: "list.filter(x, condition) -> list",
        doc: "The elements for which the condition holds.",
        example: "[1, 2, 3].filter(n, n != 2)",
        result: "[1,3]",
    },
    Entry {
        name: "sortBy",
        signature: "list.sortBy(x, key) -> list",
        doc: "The elements in ascending order of their keys, which are numbers, strings, bools or times. Elements of \
              one key stay in their order.",
        example: "[\"bbb\", \"a\"].sortBy(t, t.size())",
        result: r#"["a","bbb"]"#,
    },
    Entry {
        name: "choose",
        signature: "choose(condition, a, b) -> a or b",
        doc: "`condition ? a : b` without a colon, which YAML would want quoted. Only the chosen one is evaluated.",
        example: "choose(2 > 1, \"yes\", \"no\")",
        result: r#""yes""#,
    },
    Entry {
        name: "orValue",
        signature: "object.?member.orValue(default) -> value",
        doc: "The member, or the default if it is absent. After `.?` the whole rest of the chain is optional; a \
              member of null is absent, a member that is null is null. `[?index]` does the same for lists.",
        example: "{\"a\": {}}.?a.b.orValue(5)",
        result: "5",
    },
    Entry {
        name: "hasValue",
        signature: "object.?member.hasValue() -> bool",
        doc: "Whether an optional chain arrives anywhere.",
        example: "[1][?3].hasValue()",
        result: "false",
    },
];
