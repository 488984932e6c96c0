//! How much may be changed: what is counted, and up to where.

use std::collections::BTreeMap;
use std::fmt;

use action_api::Spec;
use plan::Effect;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pattern::{ActionPattern, Pattern};
use super::{DELETES_PER_MAILBOX, DELETES_PER_RUN, Policy};

/// Which effects a cap counts together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// What is gone afterwards: the actions whose input schema says `x-deletes`.
    Deletes,
    /// Every effect of this class.
    Containment,
    /// Every effect of this class.
    Notification,
    /// Every effect of this class.
    Internal,
    /// Every effect.
    Effects,
    /// The effects of these actions.
    Action(ActionPattern),
}

impl Scope {
    /// Whether it counts an effect of this action.
    pub(crate) fn counts(&self, action: &str, effect: Effect, deletes: bool) -> bool {
        match self {
            Scope::Deletes => deletes,
            Scope::Containment => effect == Effect::Containment,
            Scope::Notification => effect == Effect::Notification,
            Scope::Internal => effect == Effect::Internal,
            Scope::Effects => true,
            Scope::Action(pattern) => pattern.means(action),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "deletes" => Scope::Deletes,
            "containment" => Scope::Containment,
            "notification" => Scope::Notification,
            "internal" => Scope::Internal,
            "effects" => Scope::Effects,
            _ => Scope::Action(ActionPattern::try_from(text).map_err(|problem| {
                format!(
                    "{problem}; or one of `deletes`, `containment`, `notification`, `internal`, `effects`"
                )
            })?),
        })
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Deletes => f.pad("deletes"),
            Scope::Containment => f.pad("containment"),
            Scope::Notification => f.pad("notification"),
            Scope::Internal => f.pad("internal"),
            Scope::Effects => f.pad("effects"),
            Scope::Action(pattern) => pattern.fmt(f),
        }
    }
}

/// Up to how many items. What is left out is not capped, but for deletes, which have defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Caps {
    /// By one step of a run, all rounds of its loops together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_step: Option<Cap>,
    /// By one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_run: Option<Cap>,
    /// In one mailbox, by one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_mailbox: Option<Cap>,
    /// In one mailbox, by all runs of the last hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_mailbox_and_hour: Option<Cap>,
    /// By all runs of the last hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<Cap>,
}

/// A number of items, or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// So many and no more; 0 for none at all.
    AtMost(u64),
    /// Any number, where a default would apply otherwise.
    Unlimited,
}

impl Cap {
    pub(crate) fn most(cap: Option<Cap>) -> Option<u64> {
        match cap {
            Some(Cap::AtMost(most)) => Some(most),
            Some(Cap::Unlimited) | None => None,
        }
    }
}

impl Serialize for Cap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cap::AtMost(most) => serializer.serialize_u64(*most),
            Cap::Unlimited => serializer.serialize_str("unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for Cap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl Visitor<'_> for Seen {
            type Value = Cap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of items such as 100, or `unlimited`")
            }

            fn visit_u64<E: de::Error>(self, most: u64) -> Result<Cap, E> {
                Ok(Cap::AtMost(most))
            }

            fn visit_i64<E: de::Error>(self, most: i64) -> Result<Cap, E> {
                u64::try_from(most)
                    .map(Cap::AtMost)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(most), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Cap, E> {
                if text == "unlimited" {
                    Ok(Cap::Unlimited)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl Policy {
    /// The caps in force: those that were configured, and the defaults for deletes.
    pub fn caps_in_force(&self) -> BTreeMap<Scope, Caps> {
        let mut caps = self.caps.clone();
        let deletes = caps.entry(Scope::Deletes).or_default();
        deletes.per_mailbox.get_or_insert(Cap::AtMost(DELETES_PER_MAILBOX));
        deletes.per_run.get_or_insert(Cap::AtMost(DELETES_PER_RUN));
        caps
    }

    /// The caps that count the effects of an action: the rule as it stands in the policy, and how many items.
    pub fn caps_on(&self, spec: &Spec) -> Vec<(String, u64)> {
        let fits =
            |scope: &Scope| spec.effect.changes() && scope.counts(&spec.name, spec.effect, spec.deletes());
        let caps = self.caps_in_force().into_iter().filter(|(scope, _)| fits(scope));
        caps.flat_map(|(scope, caps)| {
            let kinds = [
                ("per_step", caps.per_step),
                ("per_mailbox", caps.per_mailbox),
                ("per_run", caps.per_run),
                ("per_mailbox_and_hour", caps.per_mailbox_and_hour),
                ("per_hour", caps.per_hour),
            ];
            kinds.map(|(which, cap)| Cap::most(cap).map(|most| (format!("caps.{scope}.{which}"), most)))
        })
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deletes_have_defaults_that_are_raised_one_by_one() {
        let policy: Policy = serde_json::from_value(json!({"caps": {"deletes": {"per_run": 500}}})).unwrap();
        let deletes = policy.caps_in_force()[&Scope::Deletes];
        assert_eq!((deletes.per_mailbox, deletes.per_run), (Some(Cap::AtMost(10)), Some(Cap::AtMost(500))));
        let policy: Policy =
            serde_json::from_value(json!({"caps": {"deletes": {"per_mailbox": "unlimited"}}})).unwrap();
        let deletes = policy.caps_in_force()[&Scope::Deletes];
        assert_eq!((Cap::most(deletes.per_mailbox), Cap::most(deletes.per_run)), (None, Some(100)));
        assert_eq!(serde_json::from_value::<Policy>(serde_json::to_value(&policy).unwrap()).unwrap(), policy);
    }

    #[test]
    fn what_is_misspelt_is_refused_with_what_was_expected() {
        let problem = |value| serde_json::from_value::<Policy>(value).unwrap_err().to_string();
        assert!(problem(json!({"caps": {"delets": {}}})).contains("one of `deletes`"));
        assert!(problem(json!({"caps": {"deletes": {"per_day": 1}}})).contains("per_mailbox_and_hour"));
        assert!(problem(json!({"caps": {"deletes": {"per_run": -1}}})).contains("a number of items"));
        assert!(problem(json!({"caps": {"deletes": {"per_run": "none"}}})).contains("`unlimited`"));
        assert!(problem(json!({"action": {}})).contains("unknown field"));
        assert!(problem(json!({"actions": {"allowed": []}})).contains("unknown field"));
        assert!(problem(json!({"four_eyes": {}})).contains("above"));
    }
}
