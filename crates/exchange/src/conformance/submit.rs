//! Drafts, sending, replies, and finding by key what a crash left behind.

use super::{ALICE, BOB, Fixture, Verdict, ensure, failed, mailbox, one, port, same, with_subject};
use crate::port::KeyState;
use crate::{Address, BodyText, Draft, ErrorKind, Header};

pub(super) fn draft(subject: Option<&str>, key: &str) -> Draft {
    let address =
        |address: &str| Address { name: Some(String::from("Somebody")), address: address.to_owned() };
    Draft {
        to: vec![address(BOB)],
        bcc: vec![address("hidden@elsewhere.example")],
        subject: subject.map(str::to_owned),
        body: BodyText::Text(String::from("Grüße & <b>no tag</b>\r\nsecond line")),
        headers: vec![
            Header { name: String::from("X-Portcullis-Run"), value: String::from("r1") },
            Header { name: String::from("Auto-Submitted"), value: String::from("auto-generated") },
        ],
        key: key.to_owned(),
        ..Draft::default()
    }
}

/// A draft is no sent mail; a sent mail arrives once; the key tells which it is.
pub(super) async fn sends(fixture: &Fixture) -> Verdict {
    let (alice, subject, key) = (mailbox(ALICE)?, "Sent by the suite ü", "run-1/step \"a\" & b/1");
    let submit = port("submit", &fixture.ports.submit)?;
    let state = submit.find_by_key(&alice, key).await.map_err(failed("finding"))?;
    same("the state before", &state, &KeyState::Absent)?;
    let item = submit.create_draft(&alice, &draft(Some(subject), key)).await.map_err(failed("drafting"))?;
    match submit.find_by_key(&alice, key).await.map_err(failed("finding"))? {
        KeyState::Draft(found) => same("the draft's id", &found.id, &item.id)?,
        other => return Err(format!("after drafting the state is {other:?}")),
    }
    same("delivered before sending", &with_subject(fixture, BOB, "inbox", subject).await?.len(), &0)?;
    submit.send(&alice, &item).await.map_err(failed("sending"))?;
    let state = submit.find_by_key(&alice, key).await.map_err(failed("finding"))?;
    ensure(matches!(state, KeyState::Sent(_)), || format!("after sending the state is {state:?}"))?;
    let other = submit.find_by_key(&alice, "run-1/step").await.map_err(failed("finding"))?;
    same("the state of part of the key", &other, &KeyState::Absent)?;
    // The draft is gone, so sending it again must fail and must not send.
    ensure(submit.send(&alice, &item).await.is_err(), || String::from("a draft was sent twice"))?;
    let got = one(fixture, BOB, "inbox", subject).await?;
    let read = port("read", &fixture.ports.read)?;
    let message = read.get(&mailbox(BOB)?, &[got.item]).await.map_err(failed("reading"))?;
    let Some(Ok(message)) = message.first() else { return Err(format!("the mail gave {message:?}")) };
    let text = message.text_body.as_deref().unwrap_or_default();
    ensure(text.contains("Grüße & <b>no tag</b>") && text.contains("second line"), || {
        format!("the text is {text:?}")
    })?;
    let header = |name: &str| {
        message.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    };
    same("our header", &header("X-Portcullis-Run"), &Some("r1"))?;
    same("the automatic mark", &header("Auto-Submitted"), &Some("auto-generated"))?;
    same("the blind copy in the mail of a recipient", &header("Bcc"), &None)?;
    let from = message.summary.from.as_ref().map(|from| from.address.as_str());
    same("the sender", &from, &Some(ALICE))
}

/// The server takes subject and recipients from the original; the answer belongs to its thread.
pub(super) async fn replies(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let submit = port("submit", &fixture.ports.submit)?;
    let read = port("read", &fixture.ports.read)?;
    let original = one(fixture, ALICE, "inbox", "Answer me").await?;
    let id = original.internet_message_id.clone().unwrap_or_default();
    let words = Draft { to: Vec::new(), bcc: Vec::new(), ..draft(None, "reply-key") };
    let item =
        submit.create_reply(&alice, &original.item, &words, false).await.map_err(failed("replying"))?;
    submit.send(&alice, &item).await.map_err(failed("sending the reply"))?;
    let got = one(fixture, BOB, "inbox", "RE: Answer me").await?;
    let messages = read.get(&mailbox(BOB)?, &[got.item]).await.map_err(failed("reading"))?;
    let Some(Ok(message)) = messages.first() else { return Err(format!("the reply gave {messages:?}")) };
    let to: Vec<&str> = message.to.iter().map(|to| to.address.as_str()).collect();
    same("the recipients of the reply", &to, &vec![BOB])?;
    ensure(message.cc.is_empty(), || format!("the reply has copies: {:?}", message.cc))?;
    let header = |name: &str| {
        message.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    };
    same("In-Reply-To", &header("In-Reply-To"), &Some(id.as_str()))?;
    let text = message.text_body.as_deref().unwrap_or_default();
    ensure(text.contains("no tag"), || format!("the reply says {text:?}"))?;
    let state = submit.find_by_key(&alice, "reply-key").await.map_err(failed("finding"))?;
    ensure(matches!(state, KeyState::Sent(_)), || format!("the state of the reply is {state:?}"))?;

    let words = Draft { to: Vec::new(), bcc: Vec::new(), ..draft(Some("To everybody"), "all-key") };
    let item =
        submit.create_reply(&alice, &original.item, &words, true).await.map_err(failed("replying to all"))?;
    let messages = read.get(&alice, std::slice::from_ref(&item)).await.map_err(failed("reading"))?;
    let Some(Ok(message)) = messages.first() else { return Err(format!("the reply gave {messages:?}")) };
    let mut everybody: Vec<&str> = message.to.iter().chain(&message.cc).map(|a| a.address.as_str()).collect();
    everybody.sort_unstable();
    same("everybody", &everybody, &vec![BOB, "erin@corp.example", "frank@corp.example"])?;
    same("the subject given", &message.summary.subject.as_deref(), &Some("To everybody"))
}

/// Only `X-…` and `Auto-Submitted` can be set.
pub(super) async fn refuses_headers(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let submit = port("submit", &fixture.ports.submit)?;
    for name in ["From", "Bcc", "Subject", "X-Ok\r\nBcc"] {
        let header = Header { name: name.to_owned(), value: String::from("mallory@evil.example") };
        let words = Draft { headers: vec![header], ..draft(Some("Bad header"), "bad-header") };
        match submit.create_draft(&alice, &words).await {
            Err(error) if error.kind == ErrorKind::Invalid => {}
            other => return Err(format!("the header {name:?} gave {other:?}, not an error of kind Invalid")),
        }
    }
    same("drafts with bad headers", &with_subject(fixture, ALICE, "drafts", "Bad header").await?.len(), &0)
}
