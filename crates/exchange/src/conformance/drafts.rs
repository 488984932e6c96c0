//! Drafts: everything a message can say, attachments, changes, passing on, sending without a copy.

use std::sync::Arc;

use super::mails::{INNER, QUESTION, attached_bytes};
use super::submit::draft;
use super::{ALICE, BOB, Fixture, Verdict, ensure, failed, mailbox, one, port, same, with_subject};
use crate::port::KeyState;
use crate::restriction::Importance;
use crate::{
    Address, AttachmentInfo, AttachmentKind, BodyText, Draft, DraftChange, DraftContent, ErrorKind, ItemRef,
    Message, MimeDraft, NewAttachment,
};

fn address(address: &str) -> Address {
    Address { name: None, address: address.to_owned() }
}

fn addresses(people: &[Address]) -> Vec<&str> {
    people.iter().map(|one| one.address.as_str()).collect()
}

async fn content(fixture: &Fixture, item: &ItemRef) -> Verdict<DraftContent> {
    let drafts = port("drafts", &fixture.ports.drafts)?;
    drafts.draft(&mailbox(ALICE)?, item).await.map_err(failed("reading a draft"))
}

/// The message with this subject that reached Bob.
async fn arrived(fixture: &Fixture, subject: &str) -> Verdict<Message> {
    let got = one(fixture, BOB, "inbox", subject).await?;
    let read = port("read", &fixture.ports.read)?;
    let mut messages = read.get(&mailbox(BOB)?, &[got.item]).await.map_err(failed("reading"))?;
    match messages.pop() {
        Some(Ok(message)) => Ok(message),
        other => Err(format!("{subject:?} gave {other:?}")),
    }
}

async fn bytes(fixture: &Fixture, info: &AttachmentInfo) -> Verdict<Vec<u8>> {
    let attachments = port("attachments", &fixture.ports.attachments)?;
    let mut bytes = Vec::new();
    attachments.fetch(&mailbox(BOB)?, info, &mut bytes).await.map_err(failed("fetching"))?;
    Ok(bytes)
}

/// Both bodies, who it is from, where answers go, how important it is.
pub(super) async fn says_all(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let submit = port("submit", &fixture.ports.submit)?;
    let words = Draft {
        cc: vec![address("cc@elsewhere.example")],
        reply_to: vec![address("answers@corp.example")],
        body: BodyText::Html(String::from("<p>Grüße in <b>HTML</b></p>")),
        plain: Some(String::from("Grüße without tags")),
        importance: Some(Importance::High),
        ..draft(Some("Says everything"), "all-said")
    };
    let item = submit.create_draft(&alice, &words).await.map_err(failed("drafting"))?;
    let kept = content(fixture, &item).await?;
    same("a draft is one", &kept.is_draft, &true)?;
    same("to", &addresses(&kept.to), &vec![BOB])?;
    same("cc", &addresses(&kept.cc), &vec!["cc@elsewhere.example"])?;
    same("bcc", &addresses(&kept.bcc), &vec!["hidden@elsewhere.example"])?;
    same("where answers go", &addresses(&kept.reply_to), &vec!["answers@corp.example"])?;
    same("the importance", &kept.importance, &Some(Importance::High))?;
    same("the subject", &kept.subject.as_deref(), &Some("Says everything"))?;
    ensure(matches!(&kept.body, BodyText::Html(html) if html.contains("<b>HTML</b>")), || {
        format!("the body is {:?}", kept.body)
    })?;
    submit.send(&alice, &item).await.map_err(failed("sending"))?;
    let message = arrived(fixture, "Says everything").await?;
    let text = message.text_body.unwrap_or_default();
    ensure(text.contains("Grüße without tags"), || format!("the text is {text:?}"))?;
    let html = message.html_body.unwrap_or_default();
    ensure(html.contains("Grüße in <b>HTML</b>"), || format!("the HTML is {html:?}"))?;
    let header = |name: &str| {
        let found = message.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.clone()).unwrap_or_default()
    };
    ensure(header("Reply-To").contains("answers@corp.example"), || String::from("Reply-To is missing"))?;
    same("Importance", &header("Importance").to_ascii_lowercase(), &String::from("high"))?;
    same("our header", &header("X-Portcullis-Run"), &String::from("r1"))?;
    same("blind copies", &header("Bcc"), &String::new())
}

/// A whole message is a draft with its own author and recipients, and arrives with all of its parts.
pub(super) async fn from_mime(fixture: &Fixture) -> Verdict {
    let (alice, key) = (mailbox(ALICE)?, "from-mime-key");
    let submit = port("submit", &fixture.ports.submit)?;
    let drafts = port("drafts", &fixture.ports.drafts)?;
    let raw = "Auto-Submitted: auto-generated\r\nFrom: Alice <alice@corp.example>\r\nTo: Bob <bob@corp.example>,\r\n \
               \"Other, One\" <other@elsewhere.example>\r\nCc: cc@elsewhere.example\r\nBcc: hidden@elsewhere.example\r\n\
               Reply-To: answers@corp.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_whole?=\r\n\
               Date: Fri, 20 Nov 2026 07:00:00 +0000\r\nMessage-ID: <whole-1@corp.example>\r\nMIME-Version: 1.0\r\n\
               Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
               Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe, whole\r\n--b\r\n\
               Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\
               Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQKJSVFT0YK\r\n--b--\r\n";
    let bytes = raw.as_bytes().to_vec();
    let mime = MimeDraft { size: bytes.len() as u64, content: Arc::new(bytes.clone()), key: key.to_owned() };
    let item = drafts.create_from_mime(&alice, &mime).await.map_err(failed("keeping MIME"))?;
    match submit.find_by_key(&alice, key).await.map_err(failed("finding"))? {
        KeyState::Draft(found) => same("the draft's id", &found.id, &item.id)?,
        other => return Err(format!("after keeping MIME the state is {other:?}")),
    }
    let kept = content(fixture, &item).await?;
    same("a draft is one", &kept.is_draft, &true)?;
    same("the author", &kept.from.as_ref().map(|from| from.address.as_str()), &Some(ALICE))?;
    same("to", &addresses(&kept.to), &vec![BOB, "other@elsewhere.example"])?;
    same("cc", &addresses(&kept.cc), &vec!["cc@elsewhere.example"])?;
    same("bcc", &addresses(&kept.bcc), &vec!["hidden@elsewhere.example"])?;
    same("where answers go", &addresses(&kept.reply_to), &vec!["answers@corp.example"])?;
    same("the subject", &kept.subject.as_deref(), &Some("Grüße whole"))?;
    let wrong = MimeDraft { size: 7, content: Arc::new(bytes), key: String::from("other") };
    match drafts.create_from_mime(&alice, &wrong).await {
        Err(error) if error.kind == ErrorKind::Invalid => {}
        other => return Err(format!("more bytes than were promised gave {other:?}")),
    }
    submit.send(&alice, &item).await.map_err(failed("sending"))?;
    let message = arrived(fixture, "Grüße whole").await?;
    let text = message.text_body.unwrap_or_default();
    ensure(text.contains("Grüße, whole"), || format!("the text is {text:?}"))?;
    ensure(!message.headers.iter().any(|header| header.name.eq_ignore_ascii_case("Bcc")), || {
        String::from("a recipient sees the blind copies")
    })?;
    let id = message.summary.internet_message_id;
    same("the Message-ID", &id.as_deref(), &Some("<whole-1@corp.example>"))?;
    same("how much is attached", &message.attachments.len(), &1)?;
    let sent = "JVBERi0xLjQKJSVFT0YK".len() / 4 * 3;
    for info in &message.attachments {
        same("how long it is", &self::bytes(fixture, info).await?.len(), &sent)?;
    }
    Ok(())
}

/// A file, an image shown inside the body, and a message; each arrives byte for byte.
pub(super) async fn attaches(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let submit = port("submit", &fixture.ports.submit)?;
    let drafts = port("drafts", &fixture.ports.drafts)?;
    let words = Draft {
        body: BodyText::Html(String::from("<p>See <img src=\"cid:logo\"></p>")),
        ..draft(Some("With attachments"), "attached")
    };
    let mut item = submit.create_draft(&alice, &words).await.map_err(failed("drafting"))?;
    let file = |name: &str, bytes: Vec<u8>| NewAttachment {
        name: name.to_owned(),
        media_type: Some(String::from("application/pdf")),
        content_id: None,
        kind: AttachmentKind::File,
        size: bytes.len() as u64,
        content: Arc::new(bytes),
    };
    let all = [
        file("Übersicht.pdf", attached_bytes()),
        NewAttachment {
            media_type: Some(String::from("image/png")),
            content_id: Some(String::from("logo")),
            ..file("logo.png", vec![1, 2, 3])
        },
        NewAttachment { kind: AttachmentKind::Item, ..file("Inner", INNER.as_bytes().to_vec()) },
        file("empty.bin", Vec::new()),
    ];
    for attachment in &all {
        item = drafts.attach(&alice, &item, attachment).await.map_err(failed("attaching"))?;
    }
    let short = NewAttachment { size: 4, ..file("short.bin", vec![0; 3]) };
    match drafts.attach(&alice, &item, &short).await {
        Err(error) if error.kind == ErrorKind::Invalid => {}
        other => return Err(format!("fewer bytes than were promised gave {other:?}")),
    }
    let names = |infos: &[AttachmentInfo]| -> Vec<String> {
        infos.iter().map(|info| info.name.clone().unwrap_or_default()).collect()
    };
    let expected = ["Übersicht.pdf", "logo.png", "Inner", "empty.bin"].map(str::to_owned).to_vec();
    same("what hangs on the draft", &names(&content(fixture, &item).await?.attachments), &expected)?;
    submit.send(&alice, &item).await.map_err(failed("sending"))?;
    let message = arrived(fixture, "With attachments").await?;
    same("what arrived", &names(&message.attachments), &expected)?;
    for (info, sent) in message.attachments.iter().zip(&all) {
        let mut wanted = Vec::new();
        let mut reader = sent.content.open().map_err(|error| error.to_string())?;
        std::io::Read::read_to_end(&mut reader, &mut wanted).map_err(|error| error.to_string())?;
        ensure(bytes(fixture, info).await? == wanted, || format!("{:?} has other bytes", info.name))?;
        same("the kind", &info.kind, &sent.kind)?;
        same("inside the body", &info.is_inline, &sent.content_id.is_some())?;
        same("the content id", &info.content_id, &sent.content_id)?;
    }
    Ok(())
}

/// What is changed is changed, what is not stays; nobody means nobody; the key can be set.
pub(super) async fn changes(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let submit = port("submit", &fixture.ports.submit)?;
    let drafts = port("drafts", &fixture.ports.drafts)?;
    let words = Draft { cc: vec![address("cc@elsewhere.example")], ..draft(Some("Change me"), "before") };
    let item = submit.create_draft(&alice, &words).await.map_err(failed("drafting"))?;
    let change = DraftChange {
        cc: Some(Vec::new()),
        bcc: Some(vec![address("other@elsewhere.example")]),
        subject: Some(String::from("Changed")),
        body: Some(BodyText::Html(String::from("<p>other words</p>"))),
        importance: Some(Importance::Low),
        key: Some(String::from("after")),
        ..DraftChange::default()
    };
    let item = drafts.change_draft(&alice, &item, &change).await.map_err(failed("changing"))?;
    let now = content(fixture, &item).await?;
    same("to", &addresses(&now.to), &vec![BOB])?;
    same("cc", &addresses(&now.cc), &Vec::new())?;
    same("bcc", &addresses(&now.bcc), &vec!["other@elsewhere.example"])?;
    same("the subject", &now.subject.as_deref(), &Some("Changed"))?;
    same("the importance", &now.importance, &Some(Importance::Low))?;
    ensure(matches!(&now.body, BodyText::Html(html) if html.contains("other words")), || {
        format!("the body is {:?}", now.body)
    })?;
    let state = submit.find_by_key(&alice, "after").await.map_err(failed("finding"))?;
    ensure(matches!(state, KeyState::Draft(_)), || format!("the new key finds {state:?}"))?;
    let state = submit.find_by_key(&alice, "before").await.map_err(failed("finding"))?;
    same("what the old key finds", &state, &KeyState::Absent)?;
    let absent = ItemRef::new("bm90IGFuIGlk");
    ensure(drafts.draft(&alice, &absent).await.is_err(), || {
        String::from("a draft that is not there was read")
    })?;
    let received = one(fixture, ALICE, "inbox", "Answer me").await?;
    same("a mail that was received is a draft", &content(fixture, &received.item).await?.is_draft, &false)
}

/// The original comes along with what hangs on it.
pub(super) async fn forwards(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let submit = port("submit", &fixture.ports.submit)?;
    let drafts = port("drafts", &fixture.ports.drafts)?;
    let original = one(fixture, ALICE, "inbox", "With a file").await?;
    let words = draft(None, "forward-key");
    let item = drafts.create_forward(&alice, &original.item, &words).await.map_err(failed("passing on"))?;
    let state = submit.find_by_key(&alice, "forward-key").await.map_err(failed("finding"))?;
    ensure(matches!(state, KeyState::Draft(_)), || format!("the key finds {state:?}"))?;
    submit.send(&alice, &item).await.map_err(failed("sending"))?;
    let message = arrived(fixture, "FW: With a file").await?;
    let [info] = message.attachments.as_slice() else {
        return Err(format!("{:?} is not one attachment", message.attachments));
    };
    ensure(bytes(fixture, info).await? == attached_bytes(), || String::from("the file has other bytes"))?;
    let text = message.text_body.unwrap_or_default();
    ensure(text.contains("no tag"), || format!("the text is {text:?}"))
}

/// Copies go beside those of the original, which is quoted only where that was asked for.
pub(super) async fn answers(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let submit = port("submit", &fixture.ports.submit)?;
    let original = one(fixture, ALICE, "inbox", "Answer me").await?;
    let words = Draft {
        to: Vec::new(),
        cc: vec![address("more@elsewhere.example")],
        importance: Some(Importance::High),
        quotes: true,
        ..draft(Some("Quoted"), "quoted-key")
    };
    let item = submit.create_reply(&alice, &original.item, &words, true).await.map_err(failed("replying"))?;
    let kept = content(fixture, &item).await?;
    let mut everybody = addresses(&kept.to);
    everybody.extend(addresses(&kept.cc));
    everybody.sort_unstable();
    let expected = vec![BOB, "erin@corp.example", "frank@corp.example", "more@elsewhere.example"];
    same("everybody", &everybody, &expected)?;
    same("bcc", &addresses(&kept.bcc), &vec!["hidden@elsewhere.example"])?;
    same("the importance", &kept.importance, &Some(Importance::High))?;
    let (BodyText::Text(text) | BodyText::Html(text)) = &kept.body;
    ensure(text.contains("no tag") && text.contains(QUESTION), || format!("the body is {text:?}"))?;
    let words = Draft { to: Vec::new(), bcc: Vec::new(), ..draft(Some("Not quoted"), "unquoted-key") };
    let item =
        submit.create_reply(&alice, &original.item, &words, false).await.map_err(failed("replying"))?;
    let kept = content(fixture, &item).await?;
    let (BodyText::Text(text) | BodyText::Html(text)) = &kept.body;
    ensure(text.contains("no tag") && !text.contains(QUESTION), || format!("the body is {text:?}"))?;
    let both = Draft { plain: Some(String::from("x")), ..words };
    match submit.create_reply(&alice, &original.item, &both, false).await {
        Err(error) if error.kind == ErrorKind::Invalid => Ok(()),
        other => Err(format!("an answer with two bodies gave {other:?}, not an error of kind Invalid")),
    }
}

/// The copy is in Deleted Items, where the key finds it; a draft that was thrown away is not taken for it.
pub(super) async fn unfiled(fixture: &Fixture) -> Verdict {
    let (alice, key) = (mailbox(ALICE)?, "unfiled-key");
    let submit = port("submit", &fixture.ports.submit)?;
    let drafts = port("drafts", &fixture.ports.drafts)?;
    let delete = port("delete", &fixture.ports.delete)?;
    let item = submit.create_draft(&alice, &draft(Some("No copy"), key)).await.map_err(failed("drafting"))?;
    let thrown =
        submit.create_draft(&alice, &draft(Some("No copy"), key)).await.map_err(failed("drafting"))?;
    let gone =
        delete.delete(&alice, &[thrown], crate::DeleteMode::Trash).await.map_err(failed("deleting"))?;
    ensure(matches!(gone.as_slice(), [Ok(())]), || format!("deleting gave {gone:?}"))?;
    let found = drafts.find_unfiled(&alice, key).await.map_err(failed("finding"))?;
    same("what is found before sending", &found, &None)?;
    drafts.send_unfiled(&alice, &item).await.map_err(failed("sending"))?;
    same("copies among the sent", &with_subject(fixture, ALICE, "sentitems", "No copy").await?.len(), &0)?;
    let found = drafts.find_unfiled(&alice, key).await.map_err(failed("finding"))?;
    ensure(found.is_some(), || String::from("the copy is not found in Deleted Items"))?;
    one(fixture, BOB, "inbox", "No copy").await.map(drop)
}
