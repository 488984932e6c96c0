//! What accounts may do once they are known: whose mailboxes they reach, and as whom they act and send.

use super::*;

#[tokio::test]
async fn accounts_reach_what_they_were_given() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Basic]).await;
    let alice = basic(ALICE, "Grüße");
    let code = async |who: &str, operation: &str, acting: Option<&str>| {
        let answer = ews(&server, who, operation, acting).await;
        (answer.status(), answer.codes().join(" "))
    };
    let ok = (200, "NoError".to_owned());
    assert_eq!(code(&alice, &inbox_of(ALICE), None).await, ok);
    assert_eq!(code(&alice, &inbox_of(BOB), None).await, (200, "ErrorAccessDenied".into()));
    assert_eq!(
        code(&alice, &inbox_of("nobody@corp.example"), None).await,
        (200, "ErrorNonExistentMailbox".into())
    );
    assert_eq!(code(&basic(ALICE, "wrong"), &inbox_of(ALICE), None).await.0, 401);

    organisation.grant(Grant::new(BOB, ALICE, Right::Reviewer).on("inbox"));
    assert_eq!(code(&alice, &inbox_of(BOB), None).await, ok);
    let drafts = inbox_of(BOB).replace("\"inbox\"", "\"drafts\"");
    assert_eq!(code(&alice, &drafts, None).await, (200, "ErrorAccessDenied".into()), "another folder");
    let found = ews(&server, &alice, &inbox_of(BOB), None).await;
    let item = found.attributes("t:ItemId", "Id")[0].clone();
    let get = format!(
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>{}</m:GetItem>",
        wire::ids(&[&item])
    );
    let delete = wire::delete("HardDelete", &[&item]);
    assert_eq!(code(&alice, &get, None).await, ok);
    assert_eq!(
        code(&alice, &delete, None).await,
        (200, "ErrorAccessDenied".into()),
        "a reviewer changes nothing"
    );
    organisation.grant(Grant::new(BOB, ALICE, Right::Editor).on("inbox"));
    assert_eq!(code(&alice, &delete, None).await, ok);

    let rules =
        format!("<m:GetInboxRules><m:MailboxSmtpAddress>{BOB}</m:MailboxSmtpAddress></m:GetInboxRules>");
    assert_eq!(code(&alice, &rules, None).await.1, "ErrorAccessDenied");
    organisation.grant(Grant::new(BOB, ALICE, Right::FullAccess));
    assert_eq!(code(&alice, &rules, None).await.1, "NoError");
}

#[tokio::test]
async fn who_may_act_as_whom_is_checked() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Basic]).await;
    let bob = basic(BOB, "b");
    let code = async |who: &str, mailbox: &str, acting: &str| {
        let answer = ews(&server, who, &inbox_of(mailbox), Some(acting)).await;
        (answer.status(), answer.codes().join(" "))
    };
    assert_eq!(code(&bob, BOB, BOB).await, (200, "NoError".into()));
    assert_eq!(code(&bob, ALICE, ALICE).await, (500, "ErrorImpersonateUserDenied".into()));
    assert_eq!(code(&bob, ALICE, "no@corp.example").await, (500, "ErrorNonExistentMailbox".into()));
    assert_eq!(code(&bob, ALICE, " ").await, (500, "ErrorInvalidExchangeImpersonationHeaderData".into()));
    assert_eq!(code(&basic(ALICE, "Grüße"), BOB, BOB).await, (500, "ErrorImpersonateUserDenied".into()));
    let by_sid = envelope(Some(BOB), &inbox_of(BOB))
        .replace("PrimarySmtpAddress>", "SID>")
        .replace(&format!("SID>{BOB}"), &format!("SID>{}", organisation.sid(BOB)));
    let request = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nAuthorization: {bob}\r\nContent-Length: {}\r\n\r\n{by_sid}",
        by_sid.len()
    );
    assert_eq!(raw(&server, &request).await.unwrap().codes(), ["NoError"]);
}

#[tokio::test]
async fn nobody_sends_in_the_name_of_somebody_who_did_not_allow_it() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Basic]).await;
    let mail =
        STANDARD.encode(format!("From: {BOB}\r\nTo: carol@corp.example\r\nSubject: as Bob\r\n\r\nHi\r\n"));
    let send = format!(
        "<m:CreateItem MessageDisposition=\"SendAndSaveCopy\"><m:Items><t:Message><t:MimeContent>{mail}</t:MimeContent></t:Message></m:Items></m:CreateItem>"
    );
    let alice = basic(ALICE, "Grüße");
    assert_eq!(ews(&server, &alice, &send, None).await.codes(), ["ErrorSendAsDenied"]);
    assert!(organisation.ledger().effects.is_empty());
    organisation.grant(Grant::new(BOB, ALICE, Right::SendAs));
    assert_eq!(ews(&server, &alice, &send, None).await.codes(), ["NoError"]);
    assert_eq!(
        ews(&server, &alice, &inbox_of(BOB), None).await.codes(),
        ["ErrorAccessDenied"],
        "but reads nothing"
    );
}

#[test]
fn accounts_are_written_beside_the_mails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("alice@corp.example/inbox")).unwrap();
    let file = folder.path().join("accounts.yaml");
    let text = "accounts:\n- user: svc\n  password: s\n  impersonates: all\n- user: bob\n  password: b\n  opens: [alice@corp.example]\napplications:\n- {id: app, tenant: corp.example, secret: s, impersonates: [alice@corp.example]}\ngrants:\n- {mailbox: alice@corp.example, to: svc, right: send_on_behalf}\n";
    std::fs::write(&file, text).unwrap();
    Organisation::load_folder(folder.path()).unwrap();
    for (wrong, said) in
        [("impersonates: all", "impersonates: some"), ("right: send_on_behalf", "right: rule")]
    {
        std::fs::write(&file, text.replace(wrong, said)).unwrap();
        let error = Organisation::load_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("accounts.yaml") && error.contains("line"), "{error}");
    }
}
