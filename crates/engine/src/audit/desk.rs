//! Turns what happens in a run into entries, and hands them out once a turn.

use std::collections::HashMap;

use interpreter::Perform;
use journal::{Event as Happened, Header, OpId, Record, RunId, Timestamp, Touch};
use plan::{Digest, FailureKind, Plan};

use super::{Begun, Entry, Outcome, What};
use crate::driver::Driver;
use crate::policy::{Counted, Refusal};
use crate::{Engine, EngineError, Mode};

/// What a run has to say and has not said yet.
#[derive(Default)]
pub(crate) struct Desk {
    pending: Vec<(Timestamp, What)>,
    /// Effects that have begun and not ended, with their attempt.
    begun: HashMap<OpId, u32>,
}

impl Desk {
    /// An effect is about to begin.
    pub(crate) fn begins(&mut self, call: &Perform, touch: &Touch, input: Digest, now: Timestamp) {
        self.begun.insert(call.op, call.attempt);
        let begun = Begun {
            op: call.op,
            attempt: call.attempt,
            again: call.in_doubt,
            path: call.path.clone(),
            action: call.action.clone(),
            connection: call.connection.clone(),
            mailbox: touch.mailbox.clone(),
            items: touch.items,
            mailboxes: touch.each.clone(),
            input,
            approved_by: call.approved_by.clone(),
            accept_untrusted: call.accept_untrusted.clone(),
        };
        self.pending.push((now, What::EffectBegun(begun)));
    }

    /// The policy refused a call.
    pub(crate) fn refused(
        &mut self,
        call: &Perform,
        refusal: &Refusal,
        counted: &Counted<'_>,
        now: Timestamp,
    ) {
        let what = What::Refused {
            op: call.op,
            path: call.path.clone(),
            action: call.action.clone(),
            connection: call.connection.clone(),
            mailbox: counted.touch.mailbox.clone(),
            items: counted.touch.items,
            mailboxes: counted.touch.each.clone(),
            rule: refusal.rule.clone(),
        };
        self.pending.push((now, what));
    }

    /// What a record means for the log, besides what was noted when the call was admitted.
    pub(crate) fn saw(&mut self, record: &Record) {
        let ended = |begun: &mut HashMap<OpId, u32>, op: &OpId, failure: Option<FailureKind>| {
            let attempt = begun.remove(op)?;
            let outcome = match failure {
                None => Outcome::Ok,
                Some(FailureKind::Unknown) => Outcome::Unknown,
                Some(_) => Outcome::Failed,
            };
            Some(What::EffectEnded { op: *op, attempt, outcome, failure })
        };
        let what = match &record.event {
            Happened::Performed { op, .. } => ended(&mut self.begun, op, None),
            Happened::AttemptFailed { op, failure, .. } => ended(&mut self.begun, op, Some(failure.kind)),
            Happened::Decided { op, decision, by, digest, in_advance } => Some(What::Decided {
                op: *op,
                decision: *decision,
                by: by.clone(),
                digest: digest.clone(),
                in_advance: *in_advance,
            }),
            Happened::Answered { op, answer, by } => {
                Some(What::Answered { op: *op, by: by.clone(), digest: interpreter::digest_of(answer) })
            }
            Happened::Signalled { name, payload } => {
                Some(What::Signalled { name: name.clone(), digest: interpreter::digest_of(payload) })
            }
            Happened::CancelRequested { by } => Some(What::CancelRequested { by: by.clone() }),
            Happened::Paused { by } => Some(What::Paused { by: by.clone() }),
            Happened::Continued { by } => Some(What::Continued { by: by.clone() }),
            Happened::Stepped { by } => Some(What::Stepped { by: by.clone() }),
            Happened::Adopted { by, .. } => Some(What::Adopted { by: by.clone() }),
            Happened::Ended { status, .. } => Some(What::RunEnded { status: *status }),
            _ => None,
        };
        self.pending.extend(what.map(|what| (record.at, what)));
    }

    /// A new run: its beginning comes first.
    fn starts(&mut self, header: &Header, records: &[Record]) {
        let by = records.iter().find_map(|record| match &record.event {
            Happened::Started { starter, .. } => Some(starter.clone()),
            _ => None,
        });
        let started = What::RunStarted {
            by: by.unwrap_or_default(),
            playbook: header.playbook.clone(),
            digest: header.digest,
            origin: header.origin.clone(),
        };
        self.pending.insert(0, (header.created, started));
    }

    fn take(&mut self, run: &RunId) -> Vec<Entry> {
        std::mem::take(&mut self.pending)
            .into_iter()
            .map(|(at, what)| Entry { at, run: run.clone(), what })
            .collect()
    }
}

impl Driver {
    /// Writes down what this turn has to say, before the journal says it. If that fails, what has happened already
    /// is still journaled, so that nothing is done twice; what has not begun does not begin.
    pub(crate) async fn audited(
        &mut self,
        header: Option<&Header>,
        records: &[Record],
    ) -> Result<(), EngineError> {
        if let Some(header) = header {
            self.account.desk.starts(header, records);
        }
        let entries = self.account.desk.take(&self.run);
        if entries.is_empty() || self.mode == Mode::DryRun {
            return Ok(());
        }
        let Err(error) = self.inner.guard.audit.append(entries).await else { return Ok(()) };
        if header.is_none() {
            let past: Vec<Record> =
                records.iter().take_while(|record| is_past(&record.event)).cloned().collect();
            if !past.is_empty() {
                self.inner.journal.append(&self.run, past).await?;
            }
        }
        Err(EngineError::Audit { run: self.run.clone(), source: error })
    }
}

/// What is said of a run that the policy does not let begin, under the name it would have had.
pub(crate) fn not_started(engine: &Engine, plan: &Plan, by: &str, refusals: &[Refusal]) -> Entry {
    let at = engine.inner.clock.now();
    let mut rules: Vec<String> = refusals.iter().map(|refusal| refusal.rule.clone()).collect();
    rules.sort();
    rules.dedup();
    let (by, playbook) = (by.to_owned(), plan.id.clone());
    let what = What::StartRefused { by, playbook, digest: plan.digest, rules };
    Entry { at, run: engine.run_id(at), what }
}

/// What has happened outside whether it is written down or not.
fn is_past(event: &Happened) -> bool {
    matches!(event, Happened::Performed { .. } | Happened::AttemptFailed { .. } | Happened::Woken { .. })
}
