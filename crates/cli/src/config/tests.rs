//! What the file may say, and what a person reads where it says something wrong.

use std::path::Path;

use proptest::prelude::*;

use super::read::read;
use super::*;

fn errors(text: &str) -> String {
    match read(text, Path::new("portcullis.yaml")) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

fn config(text: &str) -> (Config, Vec<String>) {
    read(text, Path::new("portcullis.yaml")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn ews(config: &Config) -> &Ews {
    let Connection::Ews(ews) = &config.connections["mail"] else { panic!("it is to Exchange") };
    ews
}

#[test]
fn the_short_form_stays_valid() {
    let (config, warnings) = config(
        "connections:\n  mail:\n    kind: ews\n    url: https://mail.corp.example/EWS/Exchange.asmx\n    \
         user: svc@corp.example\n    password: { env: MAIL_PASSWORD }\n    only_mailbox: svc@corp.example\n    \
         settle_seconds: 5\nstorage:\n  durability: each\n",
    );
    assert_eq!(warnings, Vec::<String>::new());
    let ews = ews(&config);
    assert_eq!(ews.auth.kind(), "basic");
    assert_eq!(ews.settle, Some(Duration::from_secs(5)));
    assert!(
        matches!(&ews.access, ews::Access::SelfOnly { mailbox } if mailbox.as_str() == "svc@corp.example")
    );
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "# nothing\n", "---\n", "connections:\n"] {
        assert!(config(text).0.connections.is_empty(), "{text:?}");
    }
}

#[test]
fn what_is_opened_and_how_it_is_read_is_taken_over() {
    let connection = |more: &str| {
        let text = format!(
            "connections:\n  mail:\n    kind: ews\n    url: https://mail.corp.example/x\n    user: svc@corp.example\n    \
             password: {{ keyring: mail }}\n{more}"
        );
        ews(&config(&text).0).clone()
    };
    let plain = connection("");
    assert_eq!(plain.opened.store, ews::Store::Primary);
    assert_eq!(plain.auth.account().unwrap().password, SecretRef::Keyring("mail".to_owned()));
    let all = connection(
        "    store: public_folders\n    public_folder_hierarchy: tree@corp.example\n    public_folder_content: \
         all@corp.example\n    anchor: near@corp.example\n    time_zone: W. Europe Standard Time\n    culture: de-DE\n    \
         code_page: 1252\n",
    );
    let opened = all.opened;
    let name = |name: &str| Some(name.to_owned());
    let store =
        ews::Store::PublicFolders { hierarchy: name("tree@corp.example"), content: name("all@corp.example") };
    assert_eq!(opened.store, store);
    assert_eq!(opened.anchor.unwrap().as_str(), "near@corp.example");
    assert_eq!((opened.time_zone, opened.culture), (name("W. Europe Standard Time"), name("de-DE")));
    assert_eq!(opened.charset.as_deref(), Some("windows-1252"));
    for (written, charset) in [
        ("65001", "utf-8"),
        ("\"932\"", "shift_jis"),
        ("cp1251", "windows-1251"),
        ("ISO-8859-15", "iso-8859-15"),
    ] {
        let opened = connection(&format!("    store: archive\n    code_page: {written}\n")).opened;
        assert_eq!(
            (opened.charset.as_deref(), opened.store),
            (Some(charset), ews::Store::Archive),
            "{written}"
        );
    }
}

#[test]
fn secrets_are_named_and_plain_ones_are_warned_about() {
    let text = "connections:\n  mail:\n    kind: ews\n    url: https://mail.corp.example/EWS/Exchange.asmx\n    \
                auth: { kind: basic, user: svc, password: secret:mail }\nsecrets:\n  mail: { file: mail.txt }\n  \
                hook: hunter2\naudit:\n  key: secret:hook\n";
    let (config, warnings) = config(text);
    let place = PathBuf::from("mail.txt");
    assert_eq!(config.connections["mail"].secrets(), [("password", &SecretRef::File(place))]);
    assert_eq!(config.audit.key, Some(SecretRef::known("hunter2")));
    let expected = "portcullis.yaml:8:9: warning: the secret `hook` stands in plain text in line 8, for everybody who \
                    can read this file; write `{ env: VARIABLE }`, `{ file: PATH }` or `{ keyring: NAME }` instead";
    assert_eq!(warnings, [expected]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

/// What is written under a connection, and what is said about it. The connection begins in line 3.
const WRONG: &str = include_str!("wrong.txt");

/// The cases of `wrong.txt`: text and messages, divided by `---` and `===`.
fn cases() -> Vec<(String, String)> {
    let case = |case: &str| {
        let (text, said) = case.split_once("---\n").unwrap();
        (text.to_owned(), said.trim_end().to_owned())
    };
    WRONG.split("===\n").filter(|case| !case.trim().is_empty()).map(case).collect()
}

#[test]
fn every_mistake_is_named_with_its_place_and_what_would_be_right() {
    let mut written = String::new();
    for (text, expected) in cases() {
        let said = errors(&text);
        if said != expected && std::env::var_os("PORTCULLIS_ACCEPT").is_none() {
            assert_eq!(said, expected, "\n{text}\nIf the new text is better: PORTCULLIS_ACCEPT=1");
        }
        written.push_str(&format!("{text}---\n{said}\n===\n"));
    }
    if std::env::var_os("PORTCULLIS_ACCEPT").is_some() && written != WRONG {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/wrong.txt");
        std::fs::write(place, written).unwrap();
    }
}

#[test]
fn no_message_repeats_a_secret() {
    for (text, said) in cases() {
        assert!(!text.contains("hunter2") || !said.contains("hunter2"), "{said}");
    }
    let at = |password: &str| {
        errors(&format!(
            "connections:\n  mail:\n    kind: ews\n    url: https://mail.corp.example/x\n    user: svc\n    \
             password: {password}\nstorage: 5\n"
        ))
    };
    for written in ["{ hunter2 }", "[hunter2]", "{ hunter2: x }", "{ env: [hunter2] }", "{ enw: hunter2 }"] {
        let said = at(written);
        assert!(said.contains("6:") && !said.contains("hunter2"), "{written}: {said}");
    }
}

/// Pieces of real files, so that chance gets past the first line.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "connections:\n",
        "  mail:\n",
        "    kind: ews\n",
        "    url: https://a.example/x\n",
        "    auth:\n",
        "      kind: ",
        "basic\n",
        "ntlm\n",
        "client_secret\n",
        "      user: x\n",
        "      password: ",
        "{ env: A }\n",
        "{ file: A }\n",
        "{ keyring: A }\n",
        "    store: archive\n",
        "    code_page: 1252\n",
        "secret:a\n",
        "    tls: ",
        "off\n",
        "{ min: 1.2 }\n",
        "    proxy: ",
        "system\n",
        "{ kind: http, port: 1 }\n",
        "secrets:\n  a: b\n",
        "policy: {}\n",
        "    access: self\n",
        "    identities: { a@b: { sid: S-1-5 } }\n",
        "    timeout: 5\n",
        "    timeout: 5m\n",
        "&a ",
        "*a\n",
        "!t ",
        "[",
        "]",
        "{",
        "}",
        "- ",
        "\t",
        "\u{0}",
        "é\n",
        "? ",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,8}\n?"]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(pieces in prop::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        if let Err(problems) = read(&text, Path::new("portcullis.yaml")) {
            prop_assert!(problems.to_string().contains("portcullis.yaml:"));
        }
    }
}
