//! `portcullis fmt`: playbooks in their canonical form.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use playbook::{FormatError, Source};
use similar::TextDiff;

use crate::exit::{Exit, Wrong};
use crate::output::{self, Style};
use crate::wire::Shared;

/// Write playbooks in their canonical form; comments and texts stay as they are
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Playbooks, folders in which every `playbook.yaml` is formatted, or `-`: from standard input to standard output
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Write nothing; exit code 1 if a file would change
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change
    #[arg(long)]
    diff: bool,
}

/// What became of one file.
struct Formatted {
    before: String,
    after: String,
}

impl Fmt {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        if self.paths.iter().any(|path| path.as_os_str() == "-") {
            return self.filter();
        }
        let (mut changed, mut refused) = (false, false);
        for file in super::check::playbooks(&self.paths)? {
            let name = file.display().to_string();
            let Some(formatted) = canonical(&name, super::run::read_playbook(&file)?) else {
                refused = true;
                continue;
            };
            if formatted.before == formatted.after {
                continue;
            }
            changed = true;
            self.show(&name, &formatted);
            if !self.check && !self.diff {
                replace(&file, &formatted.after)?;
                output::say(&format!("{name}: formatted"));
            }
        }
        Ok(self.exit(changed, refused))
    }

    fn exit(&self, changed: bool, refused: bool) -> Exit {
        match (refused, self.check && changed) {
            (true, _) => Exit::Wrong,
            (false, true) => Exit::Failed,
            (false, false) => Exit::Done,
        }
    }

    /// From standard input to standard output.
    fn filter(&self) -> Result<Exit> {
        if self.paths.len() > 1 {
            return Err(Wrong("`-` is standard input; it stands alone".to_owned()).into());
        }
        let mut bytes = Vec::new();
        let limit = playbook::MAX_BYTES as u64 + 1;
        std::io::stdin().take(limit).read_to_end(&mut bytes).context("could not read standard input")?;
        let name = "standard input";
        let text = match playbook::decode(&bytes) {
            Ok(text) => text.to_owned(),
            Err(problem) => {
                return Err(Wrong(format!("{name}: {} [{}]", problem.message, problem.code)).into());
            }
        };
        let Some(formatted) = canonical(name, text) else { return Ok(Exit::Wrong) };
        let changed = formatted.before != formatted.after;
        if self.check || self.diff {
            if changed {
                self.show(name, &formatted);
            }
        } else {
            output::say_raw(&formatted.after);
        }
        Ok(self.exit(changed, false))
    }

    /// Says that a file would change, and how.
    fn show(&self, name: &str, formatted: &Formatted) {
        if self.diff {
            output::say_raw(&diff(name, formatted, Style::stdout()));
        } else if self.check {
            output::say(&format!("{name}: would be formatted"));
        }
    }
}

/// The canonical form; nothing if there is none, which is said.
fn canonical(name: &str, text: String) -> Option<Formatted> {
    let source = Source::new(name, &text);
    match playbook::format(source) {
        Ok(after) => Some(Formatted { after, before: text }),
        Err(FormatError::Refused(problems)) => {
            crate::diagnose::print(&problems, source, false);
            None
        }
        Err(FormatError::LeftAlone { line, what }) => {
            output::complain(&format!("error: {name}:{line}: {what}\n  the file was not changed"));
            None
        }
    }
}

/// A unified diff. What is in the files cannot move the cursor.
fn diff(name: &str, formatted: &Formatted, style: Style) -> String {
    let text = TextDiff::from_lines(formatted.before.as_str(), formatted.after.as_str())
        .unified_diff()
        .header(name, &format!("{name} (formatted)"))
        .to_string();
    let mut out = String::new();
    for line in text.lines() {
        let shown = output::visible(line);
        out.push_str(&match line.as_bytes().first() {
            Some(b'+') => style.green(&shown),
            Some(b'-') => style.red(&shown),
            _ => shown,
        });
        out.push('\n');
    }
    out
}

/// Replaces a file in one step: whoever reads sees the old text or the new one, and a crash leaves one of them.
///
/// A link stays a link, and the permissions stay what they are.
fn replace(file: &Path, text: &str) -> Result<()> {
    let file = file.canonicalize().with_context(|| format!("could not open {}", file.display()))?;
    let wrong = || format!("could not write {}; it is unchanged", file.display());
    let folder = file.parent().unwrap_or(Path::new("."));
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("playbook.yaml");
    let beside = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = write_beside(&file, &beside, text).and_then(|()| fs::rename(&beside, &file));
    if written.is_err() {
        // Nothing more can be done about a leftover.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(wrong)
}

fn write_beside(file: &Path, beside: &Path, text: &str) -> std::io::Result<()> {
    // Never through something that stands there already, such as a link.
    let mut new = fs::OpenOptions::new().write(true).create_new(true).open(beside)?;
    new.set_permissions(fs::metadata(file)?.permissions())?;
    new.write_all(text.as_bytes())?;
    new.sync_all()
}
