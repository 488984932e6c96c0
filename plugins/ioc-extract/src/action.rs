//! The action as the host sees it.

use plugin_sdk::{Action, ActionEntry, Context, ErrorDoc, Example, Failure, Plugin};
use serde_json::json;

use crate::extract;
use crate::input::Input;
use crate::output::Output;

/// The plugin.
#[derive(Debug, Clone, Copy)]
pub struct IocExtract;

impl Plugin for IocExtract {
    const NAME: &'static str = "ioc-extract";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ACTIONS: &'static [ActionEntry] = &[ActionEntry::of::<Extract>()];
}

/// The action `ioc-extract.extract`.
#[derive(Debug, Clone, Copy)]
pub struct Extract;

impl Action for Extract {
    const NAME: &'static str = "extract";
    const SUMMARY: &'static str = "Finds indicators of compromise in text and HTML";
    const DESCRIPTION: &'static str = "\
Finds URLs, IP addresses, domains, mail addresses, hashes, telephone numbers and bitcoin addresses, each once, with \
how often and where it stood, and in a form that nobody opens by accident.

Made to follow `eml.parse`: give it `text_body`, `html_body` and `subject` of a mail, and `messages` as it is for the \
mails attached to it. Disguises are taken off first: `hxxp`, `[.]`, `(dot)`, invisible characters, HTML entities, \
percent-encoded hosts, addresses written as one number. Wrapped links (Safe Links, Proofpoint, redirectors) are \
listed with what they lead to. A link whose text names another domain than the one it leads to has `text_mismatch`.

Everything in the output was written by the sender of the mail and is marked untrusted.";
    const ERRORS: &'static [ErrorDoc] =
        &[ErrorDoc { code: "not_found", when: "An artifact of the input does not exist." }];
    type Input = Input;
    type Output = Output;

    fn run(input: Input, _context: &Context) -> Result<Output, Failure> {
        extract(&input)
    }

    fn examples() -> Vec<Example> {
        let example = |title: &str, input: serde_json::Value| {
            let parsed: Option<Input> = serde_json::from_value(input.clone()).ok();
            let output =
                parsed.and_then(|input| extract(&input).ok()).and_then(|it| serde_json::to_value(it).ok());
            Example { title: title.to_owned(), input, output: output.unwrap_or_default() }
        };
        vec![
            example(
                "A link whose text names another domain",
                json!({ "html": "<a href=\"https://login.example.net/x\">https://bank.example.com</a>" }),
            ),
            example(
                "A defanged address",
                json!({ "text": "seen at hxxps://evil[.]example[.]com/a and 192[.]0[.]2[.]7" }),
            ),
        ]
    }
}
