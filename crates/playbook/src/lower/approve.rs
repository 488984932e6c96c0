//! `approve`: wait for a person's decision.

use expr::Type;
use plan::{Approve, StepKind};

use super::Lower;
use super::fields::{self, Fields, plain_text, wrong_kind};
use super::value::Slot;
use crate::codes;
use crate::names::outline::StepIx;
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Kind, Node};

const KEYS: [&str; 5] = ["message", "shows", "timeout", "on_timeout", "on_reject"];

impl Lower<'_> {
    pub(super) fn approve(&mut self, ix: StepIx, step: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, Some(decision()), None);
        let node = step.get("approve")?;
        let help = "write `approve: { message: \"what is asked\" }`";
        if !matches!(node.kind, Kind::Map(_)) {
            self.sink.push(wrong_kind(node, "`approve`", "a mapping").help(help));
            return None;
        }
        let given = Fields::read(node, "`approve`", &KEYS, self.sink)?;
        let message = given.require("message", "`approve`", help, self.sink);
        let message = message.map(|node| self.fitting(node, &Slot::open("`message`", Type::string())).0);
        let shows = given.get("shows").map(|node| self.shows(ix, node)).unwrap_or_default();
        let timeout = given.duration("timeout", fields::RUN_DEADLINE, self.sink);
        given.word("on_timeout", &["reject"], self.sink);
        let reject = given.word("on_reject", &["end", "continue"], self.sink);
        Some(StepKind::Approve(Approve {
            message: message?,
            to: plan::Audience::default(),
            quorum: 1,
            shows,
            timeout,
            on_timeout: plan::OnTimeout::Reject,
            reject_ends_block: reject != Some("continue"),
        }))
    }

    /// Ids of steps that run after the approval and do something.
    fn shows(&mut self, approve: StepIx, node: &Node) -> Vec<String> {
        let Kind::List(items) = &node.kind else {
            self.sink.push(wrong_kind(node, "`shows`", "a list of step ids").help("write `shows: [delete]`"));
            return Vec::new();
        };
        let mut ids = Vec::new();
        for item in items {
            let Some(id) = plain_text(item, "a step id", self.sink) else { continue };
            let outline = &self.names.outline;
            let Some(found) = outline.find(id) else {
                let help = expr::nearest(id, outline.ids()).map(|near| format!("did you mean `{near}`?"));
                self.sink.push(
                    Raw::error(codes::UNKNOWN_STEP, format!("there is no step `{}`", shown(id)))
                        .node(item.id, "")
                        .maybe_help(help),
                );
                continue;
            };
            let later = outline.steps.get(found).is_some_and(|step| {
                let around = outline.around(step.block, step.index);
                around.iter().any(|(block, index)| *block == self.names.block && *index > self.names.index)
            });
            let acts = outline
                .steps
                .iter()
                .enumerate()
                .any(|(ix, step)| step.verb == "uses" && outline.is_inside(ix, found));
            if !later || found == approve {
                self.sink.push(
                    Raw::error(codes::SHOWS, format!("`{id}` does not run after this approval"))
                        .node(item.id, "")
                        .help("an approval shows what comes after it, in the same list or inside of it"),
                );
            } else if !acts {
                self.sink.push(
                    Raw::error(codes::SHOWS, format!("`{id}` calls no action, so there is nothing to show"))
                        .node(item.id, "")
                        .help("name a `uses` step, or a step around one"),
                );
            } else {
                ids.push(id.to_owned());
            }
        }
        ids
    }
}

/// The output of an approval.
fn decision() -> Type {
    Type::closed([
        ("decision".to_owned(), Type::one_of(["approved".to_owned(), "rejected".to_owned()])),
        ("by".to_owned(), Type::string()),
        ("digest".to_owned(), Type::string()),
    ])
}
