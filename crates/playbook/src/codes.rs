//! Every code a diagnostic can have, with what it means.
//!
//! One table, so that a code is explained where it is defined and a test can hold that each one is really
//! produced. Codes are stable: one may retire, none changes its meaning.

/// A code and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Such as `P0301`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What the rule is and why there is one.
    pub explanation: &'static str,
}

/// All codes, in no particular order.
pub fn all() -> impl Iterator<Item = &'static Code> {
    OURS.iter().chain(EXPRESSIONS)
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(pub(crate) const $name: &str = $code;)*
        const OURS: &[Code] = &[$(Code { code: $code, title: $title, explanation: $explanation }),*];
    };
}

codes! {
    SYNTAX = "P0101", "not valid YAML",
        "The parser could not read the file. Its message names the place where it gave up; the mistake is there or shortly before.";
    DUPLICATE_KEY = "P0102", "a key stands twice",
        "Most tools silently take the last of two equal keys. A playbook that means two things is refused.";
    TAG = "P0103", "a YAML tag or directive",
        "Tags such as `!!binary` or `!include` change what a value is. The types of a playbook come from schemas alone.";
    ANCHOR = "P0104", "an anchor or alias",
        "Anchors hide from the reader what a step does, and a few lines of them can stand for gigabytes.";
    MERGE_KEY = "P0105", "a merge key",
        "`<<` copies keys from elsewhere. What a step does must be written in the step.";
    DOCUMENTS = "P0106", "several documents",
        "One file holds one playbook, so that a digest names exactly one.";
    TOO_LARGE = "P0107", "larger than allowed",
        "A playbook has at most 1 MiB, 20,000 values and 32 levels of nesting, so that checking ends quickly whatever the file holds.";
    ENCODING = "P0108", "not plain UTF-8 text",
        "Playbooks are UTF-8 without byte order mark, with LF or CRLF line ends and without control characters.";
    TAB = "P0109", "a tab in the indentation",
        "YAML indents with spaces only; how wide a tab is depends on who looks.";
    DECEPTIVE = "P0110", "a character that misleads the reader",
        "Characters without width and those that turn the reading direction let a reviewer read one thing while another one runs. Where one is needed in a text, write its escape inside double quotes.";
    NEEDS_QUOTES = "P0111", "an expression without quotes",
        "Between brackets, and where `: ` or ` #` follow, YAML takes parts of an unquoted `${{ }}` for its own marks.";
    EMPTY = "P0112", "nothing in the file",
        "The file holds no value: it is empty or has only comments.";
    AMBIGUOUS = "P0113", "text that other tools read differently",
        "Without quotes, `no`, `on`, `012`, `1_000` or `12:30` are text here, but booleans or numbers for YAML 1.1 tools.";
    EXPRESSION = "P0114", "not an expression",
        "What stands between `${{` and `}}` does not follow the expression language.";
    KEY_NOT_TEXT = "P0115", "a key that is no text",
        "Keys are names. A number, a boolean or nothing in place of a name needs quotes, or is a slip.";

    UNKNOWN_KEY = "P0201", "an unknown key",
        "A misspelt key that is ignored is a rule that silently does not hold, so every unknown key is refused.";
    MISSING_KEY = "P0202", "a key is missing",
        "The element cannot be understood without this key.";
    WRONG_KIND = "P0203", "the wrong kind of value",
        "The element needs another kind of value here, such as a list or text.";
    NO_VERB = "P0204", "a step without a verb",
        "A step has exactly one verb: `uses`, `set`, `parallel`, `dag`, `foreach`, `while`, `switch`, `try`, `call`, `approve`, `ask`, `wait`, `assert`, `return` or `fail`.";
    TWO_VERBS = "P0205", "a step with two verbs",
        "A step does exactly one thing, so that its id, its condition and its errors mean one thing.";
    DURATION = "P0206", "not a duration",
        "Durations are whole numbers with units from large to small: `30s`, `5m`, `1h30m`, `2d`.";
    OUT_OF_RANGE = "P0207", "outside the limits",
        "The published limits keep a mistake from becoming a flood: retries 1 to 10, step timeouts 1s to 24h, deadlines up to 30d, loops up to 100,000 items, 1 to 256 at a time.";
    BAD_NAME = "P0208", "not a name",
        "Names are lower-case ASCII letters, digits and `_`, starting with a letter, at most 64 long, so that they can be used in expressions and paths and cannot be mistaken for one another.";
    VERSION = "P0209", "an unknown version of the language",
        "`playbook: 1` is the first key of the file. Another number belongs to another version of Portcullis.";
    UNKNOWN_WORD = "P0210", "not one of the allowed words",
        "The element accepts a fixed set of words.";
    MISPLACED = "P0211", "a modifier that does nothing here",
        "Modifiers that have no effect on a verb are refused instead of ignored.";
    NO_EXPRESSION = "P0212", "an expression is not possible here",
        "This value is needed before the run starts, so it cannot be computed in the run.";
    BAD_SCHEMA = "P0213", "not a usable JSON Schema",
        "Inputs and outputs are described by JSON Schema 2020-12, without references to other files or hosts.";
    TOO_MANY_STEPS = "P0214", "too many steps",
        "A playbook has at most 500 steps.";
    CRON = "P0215", "not a cron expression",
        "A cron trigger has five fields in UTC: minute, hour, day of the month, month, day of the week. Each is `*`, a number, a range, a list, or one of these with a step such as `*/5`.";
    TOO_MANY_CALLS = "P0216", "calls too deep or too many",
        "Playbooks call one another at most 8 deep, and a playbook is made of at most 64 files, so that checking ends quickly.";

    UNKNOWN_NAME = "P0301", "an unknown name in an expression",
        "Expressions see `inputs`, `vars`, `secrets`, `trigger`, `steps`, `run`, loop variables, `error` in handlers, and `self` inside `set`.";
    UNKNOWN_STEP = "P0302", "an unknown step",
        "No step of the playbook has this id.";
    NOT_FINISHED = "P0303", "a step that has not finished",
        "A step can use only what has surely finished before it: earlier steps of the same or an outer list.";
    OUT_OF_SIGHT = "P0304", "a step that cannot be seen from here",
        "Steps inside a loop run once for every item and are seen outside only through the loop's output; steps in another branch of a `parallel` or `switch` are not seen, nor those of a `dag` that are not needed.";
    MAY_NOT_HAVE_RUN = "P0305", "a step that may have no output",
        "A step that can be skipped or may fail has an output only sometimes. Use it under the same condition, or under `steps.ID.status == \"succeeded\"`: in an `if` or `case` around it, or in the same expression before `&&` or `?`.";
    DUPLICATE_NAME = "P0306", "a name is used twice",
        "Ids are unique in a playbook, because conditions, approvals and paths name steps by them.";
    UNKNOWN_ACTION = "P0307", "an unknown action",
        "No built-in action and no plugin brings an action of this name.";
    UNKNOWN_CONNECTION = "P0308", "an unknown connection",
        "Steps use connections that the playbook declares under `connections`.";
    NO_CONNECTION = "P0309", "which connection?",
        "An action that needs a connection takes the only one of its kind; if there is none or more than one, the step must say.";
    CONNECTION_KIND = "P0310", "a connection of another kind",
        "The action needs a connection of another kind.";
    NO_OUTPUT = "P0311", "a part that the step does not have",
        "`output` belongs to steps that give one: `uses`, `set`, `approve`, `ask`, `call`, `while`, waiting for an event, and blocks with an `output`; `failed` to loops that collect; `error` to steps with `on_error: continue`.";
    UNUSED = "P0312", "computed and never used",
        "A `set` step only computes; if nothing reads it, it does nothing.";
    CYCLE = "P0313", "things that wait for one another",
        "Steps of a `dag` that need each other never begin, and playbooks that call each other never end.";
    NO_FILE = "P0314", "a file that is not there",
        "The playbook names a file, a called playbook or a template, that cannot be read. Paths begin at the folder of the file that names them.";
    BAD_PATH = "P0315", "not a path to a file beside the playbook",
        "Paths are written with `/`, are relative, and go up only at their beginning, so that a playbook means the same on every machine.";
    BAD_CALLEE = "P0316", "a called playbook that cannot be called",
        "The called playbook has errors of its own, or needs something that a caller cannot give, such as a trigger.";
    BAD_TEMPLATE = "P0317", "a template that cannot be filled in",
        "The template is not valid, or it uses a name that its `values` do not surely give. A missing value is an error and never an empty place.";

    WRONG_TYPE = "P0420", "an expression of the wrong type",
        "The value of the expression is not what is needed here.";

    UNKNOWN_INPUT = "P0501", "an unknown input of an action",
        "The action has no input of this name.";
    MISSING_INPUT = "P0502", "a required input is missing",
        "The action cannot run without this input.";
    BAD_LITERAL = "P0503", "a value that breaks its schema",
        "The value is written in the playbook and can already be seen to be refused later.";

    UNREACHABLE = "P0601", "steps that never run",
        "Nothing after `return` or `fail` in the same list can run, nor a case behind one that always holds, nor a handler for failures that an earlier one takes.";
    NO_LIMIT = "P0602", "a loop without a limit",
        "A list from outside can be longer than anyone thought, and a condition can hold for ever. `limit` says how many items are still normal (a list whose schema has `maxItems` needs none), `max` how many rounds.";
    OUTPUTS = "P0603", "outputs that do not fit the declaration",
        "`return` gives exactly the declared outputs, each of its declared type; a playbook with outputs gives each of them on every path.";
    NOT_EVERY_PATH = "P0604", "an output that is not set on every path",
        "A `switch` or `try` has an output only if each of its parts that can end gives one; otherwise the output would sometimes be missing.";
    NO_DEFAULT = "P0605", "a switch without a default",
        "If no case holds, nothing happens, which is seldom what was meant and never what a reader sees. Write `default: []` if it is meant.";
    ALWAYS = "P0606", "a condition with only one answer",
        "The condition is a constant, follows from the types, or was decided by the conditions around it, so it decides nothing here.";
    STARTS_ITSELF = "P0608", "a playbook that starts itself",
        "A mailbox trigger and a message to the same mailbox make a loop: every run begins the next one.";
    FAILED_UNREAD = "P0607", "failures that nobody looks at",
        "A loop that collects, and a call about many things with `on_item_error: collect`, succeed whatever happens to their items. If nothing reads `steps.ID.failed` of the loop, or `steps.ID.output.failed` of the call, failures pass unseen. For a loop `on_item_error: skip` says that this is meant.";

    NOT_APPROVED = "P0701", "containment without approval",
        "A step that changes mailboxes stands behind an `approve` step on every path: either in the same or an outer list after an approval whose rejection ends the list, or under `steps.ID.output.decision == \"approved\"`. An approval that approves itself when nobody answers is none.";
    SHOWS = "P0702", "an approval that cannot show this",
        "`shows` names steps that run only after the approval, and whose inputs can be rendered before it.";
    NO_BLAST_LIMIT = "P0703", "a change in a loop without a blast limit",
        "A loop multiplies what a step changes. `policy: { max_effects: { ACTION: N } }` says how many items one run may touch in all; over it the step fails before anything is done.";
    SELF_APPROVAL = "P0704", "whoever starts the run can approve it",
        "Where containment needs an approval, the person who starts a run by hand should not be the one who approves it. `to: { not: [run.starter] }` sees to that.";
    CACHED_CHANGE = "P0705", "a cached change",
        "An earlier answer can stand in for a question, never for a change or a message: the change would not take place.";

    UNTRUSTED = "P0801", "untrusted text in a guarded place",
        "Text from a mail, a server or a plugin must not decide on a recipient, a host, a folder or a query by itself. Let a person approve it (`approve` with `shows`), compare it with something trusted (`assert: ${{ x in inputs.allowed }}`), or write `accept_untrusted` with the reason, which the plan and the audit log repeat.";
    NOTHING_TO_ACCEPT = "P0802", "an acceptance without need",
        "`accept_untrusted` stands on a step that receives nothing untrusted in a guarded place; it would hide a later mistake.";
    SECRET = "P0803", "a secret in an open place",
        "Secrets may be used only in fields that are made for them, because everything else is shown and recorded.";
    NOT_LOCKED = "P0901", "a plugin that is not installed",
        "The playbook declares a plugin that the lock file does not have. What is locked is what runs, so there is nothing to run.";
    NOT_AS_LOCKED = "P0902", "a plugin that is not the locked one",
        "The files of the plugin are not those that were looked at and locked.";
    RIGHTS = "P0903", "a plugin that asks for more than it gets",
        "A plugin has what its manifest asks for and the operator grants, and nothing else. One that asks for more would fail in the middle of a run.";
    INTERFACE = "P0904", "a plugin that cannot be used",
        "The plugin was made for another interface, or its files are no plugin.";
    UNDECLARED_PLUGIN = "P0905", "a plugin that is not declared",
        "Code from elsewhere takes part in a playbook only where the playbook says so, under `plugins`.";
    PLUGIN_VERSION = "P0906", "a plugin in another version",
        "The locked version of the plugin is not one that the playbook was written for, or what the playbook asks for is no version.";
}

const fn from_expr(code: &'static str, title: &'static str, explanation: &'static str) -> Code {
    Code { code, title, explanation }
}

/// What the checker of expressions finds.
const EXPRESSIONS: &[Code] = &[
    from_expr(
        expr::codes::OPERANDS,
        "operands of the wrong type",
        "The operator, or the condition, does not take values of these types.",
    ),
    from_expr(
        expr::codes::NO_MEMBER,
        "no such member",
        "The schema of the value has no member of this name.",
    ),
    from_expr(
        expr::codes::MAY_BE_MISSING,
        "a member that may be missing",
        "The schema declares the member but does not require it. Ask with `has(...)` first, or give a default with `.?name.orValue(...)`.",
    ),
    from_expr(
        expr::codes::MAY_BE_NULL,
        "a value that may be null",
        "The schema allows null here. Compare with null first.",
    ),
    from_expr(
        expr::codes::UNDECLARED,
        "an undeclared member",
        "The schema leaves the object open and does not name this member; if it is missing in the run, the step fails.",
    ),
    from_expr(
        expr::codes::NO_FUNCTION,
        "no such function",
        "The expression language has no function of this name.",
    ),
    from_expr(
        expr::codes::INDEX,
        "an index that may be too large",
        "Nothing proves that the list is that long; if it is not, the step fails.",
    ),
    from_expr(
        expr::codes::ARGUMENT_COUNT,
        "the wrong number of arguments",
        "The function takes another number of arguments.",
    ),
    from_expr(
        expr::codes::ARGUMENT,
        "an argument of the wrong type",
        "The function does not take a value of this type here.",
    ),
    from_expr(
        expr::codes::NEVER_EQUAL,
        "a comparison that never holds",
        "Values of these types are never equal.",
    ),
    from_expr(
        expr::codes::NO_TEXT,
        "a value without a text form",
        "Only text, numbers, booleans and times can stand inside a text.",
    ),
    from_expr(
        expr::codes::DIVISION,
        "a division that rounds",
        "Whole numbers divide to whole numbers; the rest is lost.",
    ),
    from_expr(
        expr::codes::DUPLICATE_KEY,
        "a key stands twice",
        "The same key stands twice in one object of the expression.",
    ),
    from_expr(
        expr::codes::CONSTANT,
        "always the same answer",
        "The condition or comparison has the same answer whatever the values are.",
    ),
];
