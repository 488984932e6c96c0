//! `notify.teams`: a card in a channel or chat, by a webhook of a workflow.
//!
//! An [Adaptive Card](https://learn.microsoft.com/adaptive-cards/) of `RichTextBlock`s, which know no Markdown:
//! nothing a sender wrote becomes a link or bold type, and there is nothing to escape that a client could read
//! otherwise. Left out: the older message cards, mentions, and buttons.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::webhook::ERRORS;
use crate::Web;
use crate::call::Answer;
use crate::chat::{Fact, cut, line, or_nothing, plain};
use crate::web::{Kind, Site};

const NAME: &str = "notify.teams";

/// Teams takes 28 KB of a webhook, and something of that for itself.
const PAYLOAD: usize = 28 * 1024 - 512;
/// How long the parts are at most, in bytes as JSON has them; the text has what the others leave.
const TITLE: usize = 400;
const NAME_OF_FACT: usize = 150;
const VALUE: usize = 1000;

/// Tells a channel.
pub(crate) struct Teams;

/// Input of `notify.teams`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = action_api::no_null_defaults)]
pub(crate) struct Input {
    /// The message as plain text. With everything else the card has at most 28 KB.
    #[schemars(length(min = 1))]
    text: String,
    /// A line above it in large type, at most 400 bytes of UTF-8.
    #[serde(default)]
    #[schemars(with = "String")]
    title: Option<String>,
    /// Names and values below it, as plain text, at most 1,000 bytes of UTF-8 each.
    #[serde(default)]
    #[schemars(length(max = 15))]
    facts: Vec<Fact>,
}

/// Output of `notify.teams`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The HTTP status: 202 says that the workflow took the card and posts it soon, 200 that it is posted.
    pub(crate) status: u16,
    /// Whether something was cut because Teams takes no more.
    pub(crate) cut: bool,
}

/// A text that clients show as it is. `{{` begins a function that dates are shown by, so no brace follows another.
fn run(text: &str) -> Value {
    let mut apart = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '{' && apart.ends_with('{') {
            apart.push('\u{200b}');
        }
        apart.push(letter);
    }
    json!({ "type": "TextRun", "text": apart })
}

fn block(runs: Vec<Value>) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}

fn with(mut run: Value, key: &str, value: &str) -> Value {
    if let Some(fields) = run.as_object_mut() {
        fields.insert(key.to_owned(), value.into());
    }
    run
}

/// A text of at most so many bytes, and whether it was longer.
fn short(text: &str, most: usize, was_cut: &mut bool) -> String {
    let (text, shorter) = cut(text, most, in_json);
    *was_cut |= shorter;
    text
}

/// The payload with a text that costs at most so many bytes of JSON.
fn card(input: &Input, budget: usize) -> (Value, bool) {
    let mut was_cut = false;
    let mut body = Vec::new();
    if let Some(title) = &input.title {
        let title = run(&short(&or_nothing(line(title)), TITLE, &mut was_cut));
        body.push(block(vec![with(with(title, "size", "Large"), "weight", "Bolder")]));
    }
    let (text, shorter) = cut(&or_nothing(plain(&input.text)), budget, cost);
    was_cut |= shorter;
    body.extend(text.split('\n').map(|line| block(vec![run(if line.is_empty() { " " } else { line })])));
    for fact in &input.facts {
        let name = short(&or_nothing(line(&fact.name)), NAME_OF_FACT, &mut was_cut);
        let value = short(&or_nothing(plain(&fact.value)), VALUE, &mut was_cut);
        body.push(block(vec![with(run(&format!("{name}: ")), "weight", "Bolder"), run(&value)]));
    }
    let payload = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "msteams": { "width": "Full" },
                "body": body,
            },
        }],
    });
    (payload, was_cut)
}

/// What a character costs where the end of a line begins a block.
fn cost(letter: char) -> usize {
    if letter == '\n' { 70 } else { in_json(letter) }
}

/// What a character costs in bytes of JSON. Between two braces comes a space without width.
fn in_json(letter: char) -> usize {
    match letter {
        '"' | '\\' | '\t' | '\n' => 2,
        '{' => 4,
        other => other.len_utf8(),
    }
}

/// The payload within the limit, and whether something of the input is not in it.
fn message(input: &Input) -> (Value, bool) {
    let (without, _) = card(input, 0);
    card(input, PAYLOAD.saturating_sub(without.to_string().len()))
}

fn judged(site: &Site, answer: &Answer) -> Result<(), Failure> {
    // The older webhooks answer 200 and say in words that it was refused further on.
    let refused = answer.body.starts_with(b"Webhook message delivery failed");
    if answer.status.is_success() && !refused {
        return Ok(());
    }
    let unwanted = site.unwanted("the card", answer, true);
    let said = String::from_utf8_lossy(&answer.body);
    let failure = match answer.status {
        StatusCode::BAD_REQUEST if said.contains("WorkflowTriggerIsNotEnabled") => Failure {
            kind: FailureKind::NotFound,
            message: format!("{NAME}: the workflow behind the webhook is switched off; switch it on"),
            ..unwanted
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure {
            message: format!(
                "{NAME}: the address of the webhook is not valid (any more), or its workflow takes requests of \
                 the organisation only; copy it anew and let anyone trigger it: {}",
                unwanted.message
            ),
            ..unwanted
        },
        _ if refused && said.contains("429") => Failure { kind: FailureKind::Throttled, ..unwanted },
        _ if refused && said.contains("413") => Failure { kind: FailureKind::Limit, ..unwanted },
        _ => unwanted,
    };
    Err(site.hushed(failure))
}

impl TypedAction<Web> for Teams {
    const INFO: ActionInfo = ActionInfo {
        name: NAME,
        summary: "Post a card to Microsoft Teams",
        description: "Posts an Adaptive Card to the webhook of a workflow in Microsoft Teams (\"When a Teams webhook request \
                      is received\"), by a connection of kind `teams`. The address of the webhook is a secret of the \
                      connection and decides the channel or chat. Everything is plain text: what a sender wrote becomes \
                      no link and no markup, and what is longer than Teams takes is cut and marked.\n\nThe workflow \
                      answers 202 when it takes the card; whether it then appears nobody tells. A card cannot be taken \
                      back by a webhook, and Teams does not know repeats: where the answer was lost it is not sent \
                      again, and the run says that it does not know.",
        effect: Effect::Notification,
        repeat: Repeat::Never,
        errors: ERRORS,
        connection: Some("teams"),
        ports: &[],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(web: Web, _: Context, input: Input) -> Result<Output, Failure> {
        let (payload, was_cut) = message(&input);
        let Some(site) = web.site(NAME, Kind::Teams)? else {
            return Ok(Output { status: 202, cut: was_cut });
        };
        let answer = site.post(NAME, HeaderMap::new(), payload.to_string().into_bytes()).await?;
        judged(site, &answer)?;
        Ok(Output { status: answer.status.as_u16(), cut: was_cut })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Tell the channel what was found".to_owned(),
            input: json!({
                "title": "Phishing contained",
                "text": "Eight copies were removed from three mailboxes.",
                "facts": [{ "name": "Sender", "value": "billing@evil.test" }]
            }),
            output: json!(null),
        }]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(input: Value) -> (Value, bool) {
        message(&serde_json::from_value(input).unwrap())
    }

    #[test]
    fn what_a_sender_wrote_stays_text() {
        let wrote = "[your bank](https://evil.test) **x** <at>all</at> {{DATE(2017-02-14T06:08:39Z)}}";
        let (payload, was_cut) = made(json!({
            "text": wrote, "title": wrote, "facts": [{ "name": wrote, "value": wrote }]
        }));
        let body = payload["attachments"][0]["content"]["body"].as_array().unwrap();
        assert!(body.iter().all(|block| block["type"] == "RichTextBlock"), "{payload}");
        assert!(!payload.to_string().contains("{{"));
        assert_eq!(payload["attachments"][0]["content"]["msteams"], json!({ "width": "Full" }));
        assert!(!was_cut);
    }

    proptest! {
        #[test]
        fn titles_and_names_are_one_line_and_no_text_begins_a_function(
            wrote in "([{}a: \n\r\t\u{85}\u{2028}\u{2029}\u{202e}\u{61c}\u{e0041}]|\\{\\{DATE){1,40}",
        ) {
            let (payload, _) = made(json!({
                "text": wrote, "title": wrote, "facts": [{ "name": wrote, "value": wrote }]
            }));
            let body = payload["attachments"][0]["content"]["body"].as_array().unwrap();
            let runs = body.iter().flat_map(|block| block["inlines"].as_array().unwrap());
            for run in runs.clone() {
                let text = run["text"].as_str().unwrap();
                prop_assert!(!text.contains("{{"), "{text:?}");
                prop_assert!(!text.contains(['\u{202e}', '\u{61c}', '\u{e0041}', '\u{85}']), "{text:?}");
            }
            let bold: Vec<&str> = runs.filter(|run| run["weight"] == "Bolder").map(|run| run["text"].as_str().unwrap()).collect();
            prop_assert_eq!(bold.len(), 2);
            for text in bold {
                let ends = ['\n', '\r', '\t', '\u{2028}', '\u{2029}'];
                prop_assert!(!text.contains(ends), "{text:?}");
                // A colon alone would be a name of nothing, unless somebody wrote just that.
                prop_assert!(text.trim() != ":" || wrote.contains(':'), "{text:?}");
            }
        }

        #[test]
        fn no_limit_of_teams_is_passed(
            letter in "[a\"é\n{\u{1f600}]",
            text in 0_usize..40_000,
            title in proptest::option::of(0_usize..400),
            facts in proptest::collection::vec((0_usize..150, 0_usize..1000), 0..15),
        ) {
            let facts: Vec<Value> = facts.into_iter()
                .map(|(name, value)| json!({ "name": letter.repeat(name), "value": letter.repeat(value) }))
                .collect();
            let mut input = json!({ "text": letter.repeat(text), "facts": facts });
            if let Some(title) = title {
                input["title"] = json!(letter.repeat(title));
            }
            let (payload, was_cut) = made(input);
            let size = payload.to_string().len();
            prop_assert!(size <= 28 * 1024, "{size}");
            // A text of nothing but ends of lines is none.
            prop_assert!(was_cut || text < 28_000 || letter == "\n");
        }
    }
}
