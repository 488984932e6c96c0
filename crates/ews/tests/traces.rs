//! Answers that other projects recorded from real servers, and Microsoft's own examples.
//!
//! They are no part of the repository: `../shared/ews-traces` beside it, or the folder that
//! `PORTCULLIS_EWS_TRACES` names. CI sets the variable, and then the folder must be there; without it a
//! developer's run has nothing to read and says nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::path::PathBuf;

use exchange::rule::RuleChange;
use exchange::{Draft, Error, ErrorKind, FolderRef, ItemRef};
use support::{Canned, alice, config, now, ports, ports_with, whole_inbox};

fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PORTCULLIS_EWS_TRACES") {
        let named = PathBuf::from(named);
        assert!(named.is_dir(), "PORTCULLIS_EWS_TRACES is no folder: {}", named.display());
        return Some(named);
    }
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ews-traces");
    beside.is_dir().then_some(beside)
}

/// A trace as a whole envelope: some were kept as the body element alone.
fn whole(text: String, root: &str) -> String {
    if text.contains("Envelope") {
        return text;
    }
    let declaration_end = text.find("?>").map_or(0, |at| at + 2);
    assert!(text.contains(root));
    support::envelope(&text[declaration_end..])
}

/// The pieces of a trace, one for each response message.
fn messages<'a>(text: &'a str, operation: &str) -> Vec<&'a str> {
    text.split(&format!("{operation}ResponseMessage ")).skip(1).collect()
}

fn first_id(message: &str) -> String {
    let id = message.split("ItemId Id=\"").nth(1).and_then(|rest| rest.split('"').next());
    id.unwrap_or("none").replace("&amp;", "&")
}

fn draft() -> Draft {
    Draft { body: exchange::BodyText::Text("x".to_owned()), key: "k".to_owned(), ..Draft::default() }
}

/// One result per response message, as the ports give them for this trace.
fn read(operation: &str, text: &str, piece: usize) -> Result<Vec<Result<(), Error>>, Error> {
    let parts = messages(text, operation);
    let asked: Vec<ItemRef> = parts.iter().map(|part| ItemRef::new(first_id(part))).collect();
    let canned = Canned::pieces(text.as_bytes(), piece);
    let mut config = config();
    config.batch = 10_000;
    let ports = ports_with(config.clone(), move |_| canned.clone());
    let done = |all: Vec<Result<ItemRef, Error>>| all.into_iter().map(|one| one.map(drop)).collect();
    let me = alice();
    Ok(match operation {
        "FindItem" => vec![now(ports.search.unwrap().search(&whole_inbox())).map(drop)],
        "GetItem" => {
            let all = now(ports.read.unwrap().get(&me, &asked))?;
            all.into_iter().map(|one| one.map(drop)).collect()
        }
        "GetAttachment" => {
            let id = text
                .split("AttachmentId Id=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .unwrap_or("a");
            let info = exchange::AttachmentInfo {
                id: id.to_owned(),
                name: None,
                content_type: None,
                size: 0,
                is_inline: false,
                content_id: None,
                kind: exchange::AttachmentKind::File,
            };
            vec![now(ports.attachments.unwrap().fetch(&me, &info, &mut Vec::new())).map(drop)]
        }
        "MoveItem" => done(now(ports.moves.unwrap().move_to(&me, &asked, &FolderRef::Id("f".to_owned())))?),
        "DeleteItem" => now(ports.delete.unwrap().delete(&me, &asked, exchange::DeleteMode::Soft))?,
        "UpdateItem" => done(now(ports.update.unwrap().mark_read(&me, &asked, true))?),
        "CreateItem" => vec![now(ports.submit.unwrap().create_draft(&me, &draft())).map(drop)],
        "SendItem" => {
            let item = ItemRef { id: "x".to_owned(), change_key: Some("y".to_owned()) };
            vec![now(ports.submit.unwrap().send(&me, &item))]
        }
        "FindFolder" => {
            let trace = Canned::pieces(text.as_bytes(), piece);
            let ports = ports_with(config, move |request| {
                if request.contains("<m:FindFolder") { trace.clone() } else { support::agree(request) }
            });
            let name = text
                .split("DisplayName>")
                .nth(1)
                .and_then(|rest| rest.split('<').next())
                .unwrap_or("nothing");
            let mut request = whole_inbox();
            request.folder = FolderRef::Path(vec![name.to_owned()]);
            vec![now(ports.search.unwrap().search(&request)).map(drop)]
        }
        "MarkAsJunk" => {
            let all = now(ports.junk.unwrap().mark_junk(&me, &asked, true, true))?;
            all.into_iter().map(|one| one.map(drop)).collect()
        }
        "DeleteAttachment" => {
            let ids: Vec<String> = parts.iter().map(|_| "a".to_owned()).collect();
            now(ports.detach.unwrap().detach(&me, &ids))?
        }
        "ResolveNames" => vec![now(ports.directory.unwrap().resolve(&me, "x")).map(drop)],
        "GetInboxRules" => vec![now(ports.rules.unwrap().rules(&me)).map(drop)],
        "UpdateInboxRules" => {
            let change = RuleChange::Remove("x".to_owned());
            vec![now(ports.rules.unwrap().change_rules(&me, &change, false))]
        }
        other => panic!("not one of ours: {other}"),
    })
}

/// The server said so in its own words, or the folder that was made up for the test is not there.
fn understood(result: &Result<(), Error>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => {
            error.code.is_some()
                || (error.kind == ErrorKind::NotFound && error.message.contains("no folder"))
                // A move or an update may come without a new id, and is said to be done.
                || error.message.contains("it is done")
        }
    }
}

#[test]
fn every_recorded_answer_is_understood() {
    const OURS: [&str; 14] = [
        "FindItem",
        "GetItem",
        "GetAttachment",
        "MoveItem",
        "DeleteItem",
        "CreateItem",
        "SendItem",
        "UpdateItem",
        "FindFolder",
        "MarkAsJunk",
        "DeleteAttachment",
        "ResolveNames",
        "GetInboxRules",
        "UpdateInboxRules",
    ];
    let Some(folder) = folder() else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.csv")).unwrap();
    let mut understood_of_real = 0;
    let mut documented = (0, 0);
    let mut wrong = Vec::new();
    for line in index.lines().skip(1) {
        let mut cells = line.split(',');
        let (source, file) = (cells.next().unwrap(), cells.next().unwrap());
        let Some(operation) = cells.nth(1).and_then(|root| root.strip_suffix("Response")) else { continue };
        if !OURS.contains(&operation) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(folder.join(source).join(file)) else {
            panic!("{source}/{file}")
        };
        let text = whole(text, operation);
        let is_real = matches!(source, "garethp-php-ews" | "evolution-ews");
        let count = messages(&text, operation).len();
        let several =
            count != 1 && matches!(operation, "CreateItem" | "SendItem" | "FindItem" | "FindFolder");
        let whole_piece = read(operation, &text, text.len());
        assert_eq!(whole_piece, read(operation, &text, 7), "{file}: the pieces change the result");
        match whole_piece {
            Ok(results) if results.iter().all(understood) => {
                if is_real {
                    understood_of_real += 1
                } else {
                    documented.0 += 1
                }
            }
            // We ask for one and never get several; that they are told apart is what counts.
            Ok(results) if several && results.iter().any(|r| format!("{r:?}").contains("were asked for")) => {
            }
            Ok(results) if is_real => wrong.push(format!("{file}: {results:?}")),
            Err(error) if is_real => wrong.push(format!("{file}: {error}")),
            other => {
                documented.1 += 1;
                let words = format!("{other:?}");
                assert!(words.contains("in element") && words.contains("at byte"), "{file}: {words}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(understood_of_real >= 130, "only {understood_of_real} recorded answers were understood");
    assert!(documented.0 >= 50 && documented.1 <= 12, "of the documented answers: {documented:?}");
}

#[test]
fn documented_rules_are_read_whole() {
    let Some(folder) = folder() else { return };
    let name = "microsoft-docs/how-to-manage-inbox-rules-by-using-ews-in-exchange.02.xml";
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let found = now(ports(Canned::xml(text)).rules.unwrap().rules(&alice())).unwrap();
    let names: Vec<&str> = found.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["Alfred", "Important"]);
    assert!(found.rules.iter().all(|rule| rule.complete && rule.enabled && rule.fault().is_none()));
    assert!(!found.client_rules);
    let alfred = &found.rules[0];
    assert!(alfred.conditions[0].values[0].starts_with("EX:/o=First Organization/"));
    assert!(alfred.action("move_to_folder").all(|to| to.starts_with("id:AAMkADg1")));
    assert!(alfred.does("stop_processing_rules") && !alfred.does("delete"));
    assert_eq!(found.rules[1].action("mark_importance").collect::<Vec<_>>(), ["High"]);
}

#[test]
fn recorded_faults_keep_their_code() {
    let Some(folder) = folder() else { return };
    let mut seen = 0;
    for line in std::fs::read_to_string(folder.join("INDEX.csv")).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[3] != "Fault" {
            continue;
        }
        let text = std::fs::read_to_string(folder.join(cells[0]).join(cells[1])).unwrap();
        if !text.contains("Envelope") {
            continue;
        }
        let error =
            now(ports(Canned::xml(text).status(500)).search.unwrap().search(&whole_inbox())).unwrap_err();
        assert!(error.code.is_some(), "{}: {error:?}", cells[1]);
        assert!(!error.code.as_ref().unwrap().starts_with("HTTP"), "{}: {error:?}", cells[1]);
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} faults");
}

#[test]
fn control_characters_and_web_pages_are_told_apart() {
    let Some(folder) = folder() else { return };
    let dodgy = std::fs::read(folder.join("viewpoint/dodgy_ews_response.xml")).unwrap();
    let error = now(ports(Canned::xml(dodgy)).search.unwrap().search(&whole_inbox())).err();
    // It answers another operation; the point is that the characters do not stop the reader.
    if let Some(error) = error {
        assert!(error.message.contains("answers something else") || error.code.is_some(), "{error}");
    }
    for entry in std::fs::read_dir(folder.join("garethp-php-ews")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "html") {
            let page = std::fs::read(&path).unwrap();
            let error = now(ports(Canned::xml(page)).search.unwrap().search(&whole_inbox())).unwrap_err();
            assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
            assert!(error.message.contains("log-in page"), "{error}");
        }
    }
}
