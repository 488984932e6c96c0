//! What a mailbox has beside mail: rules, automatic replies, the directory.

use super::{ALICE, BOB, Fixture, Verdict, ensure, failed, mailbox, port, same};
use crate::port::Rules;
use crate::rule::{Clause, Rule, RuleChange};
use crate::{Error, ErrorKind, Mailbox, OofAudience, OofState, OutOfOffice};

fn clause(name: &str, values: &[&str]) -> Clause {
    Clause { name: name.to_owned(), values: values.iter().map(|&value| value.to_owned()).collect() }
}

/// A rule with values of every kind.
fn rule(name: &str) -> Rule {
    Rule {
        id: String::new(),
        name: name.to_owned(),
        priority: 7,
        enabled: true,
        in_error: false,
        complete: true,
        conditions: vec![
            clause("contains_subject_strings", &["invoice & <co>", "payment"]),
            clause("from_addresses", &["cfo@corp.example"]),
            clause("has_attachments", &["true"]),
            clause("importance", &["High"]),
            clause("within_date_range", &["2026-01-01T00:00:00Z", ""]),
            clause("within_size_range", &["1", "1000"]),
        ],
        exceptions: vec![clause("sent_only_to_me", &["true"])],
        actions: vec![
            clause("delete", &["true"]),
            clause("forward_to_recipients", &["eve@evil.example", "mallory@evil.example"]),
            clause("move_to_folder", &["junkemail"]),
            clause("stop_processing_rules", &["true"]),
        ],
    }
}

async fn called(rules: &dyn Rules, whose: &Mailbox, name: &str) -> Verdict<Option<Rule>> {
    let all = rules.rules(whose).await.map_err(failed("listing rules"))?;
    Ok(all.rules.into_iter().find(|rule| rule.name == name))
}

/// A rule comes back as it was made, can be switched off and on, and taken away; other mailboxes see nothing.
pub(super) async fn rules(fixture: &Fixture) -> Verdict {
    let rules = port("rules", &fixture.ports.rules)?;
    let (alice, bob) = (mailbox(ALICE)?, mailbox(BOB)?);
    let wanted = rule("Conformance \"1\" & <2>");
    let change = |change: RuleChange| {
        let whose = alice.clone();
        async move { rules.change_rules(&whose, &change, true).await.map_err(failed("changing rules")) }
    };
    change(RuleChange::Create(wanted.clone())).await?;
    let made = called(rules, &alice, &wanted.name).await?.ok_or("the new rule is not listed")?;
    ensure(!made.id.is_empty(), || String::from("the new rule has no id"))?;
    same("the rule that was made", &Rule { id: String::new(), ..made.clone() }, &wanted)?;
    same("the rule in another mailbox", &called(rules, &bob, &wanted.name).await?, &None)?;
    for enabled in [false, true] {
        let set = Rule { enabled, ..made.clone() };
        change(RuleChange::Set(set.clone())).await?;
        same("the rule that was set", &called(rules, &alice, &wanted.name).await?, &Some(set))?;
    }
    change(RuleChange::Remove(made.id.clone())).await?;
    same("the rule that was removed", &called(rules, &alice, &wanted.name).await?, &None)?;
    for gone in [RuleChange::Remove(made.id.clone()), RuleChange::Set(made.clone())] {
        match rules.change_rules(&alice, &gone, true).await {
            Err(Error { kind: ErrorKind::NotFound, .. }) => {}
            other => return Err(format!("a change of a rule that is gone: {other:?}, not NotFound")),
        }
    }
    for bad in [
        Rule { actions: Vec::new(), ..wanted.clone() },
        Rule { actions: vec![clause("burn", &["true"])], ..wanted.clone() },
        Rule { conditions: vec![clause("has_attachments", &["perhaps"])], ..wanted },
    ] {
        match rules.change_rules(&alice, &RuleChange::Create(bad), true).await {
            Err(Error { kind: ErrorKind::Invalid, .. }) => {}
            other => return Err(format!("a rule that makes no sense: {other:?}, not Invalid")),
        }
    }
    Ok(())
}

/// What was set is what is read, whatever its text.
pub(super) async fn out_of_office(fixture: &Fixture) -> Verdict {
    let replies = port("automatic_replies", &fixture.ports.automatic_replies)?;
    let (alice, bob) = (mailbox(ALICE)?, mailbox(BOB)?);
    let read = |whose| async move { replies.out_of_office(whose).await.map_err(failed("reading replies")) };
    let (before, others) = (read(&alice).await?, read(&bob).await?);
    let time = |text: &str| text.parse().map_err(|_| format!("{text} is no time"));
    let wanted = OutOfOffice {
        state: OofState::Scheduled,
        audience: OofAudience::Known,
        duration: Some((time("2026-12-24T08:00:00Z")?, time("2026-12-27T08:00:00Z")?)),
        internal_reply: "<p>Away & <b>back</b> soon</p>\r\n]]>".to_owned(),
        external_reply: "Grüße".to_owned(),
    };
    replies.set_out_of_office(&alice, &wanted).await.map_err(failed("setting replies"))?;
    same("what was set", &read(&alice).await?, &wanted)?;
    same("the replies of another mailbox", &read(&bob).await?, &others)?;
    let endless = OutOfOffice { duration: None, ..wanted.clone() };
    let backwards = OutOfOffice { duration: wanted.duration.map(|(start, end)| (end, start)), ..wanted };
    for bad in [endless, backwards] {
        match replies.set_out_of_office(&alice, &bad).await {
            Err(Error { kind: ErrorKind::Invalid, .. }) => {}
            other => return Err(format!("replies without a usable time: {other:?}, not Invalid")),
        }
    }
    replies.set_out_of_office(&alice, &before).await.map_err(failed("setting replies back"))?;
    same("what was set back", &read(&alice).await?.state, &before.state)
}

/// An address resolves to itself, nobody to nothing, and a blank name is no question.
pub(super) async fn directory(fixture: &Fixture) -> Verdict {
    let directory = port("directory", &fixture.ports.directory)?;
    let alice = mailbox(ALICE)?;
    let found = directory.resolve(&alice, BOB).await.map_err(failed("resolving"))?;
    let addresses: Vec<String> = found.entries.iter().map(|entry| entry.address.to_lowercase()).collect();
    same("who an address is", &addresses, &vec![BOB.to_owned()])?;
    ensure(found.entries.iter().all(|entry| !entry.name.is_empty() && entry.kind == "Mailbox"), || {
        format!("an entry without name or kind: {found:?}")
    })?;
    let nobody = directory.resolve(&alice, "no such person <&>").await.map_err(failed("resolving nobody"))?;
    same("who nobody is", &nobody.entries, &Vec::new())?;
    let blank = directory.resolve(&alice, " ").await;
    ensure(matches!(&blank, Err(error) if error.kind == ErrorKind::Invalid), || {
        format!("a blank name: {blank:?}, not an error of kind Invalid")
    })
}
