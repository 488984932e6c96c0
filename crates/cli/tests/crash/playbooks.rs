//! The shipped playbooks, each with its sample inputs and with what people say where they are asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// One shipped playbook.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shipped {
    pub(crate) name: &'static str,
    /// Inputs in place of those of the sample.
    inputs: &'static str,
}

/// All of them.
pub(crate) const ALL: [Shipped; 6] = [
    // Few enough mails for two leads to be asked.
    Shipped { name: "bulk-purge", inputs: "four_eyes_above: 3" },
    Shipped { name: "compromised-mailbox", inputs: "" },
    Shipped { name: "malicious-attachment-sweep", inputs: "" },
    Shipped { name: "phishing-triage", inputs: "" },
    Shipped { name: "report-mailbox-autoreply", inputs: "" },
    Shipped { name: "vip-impersonation", inputs: "" },
];

/// Who answers, and what they may answer for.
pub(crate) const PEOPLE: [(&str, &[&str]); 2] = [
    ("lea", &["soc-lead", "soc-analyst", "soc-manager"]),
    ("max", &["soc-lead", "soc-analyst", "soc-manager"]),
];

impl Shipped {
    /// By its name.
    pub(crate) fn named(name: &str) -> Self {
        *ALL.iter().find(|shipped| shipped.name == name).unwrap()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows").join(self.name).canonicalize().unwrap()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("playbook.yaml")
    }

    /// The sample inputs.
    pub(crate) fn inputs(&self) -> BTreeMap<String, Value> {
        let sample = std::fs::read_to_string(self.folder().join("sample-inputs.yaml")).unwrap_or_default();
        let mut inputs = BTreeMap::new();
        for text in [sample.as_str(), self.inputs] {
            let given: Option<BTreeMap<String, Value>> = serde_yaml::from_str(text).unwrap();
            inputs.extend(given.unwrap_or_default());
        }
        inputs
    }

    /// What the trigger brings.
    pub(crate) fn trigger(&self) -> Value {
        let sample = std::fs::read_to_string(self.folder().join("sample-trigger.json"));
        sample.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    /// What somebody fills in.
    pub(crate) fn answer(&self) -> Value {
        json!({ "verdict": "compromised", "note": "Two customers called." })
    }
}
