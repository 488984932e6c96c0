//! Holds a plan, and a call, against the names a policy allows.

use std::collections::HashMap;

use action_api::Spec;
use journal::{Portion, Touch};
use plan::{Call, Effect, FailureKind, Plan, StepKind, TriggerKind};
use serde_json::Value;

use super::pattern::{Pattern, normal_mailbox};
use super::{Allowed, Policy};

/// What a policy does not allow, and which of its rules says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule, as it stands in the policy: `actions.forbid`, `caps.deletes.per_run`.
    pub rule: String,
    /// The id of the step it is about; nothing for what the playbook declares beside its steps.
    pub step: Option<String>,
    /// A sentence for a person, without the step.
    pub message: String,
    /// What it is for the step: `permission_denied`, or `limit`.
    pub kind: FailureKind,
}

impl Refusal {
    pub(crate) fn denied(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal {
            rule: rule.into(),
            step: None,
            message: message.into(),
            kind: FailureKind::PermissionDenied,
        }
    }

    fn at(mut self, step: &str) -> Self {
        self.step = Some(step.to_owned());
        self
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.step {
            Some(step) => write!(f, "step {step}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A call as a policy looks at it.
pub(crate) struct Touching<'a> {
    pub(crate) action: &'a str,
    pub(crate) deletes: bool,
    pub(crate) plugin: Option<&'a str>,
    pub(crate) connection: Option<&'a str>,
    /// Every mailbox the input names, as it is compared, and how many items the call changes there.
    pub(crate) mailboxes: Vec<Portion>,
    /// Whether the action's input has a place for a mailbox at all.
    pub(crate) takes_mailbox: bool,
    /// How many items in all, at least 1.
    pub(crate) items: u64,
}

/// An effect as caps count it.
pub(crate) struct Counted<'a> {
    pub(crate) action: &'a str,
    pub(crate) effect: Effect,
    pub(crate) deletes: bool,
    /// How many items, in which mailboxes.
    pub(crate) touch: &'a Touch,
    /// The step, without the numbers of items and rounds.
    pub(crate) place: String,
}

impl<'a> Touching<'a> {
    pub(crate) fn new(
        spec: &'a Spec,
        plugin: Option<&'a str>,
        connection: Option<&'a str>,
        input: &Value,
    ) -> Self {
        let found = spec.mailboxes_of(input);
        let mut mailboxes: Vec<Portion> = Vec::with_capacity(found.each.len());
        let mut known = HashMap::new();
        for (address, items) in found.each {
            let mailbox = normal_mailbox(&address);
            let place = *known.entry(mailbox.clone()).or_insert(mailboxes.len());
            match mailboxes.get_mut(place) {
                Some(same) => same.items = same.items.saturating_add(items),
                None => mailboxes.push(Portion { mailbox, items }),
            }
        }
        Touching {
            action: &spec.name,
            deletes: spec.deletes(),
            plugin,
            connection,
            mailboxes,
            takes_mailbox: found.taken,
            items: spec.items_of(input),
        }
    }

    /// What its items are counted under.
    pub(crate) fn touch(&self) -> Touch {
        let first = self.mailboxes.first().map(|one| one.mailbox.as_str());
        let mailbox = first.or(self.connection).unwrap_or("none").to_owned();
        // The portion of a single mailbox is all there is.
        let each = if self.mailboxes.len() > 1 { self.mailboxes.clone() } else { Vec::new() };
        Touch { mailbox, items: self.items, each }
    }
}

/// Why this name may not be used: which of the two lists, and what it says.
fn refuses<P: Pattern>(names: &Allowed<P>, name: &str) -> Option<(&'static str, String)> {
    if let Some(pattern) = names.forbid.iter().find(|pattern| pattern.means(name)) {
        return Some(("forbid", format!("it forbids `{pattern}`")));
    }
    match &names.allow {
        Some(allowed) if !allowed.iter().any(|pattern| pattern.means(name)) => {
            Some(("allow", "it is not among those it allows".to_owned()))
        }
        _ => None,
    }
}

impl Policy {
    /// Why a call may not be made at all, whatever was counted so far.
    pub(crate) fn refuses(&self, call: &Touching<'_>) -> Option<Refusal> {
        let action = self.refuses_action(call.action, call.plugin);
        action.or_else(|| call.connection.and_then(|name| self.refuses_connection(name))).or_else(|| {
            if call.mailboxes.is_empty() && call.takes_mailbox && self.mailboxes.allow.is_some() {
                let message = format!(
                    "the policy lists which mailboxes may be used, and {} is not told which one",
                    call.action
                );
                return Some(Refusal::denied("mailboxes.allow", message));
            }
            call.mailboxes.iter().find_map(|one| self.refuses_mailbox(&one.mailbox))
        })
    }

    fn refuses_action(&self, action: &str, plugin: Option<&str>) -> Option<Refusal> {
        if let Some((list, why)) = refuses(&self.actions, action) {
            let message = format!("the policy does not allow the action {action}: {why}");
            return Some(Refusal::denied(format!("actions.{list}"), message));
        }
        let plugin = plugin?;
        let (list, why) = refuses(&self.plugins, plugin)?;
        let message = format!("the policy does not allow the plugin {plugin}: {why}");
        Some(Refusal::denied(format!("plugins.{list}"), message))
    }

    fn refuses_connection(&self, name: &str) -> Option<Refusal> {
        let (list, why) = refuses(&self.connections, name)?;
        let message = format!("the policy does not allow the connection {name}: {why}");
        Some(Refusal::denied(format!("connections.{list}"), message))
    }

    fn refuses_mailbox(&self, mailbox: &str) -> Option<Refusal> {
        let (list, why) = refuses(&self.mailboxes, mailbox)?;
        let message = format!("the policy does not allow the mailbox {mailbox}: {why}");
        Some(Refusal::denied(format!("mailboxes.{list}"), message))
    }

    /// Everything a playbook says that this policy will refuse when it comes to it: actions, plugins, connections,
    /// and mailboxes of triggers. All of it at once; what only a run can know (mailboxes of calls, caps) is left
    /// to the run. `plugin_of` tells which plugin brings an action, if one does.
    pub(crate) fn refuses_plan(
        &self,
        plan: &Plan,
        plugin_of: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<Refusal> {
        let mut found = Vec::new();
        self.in_plan(plan, plugin_of, "", &mut found);
        found
    }

    fn in_plan(
        &self,
        plan: &Plan,
        plugin_of: &dyn Fn(&str) -> Option<String>,
        around: &str,
        found: &mut Vec<Refusal>,
    ) {
        found.extend(
            plan.connections.iter().filter_map(|connection| self.refuses_connection(&connection.name)),
        );
        for trigger in &plan.triggers {
            if let TriggerKind::Mailbox { mailbox, .. } = &trigger.kind {
                found.extend(self.refuses_mailbox(&normal_mailbox(mailbox)));
            }
        }
        plan.each_step(&mut |step| match &step.kind {
            StepKind::Call(Call { action, .. }) => {
                let refusal = self.refuses_action(action, plugin_of(action).as_deref());
                found.extend(refusal.map(|refusal| refusal.at(&format!("{around}{}", step.id))));
            }
            StepKind::Playbook(sub) => {
                self.in_plan(&sub.plan, plugin_of, &format!("{around}{}/", step.id), found);
            }
            _ => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(value: Value) -> Policy {
        serde_json::from_value(value).unwrap()
    }

    fn call<'a>(connection: &'a str, mailboxes: &[&str]) -> Touching<'a> {
        Touching {
            action: "mail.delete",
            deletes: true,
            plugin: None,
            connection: Some(connection),
            mailboxes: mailboxes
                .iter()
                .map(|&text| Portion { mailbox: normal_mailbox(text), items: 1 })
                .collect(),
            takes_mailbox: true,
            items: 1,
        }
    }

    #[test]
    fn forbidding_wins_and_an_empty_list_allows_nothing() {
        let mixed = policy(json!({"actions": {"allow": ["mail.*"], "forbid": ["mail.delete"]}}));
        assert_eq!(mixed.refuses(&call("mail", &[])).unwrap().rule, "actions.forbid");
        let none = policy(json!({"connections": {"allow": []}}));
        assert_eq!(none.refuses(&call("mail", &[])).unwrap().rule, "connections.allow");
        assert!(Policy::default().refuses(&call("mail", &["a@b.example"])).is_none());
    }

    #[test]
    fn every_mailbox_has_to_be_allowed_and_one_has_to_be_named() {
        let inside =
            policy(json!({"mailboxes": {"allow": ["@corp.example"], "forbid": ["ceo@corp.example"]}}));
        assert!(inside.refuses(&call("mail", &["A@Corp.example"])).is_none());
        for (mailboxes, rule) in [
            (vec!["a@corp.example", "b@other.example"], "mailboxes.allow"),
            (vec!["CEO@corp.example"], "mailboxes.forbid"),
            (vec![], "mailboxes.allow"),
        ] {
            assert_eq!(inside.refuses(&call("mail", &mailboxes)).unwrap().rule, rule);
        }
    }

    #[test]
    fn what_exchange_takes_for_one_mailbox_counts_as_one() {
        let input = json!({"x-effect-items": true, "items": {"properties": {
            "mailbox": {"type": "string", "x-guard": "mailbox"}
        }}});
        let spec = json!({
            "name": "mail.delete", "summary": "", "input": {"properties": {"items": input}}, "output": {},
            "effect": "containment", "repeat": "natural", "errors": []
        });
        let spec: Spec = serde_json::from_value(spec).unwrap();
        let items: Vec<Value> = ["a@x.example", "A@X.example", "\"a\"@x.example.", "b@x.example"]
            .iter()
            .map(|mailbox| json!({"mailbox": mailbox}))
            .collect();
        let touching = Touching::new(&spec, None, Some("mail"), &json!({ "items": items }));
        let touch = touching.touch();
        assert_eq!((touch.mailbox.as_str(), touch.items), ("a@x.example", 4));
        assert_eq!(touch.portions().collect::<Vec<_>>(), [("a@x.example", 3), ("b@x.example", 1)]);
        let none = Touching::new(&spec, None, Some("mail"), &json!({})).touch();
        assert_eq!(none.portions().collect::<Vec<_>>(), [("mail", 1)]);
    }
}
