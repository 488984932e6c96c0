//! `notify.slack`: a message in a channel, by an incoming webhook.
//!
//! The format is [Block Kit](https://docs.slack.dev/block-kit) with plain text, so that nothing a sender wrote becomes
//! a link, a mention or bold type. Left out: the Web API with its tokens, threads, and files.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::webhook::ERRORS;
use crate::Web;
use crate::call::Answer;
use crate::chat::{Fact, cut, line, or_nothing, pieces, plain};
use crate::failure::invalid;
use crate::web::{Kind, Site};

const NAME: &str = "notify.slack";

/// Slack's limits, in characters: a header, a section, a field; and how many fields a section has, how many blocks a
/// message.
const HEADER: usize = 150;
const SECTION: usize = 3000;
const FIELD: usize = 2000;
const FIELDS: usize = 10;
const BLOCKS: usize = 50;
/// Slack cuts a message's own text at 40,000 characters.
const TEXT: usize = 40_000;
/// What is shown of a text: more nobody reads in a channel.
const SHOWN: usize = 4 * SECTION;
/// The largest payload, in bytes. Slack does not document one; what fits its limits is smaller.
const PAYLOAD: usize = 512 * 1024;

/// Tells a channel.
pub(crate) struct Slack;

/// Input of `notify.slack`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = action_api::no_null_defaults)]
pub(crate) struct Input {
    /// The message as plain text; also what a notification on a phone shows. At most 12,000 characters are shown.
    #[schemars(length(min = 1))]
    text: String,
    /// A line above it in large type, at most 150 characters.
    #[serde(default)]
    #[schemars(with = "String")]
    title: Option<String>,
    /// Names and values below it, as plain text, at most 2,000 characters each.
    #[serde(default)]
    #[schemars(length(max = 20))]
    facts: Vec<Fact>,
    /// Blocks of Block Kit in place of `title` and `facts`, and of `text` but for notifications. They are sent as they
    /// are: mentions and links in them work, so text from a mail must not get there.
    #[serde(default)]
    #[schemars(schema_with = "blocks")]
    blocks: Option<Vec<Value>>,
}

fn blocks(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": BLOCKS,
        "x-guard": "markup",
        "items": { "type": "object", "required": ["type"] }
    })
}

/// Output of `notify.slack`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The HTTP status Slack answered: 200.
    pub(crate) status: u16,
    /// Whether something was cut because Slack takes no more.
    pub(crate) cut: bool,
}

/// What a character costs: three of them are written as entities.
fn cost(letter: char) -> usize {
    match letter {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    }
}

/// The three characters that Slack reads as the beginning of links and mentions.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn plain_text(text: &str) -> Value {
    json!({ "type": "plain_text", "text": escaped(text), "emoji": false })
}

/// The payload, and whether something of the input is not in it.
fn message(input: &Input) -> (Value, bool) {
    let text = or_nothing(plain(&input.text));
    let (fallback, mut was_cut) = cut(&text, TEXT, cost);
    let blocks = match &input.blocks {
        Some(blocks) => blocks.clone(),
        None => {
            let (blocks, shorter) = composed(input, &text);
            was_cut |= shorter;
            blocks
        }
    };
    // Slack must not fetch what an attacker's link leads to, in plain text nothing is type, and `@channel` in it calls
    // nobody.
    let payload = json!({
        "text": escaped(&fallback),
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    });
    (payload, was_cut)
}

fn composed(input: &Input, text: &str) -> (Vec<Value>, bool) {
    let mut blocks = Vec::new();
    let mut was_cut = false;
    if let Some(title) = &input.title {
        let (title, shorter) = cut(&or_nothing(line(title)), HEADER, cost);
        was_cut |= shorter;
        blocks.push(json!({ "type": "header", "text": plain_text(&title) }));
    }
    let (shown, shorter) = cut(text, SHOWN, cost);
    was_cut |= shorter;
    for piece in pieces(&shown, SECTION, cost) {
        blocks.push(json!({ "type": "section", "text": plain_text(&piece) }));
    }
    for facts in input.facts.chunks(FIELDS) {
        let fields: Vec<Value> = facts
            .iter()
            .map(|fact| {
                let whole = format!("{}\n{}", or_nothing(line(&fact.name)), or_nothing(plain(&fact.value)));
                let (field, shorter) = cut(&whole, FIELD, cost);
                was_cut |= shorter;
                plain_text(&field)
            })
            .collect();
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    (blocks, was_cut)
}

/// What Slack says where it does not post, and what helps.
const WORDS: &[(&str, FailureKind, &str)] = &[
    ("invalid_payload", FailureKind::Invalid, "Slack could not read the message"),
    ("invalid_blocks", FailureKind::Invalid, "Slack refuses the blocks; try them in its Block Kit Builder"),
    ("no_text", FailureKind::Invalid, "the message has no text"),
    ("too_many_attachments", FailureKind::Invalid, "the message has too many attachments"),
    ("user_not_found", FailureKind::NotFound, "the user the webhook posts to does not exist"),
    ("channel_not_found", FailureKind::NotFound, "the channel of the webhook does not exist"),
    (
        "channel_is_archived",
        FailureKind::NotFound,
        "the channel of the webhook is archived; make a webhook for another",
    ),
    ("no_active_hooks", FailureKind::NotFound, "the webhook is switched off; make a new one"),
    ("no_service", FailureKind::NotFound, "the webhook is switched off or removed; make a new one"),
    ("no_team", FailureKind::NotFound, "the workspace of the webhook does not exist; check the address"),
    ("team_disabled", FailureKind::PermissionDenied, "the workspace of the webhook is disabled"),
    (
        "action_prohibited",
        FailureKind::PermissionDenied,
        "an administrator does not allow the webhook to post there",
    ),
    (
        "posting_to_general_channel_denied",
        FailureKind::PermissionDenied,
        "an administrator does not allow webhooks to post to the general channel",
    ),
    ("invalid_token", FailureKind::PermissionDenied, "the address of the webhook is not valid any more"),
];

fn judged(site: &Site, answer: &Answer) -> Result<(), Failure> {
    let said = answer.body.trim_ascii();
    if answer.status.is_success() && said == b"ok" {
        return Ok(());
    }
    let unwanted = site.unwanted("the message", answer, true);
    let known = WORDS.iter().find(|(word, ..)| said.starts_with(word.as_bytes()));
    let failure = match known {
        Some((word, kind, help)) => Failure {
            kind: *kind,
            message: format!("{NAME}: {help} (`{word}`)"),
            details: json!({ "status": answer.status.as_u16(), "code": word }),
            ..unwanted
        },
        None if answer.status.is_success() => {
            let message =
                format!("{}; Slack says `ok` where it posted, so this is not Slack", unwanted.message);
            Failure { kind: FailureKind::Unknown, message, ..unwanted }
        }
        None => unwanted,
    };
    Err(site.hushed(failure))
}

impl TypedAction<Web> for Slack {
    const INFO: ActionInfo = ActionInfo {
        name: NAME,
        summary: "Post a message to a Slack channel",
        description: "Posts to the incoming webhook of a connection of kind `slack`. The address of the webhook is a secret \
                      of the connection and decides the channel. `text`, `title` and `facts` are plain text: what a \
                      sender wrote becomes no link, no mention and no markup there, links are not unfurled, and what is \
                      longer than Slack takes is cut and marked. `blocks` are sent as they are.\n\nA message that was \
                      posted cannot be taken back by a webhook, and Slack does not know repeats: where the answer was lost \
                      it is not sent again, and the run says that it does not know.",
        effect: Effect::Notification,
        repeat: Repeat::Never,
        errors: ERRORS,
        connection: Some("slack"),
        ports: &[],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(web: Web, _: Context, input: Input) -> Result<Output, Failure> {
        let (payload, was_cut) = message(&input);
        let body = payload.to_string().into_bytes();
        if body.len() > PAYLOAD {
            let why = format!("the message has {} bytes; {PAYLOAD} are the limit", body.len());
            return Err(Failure { kind: FailureKind::Limit, ..invalid(NAME, why) });
        }
        let Some(site) = web.site(NAME, Kind::Slack)? else {
            return Ok(Output { status: 200, cut: was_cut });
        };
        let answer = site.post(NAME, HeaderMap::new(), body).await?;
        judged(site, &answer)?;
        Ok(Output { status: answer.status.as_u16(), cut: was_cut })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Tell the channel what was found".to_owned(),
            input: json!({
                "title": "Phishing contained",
                "text": "Eight copies of <overdue invoice> were removed from three mailboxes.",
                "facts": [{ "name": "Sender", "value": "billing@evil.test" }]
            }),
            output: json!({ "status": 200, "cut": false }),
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
        let wrote = "<!channel> <https://evil.test|your bank> & <@U1> *bold*";
        let (payload, _) = made(json!({
            "text": wrote, "title": wrote, "facts": [{ "name": wrote, "value": wrote }]
        }));
        let expected = "&lt;!channel&gt; &lt;https://evil.test|your bank&gt; &amp; &lt;@U1&gt; *bold*";
        assert_eq!(payload["text"], expected);
        assert_eq!((&payload["mrkdwn"], &payload["unfurl_links"]), (&json!(false), &json!(false)));
        assert_eq!(
            payload["blocks"][0]["text"],
            json!({"type": "plain_text", "text": expected, "emoji": false})
        );
        assert_eq!(payload["blocks"][2]["fields"][0]["type"], "plain_text");
        assert!(!payload.to_string().contains('<'));
    }

    #[test]
    fn mentions_are_not_looked_for_in_plain_words() {
        let (payload, _) = made(json!({ "text": "@channel @here #general" }));
        assert_eq!((&payload["link_names"], &payload["parse"]), (&json!(false), &json!("none")));
    }

    /// Every text of a payload that people see.
    fn shown(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("text").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|inner| shown(inner, found));
            }
            Value::Array(all) => all.iter().for_each(|inner| shown(inner, found)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn titles_and_names_are_one_line_and_no_text_has_markup(
            wrote in "([<>&@#!|*a \n\r\t\u{85}\u{b}\u{c}\u{2028}\u{2029}\u{202e}\u{61c}\u{e0041}]|<!here>|<@U1>){1,40}",
        ) {
            let (payload, _) = made(json!({
                "text": wrote, "title": wrote, "facts": [{ "name": wrote, "value": "v" }]
            }));
            let mut texts = Vec::new();
            shown(&payload, &mut texts);
            prop_assert!(texts.len() >= 4, "{payload}");
            for text in &texts {
                let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                prop_assert!(!bare.contains(['<', '>', '&']), "{text:?}");
                prop_assert!(!text.contains(['\u{202e}', '\u{61c}', '\u{e0041}', '\u{85}']), "{text:?}");
            }
            let blocks = payload["blocks"].as_array().unwrap();
            let title = blocks[0]["text"]["text"].as_str().unwrap();
            let field = blocks.last().unwrap()["fields"][0]["text"].as_str().unwrap();
            let ends = ['\n', '\r', '\t', '\u{2028}', '\u{2029}'];
            prop_assert!(!title.contains(ends), "{title:?}");
            let name = field.strip_suffix("\nv").unwrap();
            prop_assert!(!name.contains(ends) && !name.is_empty(), "{field:?}");
        }
    }

    #[test]
    fn blocks_are_sent_as_they_are() {
        let block = json!({ "type": "section", "text": { "type": "mrkdwn", "text": "<!here> *look*" } });
        let (payload, _) = made(json!({ "text": "look", "blocks": [block.clone()] }));
        assert_eq!(payload["blocks"], json!([block]));
    }

    proptest! {
        #[test]
        fn no_limit_of_slack_is_passed(
            letter in "[a<&é\n]",
            text in 0_usize..60_000,
            title in proptest::option::of(0_usize..400),
            facts in proptest::collection::vec((0_usize..150, 0_usize..5000), 0..20),
        ) {
            let facts: Vec<Value> = facts.into_iter()
                .map(|(name, value)| json!({ "name": letter.repeat(name), "value": letter.repeat(value) }))
                .collect();
            let mut input = json!({ "text": letter.repeat(text), "facts": facts });
            if let Some(title) = title {
                input["title"] = json!(letter.repeat(title));
            }
            let (payload, _) = made(input);
            let length = |value: &Value| value["text"].as_str().unwrap().chars().count();
            prop_assert!((1..=TEXT).contains(&length(&payload)));
            let blocks = payload["blocks"].as_array().unwrap();
            prop_assert!((1..=BLOCKS).contains(&blocks.len()));
            for block in blocks {
                if block["type"] == "header" {
                    prop_assert!((1..=HEADER).contains(&length(&block["text"])));
                } else if let Some(fields) = block["fields"].as_array() {
                    prop_assert!((1..=FIELDS).contains(&fields.len()));
                    prop_assert!(fields.iter().all(|field| (1..=FIELD).contains(&length(field))));
                } else {
                    prop_assert!((1..=SECTION).contains(&length(&block["text"])));
                }
            }
        }
    }
}
