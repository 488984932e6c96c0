//! Answers about several things, or in several steps: each thing has its own verdict.

use super::*;

fn rules(body: &str) -> Result<exchange::rule::Rules, Error> {
    let answer = format!(
        "<m:GetInboxRulesResponse ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>{body}</m:GetInboxRulesResponse>"
    );
    now(ports(Canned::xml(envelope(&answer))).rules.unwrap().rules(&alice()))
}

#[test]
fn a_rule_with_parts_nobody_knows_is_never_written_back() {
    let rule = |inner: &str| {
        format!(
            "<m:InboxRules><t:Rule><t:RuleId>A=</t:RuleId><t:DisplayName>r</t:DisplayName><t:Priority>1</t:Priority>\
             <t:IsEnabled>true</t:IsEnabled>{inner}</t:Rule></m:InboxRules>"
        )
    };
    let whole = "<t:Actions><t:Delete>true</t:Delete></t:Actions>";
    assert!(rules(&rule(whole)).unwrap().rules[0].complete);
    for odd in [
        "<t:IsNotSupported>true</t:IsNotSupported>",
        "<t:Actions><t:Delete>true</t:Delete><t:Burn>true</t:Burn></t:Actions>",
        "<t:Conditions><t:MoonPhase><t:String>full</t:String></t:MoonPhase></t:Conditions>",
        "<t:Actions><t:MoveToFolder><t:AddressListId Id=\"x\"/></t:MoveToFolder></t:Actions>",
        "<t:Mood>bad</t:Mood>",
    ] {
        let found = rules(&rule(odd)).unwrap().rules.remove(0);
        assert!(!found.complete, "{odd}");
        let change = exchange::rule::RuleChange::Set(found);
        let sent = ports_with(config(), |_| panic!("nothing may be sent"));
        let error = now(sent.rules.unwrap().change_rules(&alice(), &change, false)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{odd}");
    }
    for broken in
        ["<m:InboxRules><t:Rule/></m:InboxRules>", &rule("<t:Actions><t:Delete>x</t:Delete></t:Actions>")]
    {
        assert_eq!(rules(broken).unwrap_err().kind, ErrorKind::Invalid, "{broken}");
    }
    assert!(rules("").unwrap().rules.is_empty());
}

#[test]
fn a_refused_rule_says_why() {
    let answer = "<m:UpdateInboxRulesResponse ResponseClass=\"Error\"><m:MessageText>Bad rule.</m:MessageText>\
        <m:ResponseCode>ErrorInboxRulesValidationError</m:ResponseCode><m:RuleOperationErrors><t:RuleOperationError>\
        <t:OperationIndex>0</t:OperationIndex><t:ValidationErrors><t:Error><t:FieldURI>RuleId</t:FieldURI>\
        <t:ErrorCode>CODE</t:ErrorCode><t:ErrorMessage>Sorry &lt;no&gt;</t:ErrorMessage><t:FieldValue/></t:Error>\
        </t:ValidationErrors></t:RuleOperationError></m:RuleOperationErrors></m:UpdateInboxRulesResponse>";
    let change = exchange::rule::RuleChange::Remove("A=".to_owned());
    for (code, kind) in [("RuleNotFound", ErrorKind::NotFound), ("InvalidValue", ErrorKind::Invalid)] {
        let canned = Canned::xml(envelope(&answer.replace("CODE", code)));
        let error = now(ports(canned).rules.unwrap().change_rules(&alice(), &change, false)).unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.message.contains("Sorry <no>") && error.message.contains(code), "{error}");
    }
    let lost = "<m:UpdateInboxRulesResponse ResponseClass=\"Success\">";
    let error =
        now(ports(Canned::xml(lost.to_owned())).rules.unwrap().change_rules(&alice(), &change, false));
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unknown);
}

#[test]
fn automatic_replies_need_a_verdict_and_settings() {
    let replies = |body: &str| {
        let answer = format!("<m:GetUserOofSettingsResponse>{body}</m:GetUserOofSettingsResponse>");
        now(ports(Canned::xml(envelope(&answer))).automatic_replies.unwrap().out_of_office(&alice()))
    };
    let good = "<m:ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage>";
    let settings = "<t:OofSettings><t:OofState>Scheduled</t:OofState><t:ExternalAudience>All</t:ExternalAudience>\
        <t:Duration><t:StartTime>2006-10-05T00:00:00</t:StartTime><t:EndTime>2006-10-25T02:00:00+02:00</t:EndTime>\
        </t:Duration><t:InternalReply><t:Message>a</t:Message></t:InternalReply></t:OofSettings>";
    let found = replies(&format!("{good}{settings}")).unwrap();
    let (start, end) = found.duration.unwrap();
    assert_eq!(
        (start.to_string().as_str(), end.to_string().as_str()),
        ("2006-10-05T00:00:00Z", "2006-10-25T00:00:00Z")
    );
    assert_eq!((found.internal_reply.as_str(), found.external_reply.as_str()), ("a", ""));
    let odd = settings.replace("Scheduled", "Perhaps");
    for bad in [String::new(), good.to_owned(), settings.to_owned(), format!("{good}{odd}")] {
        assert_eq!(replies(&bad).unwrap_err().kind, ErrorKind::Invalid, "{bad}");
    }
    let denied = good.replace("Success", "Error").replace("NoError", "ErrorAccessDenied");
    assert_eq!(replies(&denied).unwrap_err().kind, ErrorKind::PermissionDenied);
}

#[test]
fn one_bad_item_does_not_lose_the_others() {
    let a = message("A");
    let c = message("C");
    let text = answer(
        "GetItem",
        &[
            ("Success", "NoError", &a),
            ("Error", "ErrorItemNotFound", "<m:Items/>"),
            ("Success", "NoError", &c),
        ],
    );
    let all = now(ports(Canned::xml(text)).read.unwrap().get(&alice(), &items(&["A", "B", "C"]))).unwrap();
    assert_eq!(all[0].as_ref().unwrap().summary.item.id, "A");
    assert_eq!(all[1].as_ref().unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(all[2].as_ref().unwrap().summary.item.id, "C");
}

/// A response message with the MIME form of a message.
fn mime(id: &str, content: &str) -> String {
    message(id).replace("<t:ItemId", &format!("<t:MimeContent>{content}</t:MimeContent><t:ItemId"))
}

/// A response message that says that all went well.
fn success(payload: &str) -> (&str, &str, &str) {
    ("Success", "NoError", payload)
}

/// What was said of each message, and what was taken of it.
type Came = (Vec<Result<u64, Error>>, Vec<Vec<u8>>);

#[test]
fn of_several_in_mime_each_goes_to_its_place() {
    let take = |messages: &[(&str, &str, &str)], ids: &[&str]| {
        let text = answer("GetItem", messages);
        let mut first: Option<Came> = None;
        for size in [1, 7, 4096] {
            let mut taken = vec![Vec::new(); ids.len()];
            let read = ports(Canned::pieces(text.as_bytes(), size)).read.unwrap();
            let said = now(read.mimes(&alice(), &items(ids), &mut |place, bytes| {
                taken[place].extend_from_slice(bytes);
                if taken[place].starts_with(b"full") {
                    Err(std::io::ErrorKind::StorageFull.into())
                } else {
                    Ok(())
                }
            }))?;
            let blind =
                |error: Error| Error { message: error.message.split(" (").next().unwrap().into(), ..error };
            let said: Vec<_> = said.into_iter().map(|said| said.map_err(blind)).collect();
            for (said, taken) in said.iter().zip(&mut taken) {
                if said.is_err() {
                    taken.clear();
                }
            }
            match &first {
                None => first = Some((said, taken)),
                Some(first) => assert_eq!(*first, (said, taken), "in pieces of {size}"),
            }
        }
        Ok::<_, Error>(first.unwrap())
    };
    let (a, full, bare, e) = (mime("A", "aGVsbG8="), mime("C", "ZnVsbA=="), message("D"), mime("E", ""));
    let gone = ("Error", "ErrorItemNotFound", "<m:Items/>");
    let (said, taken) =
        take(&[success(&a), gone, success(&full), success(&bare), success(&e)], &["A", "B", "C", "D", "E"])
            .unwrap();
    let kinds: Vec<Result<u64, ErrorKind>> =
        said.iter().map(|said| said.as_ref().copied().map_err(|error| error.kind)).collect();
    let expected = [Ok(5), Err(ErrorKind::NotFound), Err(ErrorKind::Limit), Err(ErrorKind::Invalid), Ok(0)];
    assert_eq!(kinds, expected);
    assert!(said[3].as_ref().unwrap_err().message.contains("without its MIME form"), "{said:?}");
    assert_eq!(taken, [&b"hello"[..], b"", b"", b"", b""]);
    let b = mime("B", "aGVsbG8=");
    for (wrong, words) in [
        (vec![success(&b), success(&a)], "about another item"),
        (vec![success(&a)], "were asked for"),
        (vec![success(&a), success(&b), success(&b)], "were asked for"),
    ] {
        let error = take(&wrong, &["A", "B"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let garbage = mime("B", "aGVs*G8=");
    let error = take(&[success(&a), success(&garbage)], &["A", "B"]).unwrap_err();
    assert!(error.kind == ErrorKind::Invalid && error.message.contains("base64"), "{error}");
}

#[test]
fn no_item_is_taken_for_another() {
    let (a, b) = (message("A"), message("B"));
    let cases = [
        vec![success(&a)],
        vec![success(&a), success(&b), success(&b)],
        vec![success(&b), success(&a)],
        vec![success(&a), success(&a)],
    ];
    for case in &cases {
        let text = answer("GetItem", case);
        let error =
            now(ports(Canned::xml(text)).read.unwrap().get(&alice(), &items(&["A", "B"]))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    }
    for count in [0, 1, 3] {
        let text = answer("DeleteItem", &vec![("Success", "NoError", ""); count]);
        let error = delete(Canned::xml(text), &["A", "B"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "{error}");
        assert!(error.message.contains("were asked for"), "{error}");
    }
    let swapped = answer("UpdateItem", &[success(&b), success(&a)]);
    let error =
        now(ports(Canned::xml(swapped)).update.unwrap().mark_read(&alice(), &items(&["A", "B"]), true));
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unknown);
}

#[test]
fn a_later_request_that_fails_keeps_what_the_earlier_ones_did() {
    let mut config = config();
    config.batch = 2;
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let ports =
        ports_with(config, move |request| match calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => support::agree(request),
            1 => Canned::xml("").status(502),
            _ => panic!("nothing is sent after that"),
        });
    let all =
        now(ports.delete.unwrap().delete(&alice(), &items(&["A", "B", "C", "D", "E"]), DeleteMode::Soft))
            .unwrap();
    assert!(all[0].is_ok() && all[1].is_ok());
    assert_eq!(all[2].as_ref().unwrap_err().kind, ErrorKind::Unknown);
    assert_eq!(all[3].as_ref().unwrap_err().kind, ErrorKind::Unknown);
    let rest = all[4].as_ref().unwrap_err();
    assert_eq!(rest.kind, ErrorKind::Transient);
    assert!(rest.message.contains("not tried"), "{rest}");
}

#[test]
fn a_lost_draft_is_not_sent_again_by_itself() {
    let item = ItemRef { id: "A".to_owned(), change_key: Some("old".to_owned()) };
    let error = now(ports(Canned::xml("<s:Env")).submit.unwrap().send(&alice(), &item)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unknown);
}

#[test]
fn an_old_version_of_a_draft_is_refreshed_once() {
    let sends = std::sync::atomic::AtomicUsize::new(0);
    let ports = ports_with(config(), move |request| {
        if request.contains("<m:SendItem") {
            let first = sends.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            assert_eq!(first, request.contains("ChangeKey=\"old\""), "{request}");
            if first {
                return Canned::xml(answer("SendItem", &[("Error", "ErrorStaleObject", "")]));
            }
        }
        support::agree(request)
    });
    let item = ItemRef { id: "A".to_owned(), change_key: Some("old".to_owned()) };
    now(ports.submit.unwrap().send(&alice(), &item)).unwrap();
}
