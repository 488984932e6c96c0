//! `portcullis explain`: what a code of the checker means.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Wrong};
use crate::output::{self, Style};
use crate::wire::Shared;

/// Say what a code of the checker means, with an example that is wrong and one that is right
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A code such as `P0301`; without one, all of them are listed
    #[arg(conflicts_with = "markdown")]
    code: Option<String>,
    /// Print every page as Markdown
    #[arg(long)]
    markdown: bool,
    /// Print one JSON object instead of text
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
}

impl Explain {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        match &self.code {
            Some(code) => {
                let page = playbook::explain(code).ok_or_else(|| unknown(code))?;
                if self.json {
                    output::say_json(&json!({
                        "code": page.code, "title": page.title, "what": page.what, "why": page.why,
                        "wrong": page.wrong.text, "right": page.right.text, "files": page.right.files,
                    }));
                } else {
                    output::say_raw(&page.to_text());
                }
            }
            None if self.markdown => output::say_raw(&markdown()),
            None if self.json => {
                let codes: Vec<_> = playbook::families()
                    .into_iter()
                    .flat_map(|(family, about, codes)| {
                        codes.into_iter().map(move |code| {
                            json!({"code": code.code, "title": code.title, "family": family, "about": about})
                        })
                    })
                    .collect();
                output::say_json(&json!({ "codes": codes }));
            }
            None => list(Style::stdout()),
        }
        Ok(Exit::Done)
    }
}

fn unknown(code: &str) -> Wrong {
    Wrong(format!("there is no code `{}`; `portcullis explain` lists them", output::line(code)))
}

fn list(style: Style) {
    for (family, about, codes) in playbook::families() {
        output::say(&style.bold(&format!("{family}xx  {about}")));
        for code in codes {
            output::say(&format!("  {}  {}", code.code, code.title));
        }
        output::say("");
    }
    output::say("`portcullis explain CODE` says what a code means and shows an example");
}

fn markdown() -> String {
    let mut out = String::new();
    for (family, about, codes) in playbook::families() {
        out.push_str(&format!("\n## {family}xx: {about}\n"));
        for code in codes {
            let page = playbook::explain(code.code);
            let page = page.map_or(format!("{}\n", code.explanation), |page| page.to_markdown());
            out.push_str(&format!("\n### {}: {}\n\n{page}", code.code, code.title));
        }
    }
    out.trim_start().to_owned()
}
