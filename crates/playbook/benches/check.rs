//! Check and plan of 500 steps, beside the bare YAML parse of the same text.
#![allow(clippy::unwrap_used, missing_docs, reason = "benchmark code")]

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

use action_api::Spec;
use criterion::{Criterion, criterion_group, criterion_main};
use playbook::{Actions, Source};
use portcullis_playbook as playbook;

struct Fixed(Vec<Arc<Spec>>);

impl Actions for Fixed {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.0.iter().find(|s| s.name == name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|s| s.name.clone()).collect()
    }
}

/// Groups of five: a search, a `set` over it, a loop with a call, and an answer.
fn playbook() -> String {
    let mut text = String::from(
        "playbook: 1\nid: large\nconnections: { mail: { kind: exchange } }\ninputs:\n  box: { type: string }\npolicy: { max_effects: { mail.delete: 2000 } }\nsteps:\n  - id: ask\n    approve: { message: All of it? }\n",
    );
    for n in 0..99 {
        let _ = write!(
            text,
            r#"  - id: find_{n}
    uses: mail.search
    with:
      mailbox: ${{{{ inputs.box }}}}
      query: {{ subject: "Invoice {n}", has_attachments: true }}
      limit: 20
  - id: pick_{n}
    set:
      newest: ${{{{ steps.find_{n}.output.messages.filter(m, m.size > 1000 && !m.has_attachments) }}}}
      count: ${{{{ size(self.newest) }}}}
  - id: clean_{n}
    if: ${{{{ steps.pick_{n}.output.count > 0 }}}}
    foreach: ${{{{ steps.pick_{n}.output.newest }}}}
    as: copy
    limit: 20
    do:
      - id: delete_{n}
        uses: mail.delete
        with: {{ mailbox: "${{{{ copy.mailbox }}}}", id: "${{{{ copy.id }}}}" }}
  - id: tell_{n}
    uses: mail.send
    with:
      to: [soc@corp.example]
      subject: Round {n}
      body: Found ${{{{ steps.pick_{n}.output.count }}}} of ${{{{ steps.find_{n}.output.total }}}} copies.
"#
        );
    }
    text
}

fn check(c: &mut Criterion) {
    let text = playbook();
    let specs: Vec<Spec> = serde_json::from_str(include_str!("../tests/ui/catalogue.json")).unwrap();
    let actions = Fixed(specs.into_iter().map(Arc::new).collect());
    let source = Source::new("large.yaml", &text);
    let checked = playbook::check(source, &actions);
    // A warning needs places, and finding those is measured by itself below.
    assert!(
        checked.plan.is_some() && checked.diagnostics.is_empty(),
        "{}",
        playbook::render(&checked.diagnostics, source, playbook::Style::Plain)
    );
    let broken = text.replace("find_50.output.total", "find_50.output.totl");
    let mut group = c.benchmark_group("496 steps");
    group.bench_function("bare YAML parse", |b| {
        b.iter(|| serde_yaml::from_str::<serde_yaml::Value>(black_box(&text)).unwrap());
    });
    group.bench_function("check and plan", |b| {
        b.iter(|| playbook::check(black_box(source), &actions).plan.unwrap())
    });
    group.bench_function("check with one problem to place", |b| {
        b.iter(|| playbook::check(black_box(Source::new(source.name, &broken)), &actions).diagnostics);
    });
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
