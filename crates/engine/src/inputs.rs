//! Inputs: defaults filled in, and everything that is wrong with them at once.

use std::collections::BTreeMap;
use std::fmt;

use action_api::Validator;
use plan::Plan;
use serde_json::Value;

/// Something wrong with the inputs of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProblem {
    /// The input.
    pub name: String,
    /// What is wrong; never holds the value.
    pub message: String,
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input `{}` {}", self.name, self.message)
    }
}

/// Every declared input with its value.
pub(crate) fn complete(
    plan: &Plan,
    mut given: BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Vec<InputProblem>> {
    let (mut complete, mut problems) = (BTreeMap::new(), Vec::new());
    for input in &plan.inputs {
        let mut problem = |message: String| problems.push(InputProblem { name: input.name.clone(), message });
        let Some(value) = given.remove(&input.name).or_else(|| input.default.clone()) else {
            problem("is required".to_owned());
            continue;
        };
        match Validator::new(&input.schema) {
            Ok(validator) => {
                for violation in validator.violations(&value) {
                    let at = if violation.pointer.is_empty() {
                        String::new()
                    } else {
                        format!("at {}: ", violation.pointer)
                    };
                    problem(format!("does not fit: {at}{}", violation.message));
                }
            }
            Err(error) => problem(format!("has a schema that cannot be used: {error}")),
        }
        complete.insert(input.name.clone(), value);
    }
    let known: Vec<&str> = plan.inputs.iter().map(|input| input.name.as_str()).collect();
    for name in given.into_keys() {
        let message = format!("is not declared; declared are: {}", known.join(", "));
        problems.push(InputProblem { name, message });
    }
    if problems.is_empty() { Ok(complete) } else { Err(problems) }
}
