//! The action as the host sees it.

use plugin_sdk::{Action, ActionEntry, Artifact, Context, ErrorDoc, Example, Failure, Plugin};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::output::Output;
use crate::{charset, limits, parse};

/// The plugin.
#[derive(Debug, Clone, Copy)]
pub struct Eml;

impl Plugin for Eml {
    const NAME: &'static str = "eml";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ACTIONS: &'static [ActionEntry] = &[ActionEntry::of::<Parse>()];
}

/// The action `eml.parse`.
#[derive(Debug, Clone, Copy)]
pub struct Parse;

/// What to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The mail, as `mail.download_eml` gives it, or an attached one from `attachments` of an earlier `eml.parse`. A
    /// `.msg` file that Outlook saved is a mail too.
    pub message: Artifact,
    /// How many levels of attached mails to open, at most 5. Without it, 5. Deeper ones are listed as attachments.
    #[serde(default)]
    #[schemars(range(min = 0, max = 5))]
    pub max_depth: Option<u32>,
    /// What text is read as that names no charset, or a wrong one, and is not UTF-8: a charset or the number of a
    /// Windows code page, e.g. `windows-1251` or `1251`. Without it, `windows-1252`.
    #[serde(default)]
    #[schemars(length(max = 40))]
    pub fallback_charset: Option<String>,
}

impl Action for Parse {
    const NAME: &'static str = "parse";
    const SUMMARY: &'static str = "Reads a mail: headers, addresses, bodies, attachments, attached mails";
    const DESCRIPTION: &'static str = "\
Takes the bytes of a mail apart. A mail in which somebody reports another one by attaching it has the reported mail \
in `messages[0]`, with the same fields as the mail itself.

What lies in `winmail.dat` and in signed S/MIME is taken out; a `.msg` file is read like any mail. No signature is \
verified: `signed` says what the mail claims. What is encrypted stays closed, and `encrypted` says so.

Everything in the output was written by the sender of the mail and is marked untrusted. Structure that programs read \
differently is listed in `anomalies` and never repaired in silence; the first of two headers counts. Text in another charset than \
it declares is read in the right one, as far as bytes can tell, and `charset_repairs` says so.

A mail with more than 1,000 parts, 1,000 headers in one part, 20 multiparts or 5 mails inside one another, 5,000 \
addresses, or 64 KiB in one line of a header fails with `limit`.";
    const ERRORS: &'static [ErrorDoc] = &[
        ErrorDoc {
            code: "limit",
            when: "The mail is larger, deeper or has more parts than any honest mail. Look at it by hand.",
        },
        ErrorDoc { code: "not_found", when: "The artifact does not exist." },
        ErrorDoc { code: "invalid", when: "`max_depth` is above 5, or nobody knows `fallback_charset`." },
    ];
    type Input = Input;
    type Output = Output;

    fn run(input: Input, _context: &Context) -> Result<Output, Failure> {
        let max_depth = input.max_depth.unwrap_or(limits::MESSAGE_DEPTH);
        if max_depth > limits::MESSAGE_DEPTH {
            return Err(Failure::invalid(format!(
                "max_depth is {max_depth}; mails are opened to a depth of {} at most",
                limits::MESSAGE_DEPTH
            )));
        }
        let fallback = match input.fallback_charset.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(name) => Some(charset::find(&name.to_ascii_lowercase()).ok_or_else(|| {
                Failure::invalid(format!(
                    "fallback_charset is {name:?}, which nobody knows; give a name like windows-1251, or the number \
                     of a Windows code page like 1251"
                ))
            })?),
        };
        parse(input.message.read(limits::MAIL_BYTES)?, max_depth, fallback)
    }

    fn examples() -> Vec<Example> {
        let mail = "From: Ada <ada@example.com>\r\nSubject: Hello\r\n\r\nHi\r\n";
        let artifact = Artifact {
            artifact: "sha256:a18f179502b633a7b9074247efe118d1ab4bcf9fe794ba552289b06aa1fa9b8e".to_owned(),
            size: mail.len() as u64,
            media_type: "message/rfc822".to_owned(),
        };
        let output = parse(mail.as_bytes().to_vec(), 0, None)
            .ok()
            .and_then(|output| serde_json::to_value(output).ok());
        vec![Example {
            title: "Read a reported mail".to_owned(),
            input: json!({ "message": artifact }),
            output: output.unwrap_or_default(),
        }]
    }
}
