//! `portcullis test`: run the test cases of playbooks against the simulator.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use playbook::Source;
use serde_json::{Value, json};

use crate::cases::{Case, CaseFile, play};
use crate::exit::{Exit, Wrong};
use crate::files::Folder;
use crate::output::{self, Style};
use crate::wire::{self, Shared};

/// Run the test cases of playbooks
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Playbooks, or folders in which every `playbook.yaml` is tested by the files in `cases/` beside it
    #[arg(default_value = "workflows")]
    paths: Vec<PathBuf>,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

/// A playbook with its cases.
struct Suite {
    playbook: PathBuf,
    text: String,
    files: Vec<(PathBuf, CaseFile)>,
}

/// How one case ended.
struct Outcome {
    passed: bool,
    text: String,
    json: Value,
}

impl Test {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let Some(suites) = self.suites()? else { return Ok(Exit::Wrong) };
        let (mut passed, mut failed) = (0_usize, 0_usize);
        let mut reports = Vec::new();
        for suite in &suites {
            for (file, cases) in &suite.files {
                for case in &cases.cases {
                    let outcome = suite.outcome(shared, file, case).await;
                    if outcome.passed {
                        passed += 1
                    } else {
                        failed += 1
                    }
                    if !self.json {
                        output::say_raw(&outcome.text);
                    }
                    reports.push(outcome.json);
                }
            }
        }
        if self.json {
            output::say_json(&json!({"passed": passed, "failed": failed, "cases": reports}));
        } else {
            output::say(&format!("\n{passed} passed, {failed} failed"));
        }
        Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
    }

    /// Everything there is to be run; nothing if a playbook has errors, which are printed.
    fn suites(&self) -> Result<Option<Vec<Suite>>> {
        let catalogue = wire::catalogue()?;
        let mut suites = Vec::new();
        let mut sound = true;
        for playbook in super::check::playbooks(&self.paths)? {
            let name = playbook.display().to_string();
            let text = super::run::read_playbook(&playbook)?;
            let near = Folder::of(&playbook);
            let source = Source::new(&name, &text).among(&near);
            let checked = catalogue.check(source);
            if checked.has_errors() {
                sound = false;
                crate::diagnose::print(&checked.diagnostics, source, self.json);
            }
            let mut files = Vec::new();
            for file in CaseFile::beside(&playbook)? {
                let cases = CaseFile::read(&file)?;
                if let Some(case) = cases.cases.iter().find(|case| !case.mail_beside(&playbook).is_dir()) {
                    let (name, folder) = (&case.name, case.mail.display());
                    let message = format!(
                        "`{name}` takes its mail from {folder}, which is no folder beside the playbook"
                    );
                    return Err(Wrong(format!("the cases {} are wrong: {message}", file.display())).into());
                }
                files.push((file, cases));
            }
            suites.push(Suite { playbook, text, files });
        }
        if suites.iter().all(|suite| suite.files.is_empty()) {
            let message = "there are no cases to run: they belong into `cases/*.yaml` beside the playbook";
            return Err(Wrong(message.to_owned()).into());
        }
        Ok(sound.then_some(suites))
    }
}

impl Suite {
    async fn outcome(&self, shared: &Shared, file: &Path, case: &Case) -> Outcome {
        let style = Style::stdout();
        let begun = Instant::now();
        let (error, verdicts) = match play(shared, &self.playbook, &self.text, case).await {
            Ok(witness) => (None, witness.judge(&case.expect)),
            Err(error) => (Some(format!("{error:#}")), Vec::new()),
        };
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let passed = error.is_none() && verdicts.is_empty();
        let mark = if passed { "passed" } else { "FAILED" };
        let mut text = format!("{mark}  {}: {}\n", self.playbook.display(), output::line(&case.name));
        if let Some(error) = &error {
            text.push_str(&format!("    {}\n", error.replace('\n', "\n    ")));
        }
        verdicts.iter().for_each(|verdict| text.push_str(&verdict.to_text()));
        let text = output::visible(&text);
        let json = json!({
            "playbook": self.playbook, "file": file, "name": case.name,
            "status": if passed { "passed" } else { "failed" }, "duration_ms": millis, "error": error,
            "failures": verdicts.iter().map(crate::cases::Verdict::to_json).collect::<Vec<_>>(),
        });
        let colour = if passed { style.green(mark) } else { style.red(mark) };
        Outcome { passed, text: text.replacen(mark, &colour, 1), json }
    }
}
