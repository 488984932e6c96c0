//! What is said to approvals and forms.
//!
//! Which of the two a step is only the playbook knows, so a file's answers are read in two goes: words are
//! checked with the text, values when a step asks.

use engine::Decision;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What is said to one step, in order: an approval with a quorum takes several.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers(Vec<Value>);

/// One thing that is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A decision.
    Decision {
        /// Which.
        decision: Decision,
        /// By whom.
        by: Person,
    },
    /// A form filled in.
    Values {
        /// What was filled in.
        values: Value,
        /// By whom.
        by: Person,
    },
    /// Nothing, and no time passes: the case is judged as it waits there.
    Nothing,
    /// Nothing, until time is up.
    TimePasses,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name; if the file does not say, `person 1`, `person 2` and so on by the place in the list.
    pub name: Option<String>,
    /// The roles; if the file does not say, all that are asked for.
    pub roles: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for Answers {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let answers = match Value::deserialize(from)? {
            Value::Array(answers) => answers,
            single => vec![single],
        };
        for answer in &answers {
            let known = match answer {
                Value::String(word) => word_of(word).is_some(),
                Value::Object(_) => true,
                _ => false,
            };
            if !known {
                return Err(serde::de::Error::custom(format!(
                    "`{answer}` is no answer: write approved, rejected, none (nobody answers), timeout (time \
                     passes), {{decision, by, roles}}, or the values of a form"
                )));
            }
        }
        if answers.is_empty() {
            return Err(serde::de::Error::custom("an empty list says nothing: write none"));
        }
        Ok(Answers(answers))
    }
}

impl Answers {
    /// Everything that is said to an approval, in order.
    ///
    /// # Errors
    /// What is there is no decision.
    pub fn decisions(&self) -> Result<Vec<Said>, String> {
        self.0.iter().map(decision).collect()
    }

    /// Everything that is said to a form, in order.
    ///
    /// # Errors
    /// What is there cannot be filled into a form.
    pub fn values(&self) -> Result<Vec<Said>, String> {
        self.0.iter().map(values).collect()
    }
}

fn word_of(word: &str) -> Option<Said> {
    let decided = |decision| Said::Decision { decision, by: somebody() };
    Some(match word {
        "approved" => decided(Decision::Approved),
        "rejected" => decided(Decision::Rejected),
        "none" => Said::Nothing,
        "timeout" => Said::TimePasses,
        _ => return None,
    })
}

fn somebody() -> Person {
    Person { name: None, roles: None }
}

fn decision(answer: &Value) -> Result<Said, String> {
    let Value::Object(fields) = answer else {
        return answer.as_str().and_then(word_of).ok_or_else(|| format!("`{answer}` is no decision"));
    };
    for key in fields.keys() {
        if !matches!(key.as_str(), "decision" | "by" | "roles") {
            return Err(format!("an answer to an approval has no `{key}`; it has decision, by and roles"));
        }
    }
    match fields.get("decision").and_then(Value::as_str).and_then(word_of) {
        Some(Said::Decision { decision, .. }) => Ok(Said::Decision { decision, by: person(fields)? }),
        _ => Err("an answer to an approval needs `decision: approved` or `decision: rejected`".to_owned()),
    }
}

fn values(answer: &Value) -> Result<Said, String> {
    let fields = match answer {
        Value::Object(fields) => fields,
        other => {
            return match other.as_str().and_then(word_of) {
                Some(said @ (Said::Nothing | Said::TimePasses)) => Ok(said),
                _ => Err(format!("`{other}` cannot be filled into a form; give its values by name")),
            };
        }
    };
    let by_somebody = fields.keys().all(|key| matches!(key.as_str(), "values" | "by" | "roles"));
    match fields.get("values") {
        Some(inner @ Value::Object(_)) if by_somebody => {
            Ok(Said::Values { values: inner.clone(), by: person(fields)? })
        }
        _ => Ok(Said::Values { values: answer.clone(), by: somebody() }),
    }
}

fn person(fields: &Map<String, Value>) -> Result<Person, String> {
    let name = match fields.get("by") {
        None => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(other) => return Err(format!("`by: {other}`: a name is a text")),
    };
    let text = |role: &Value| role.as_str().map(str::to_owned);
    let roles = match fields.get("roles") {
        None => None,
        Some(Value::Array(roles)) => {
            Some(roles.iter().map(text).collect::<Option<Vec<_>>>().ok_or("a role is a text")?)
        }
        Some(_) => return Err("`roles` is a list of names".to_owned()),
    };
    Ok(Person { name, roles })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Answers {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_decision_is_a_word_or_says_by_whom() {
        assert_eq!(read(json!("none")).decisions(), Ok(vec![Said::Nothing]));
        let list = read(json!([{"decision": "approved", "by": "ana", "roles": ["lead"]}, "rejected"]));
        let ana = Person { name: Some("ana".to_owned()), roles: Some(vec!["lead".to_owned()]) };
        assert_eq!(
            list.decisions().unwrap(),
            [
                Said::Decision { decision: Decision::Approved, by: ana },
                Said::Decision { decision: Decision::Rejected, by: somebody() },
            ]
        );
        for wrong in
            [json!({"decision": "maybe"}), json!({"desicion": "approved"}), json!({"decision": "none"})]
        {
            assert!(read(wrong.clone()).decisions().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_form_takes_its_values_and_perhaps_who_gave_them() {
        let plain = json!({"verdict": "bad", "by": "nobody in particular"});
        assert_eq!(read(plain.clone()).values().unwrap(), [Said::Values { values: plain, by: somebody() }]);
        let named = read(json!({"values": {"verdict": "bad"}, "by": "ana"})).values().unwrap();
        let Some(Said::Values { values, by }) = named.first() else { panic!("{named:?}") };
        assert_eq!((values, by.name.as_deref()), (&json!({"verdict": "bad"}), Some("ana")));
        assert!(read(json!("approved")).values().is_err());
        assert_eq!(read(json!("timeout")).values(), Ok(vec![Said::TimePasses]));
    }
}
