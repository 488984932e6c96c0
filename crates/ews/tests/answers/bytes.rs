//! What the bytes of an answer may be: cut, in any pieces, in other encodings, bombs, or no XML at all.

use super::*;

#[test]
fn pieces_of_any_size_give_the_same_result() {
    let text = good();
    let whole = search(Canned::xml(text.clone())).unwrap();
    let message = &whole.messages[0];
    assert_eq!(message.subject.as_deref(), Some("Grüße & <mehr> <b>]]&"));
    assert_eq!(message.internet_message_id.as_deref(), Some("<1@evil.example>"));
    assert_eq!(message.from.as_ref().unwrap().address, "eve@evil.example");
    assert_eq!((message.size, message.is_read, message.has_attachments), (4294, false, true));
    assert_eq!(whole.next_offset, None);
    for size in 1..64 {
        assert_eq!(search(Canned::pieces(text.as_bytes(), size)).unwrap(), whole, "pieces of {size}");
    }
}

#[test]
fn blanks_ahead_of_an_answer_are_judged_alike_in_whatever_pieces_they_come() {
    let rests = [
        good(),
        "&".to_owned(),
        String::new(),
        "<html>".to_owned(),
        "<?x?>  text".to_owned(),
        format!("<?xml {}?>&", "x".repeat(1_200)),
    ];
    for (blanks, rest) in
        [10, 127, 128, 129, 300].iter().flat_map(|n| rests.iter().map(move |rest| (n, rest)))
    {
        let text = format!("{}{rest}", " ".repeat(*blanks));
        let whole = search(Canned::xml(text.clone()));
        for size in [1, 7, 64, 128, 131] {
            let pieces = search(Canned::pieces(text.as_bytes(), size));
            assert_eq!(pieces, whole, "{blanks} blanks, {rest:?}, pieces of {size}");
        }
    }
}

#[test]
fn cut_at_every_byte_it_is_never_taken_for_whole() {
    let text = good();
    for end in 0..text.len() {
        let error = search(Canned::xml(text.as_bytes()[..end].to_vec())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "cut at {end}: {error}");
    }
    let text = answer("DeleteItem", &[("Success", "NoError", "")]);
    for end in 0..text.len() {
        let error = delete(Canned::xml(text.as_bytes()[..end].to_vec()), &["A"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "cut at {end}: {error}");
    }
}

#[test]
fn forbidden_characters_are_replaced_and_the_mail_is_kept() {
    for bad in ["&#x11;", "&#0;", "&#xFFFE;", "&#xD800;", "&#x110000;", "&#99999999999;", "\u{b}"] {
        let found = search(Canned::xml(one_message(&format!("<t:Subject>a{bad}b</t:Subject>")))).unwrap();
        assert_eq!(found.messages[0].subject.as_deref(), Some("a\u{FFFD}b"), "{bad}");
    }
    let mut bytes = one_message("<t:Subject>a@b</t:Subject>").into_bytes();
    let at = bytes.iter().position(|b| *b == b'@').unwrap();
    bytes[at] = 0xFF;
    assert_eq!(search(Canned::xml(bytes)).unwrap().messages[0].subject.as_deref(), Some("a\u{FFFD}b"));
}

#[test]
fn xml_bombs_end_by_a_limit() {
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>";
    let declared = good().replace("?><s:", &format!("?>{laughs}<s:"));
    assert!(search(Canned::xml(declared)).unwrap_err().message.contains("document type"));
    let external = good().replace("?><s:", "?><!DOCTYPE x SYSTEM \"file:///etc/passwd\"><s:");
    assert!(search(Canned::xml(external)).unwrap_err().message.contains("document type"));
    let entity = one_message("<t:Subject>&xxe;</t:Subject>");
    assert!(search(Canned::xml(entity)).unwrap_err().message.contains("entity"));
    let bombs = [
        (one_message(&"<a>".repeat(5_000_000)), "nested"),
        (one_message(&format!("<t:Subject {}/>", "a=\"\" ".repeat(800_000))), "tag is longer"),
        (one_message(&format!("<t:Subject {}/>", "a=\"\" ".repeat(1_000))), "attributes"),
        (one_message(&format!("<t:Subject {}/>", "xmlns:a=\"b\" ".repeat(100_000))), "tag is longer"),
        (one_message(&format!("<{}/>", "a".repeat(100_000))), "tag is longer"),
    ];
    for (bomb, words) in bombs {
        let began = Instant::now();
        let error = search(Canned::pieces(bomb.as_bytes(), 4096)).unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{words} took {:?}", began.elapsed());
    }
    let comments = one_message(&"<!-- -->".repeat(1_000_000));
    assert!(search(Canned::xml(comments)).is_ok());
    let mut config = config();
    config.max_answer = 100_000;
    let long = one_message(&format!("<t:Subject>{}</t:Subject>", "x".repeat(200_000)));
    let error =
        now(ports_with(config, move |_| Canned::xml(long.clone())).search.unwrap().search(&whole_inbox()));
    assert_eq!(error.unwrap_err().kind, ErrorKind::Limit);
}

#[test]
fn other_encodings_are_refused_and_harmless_ones_read() {
    let wide: Vec<u8> = good().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xFF, 0xFE][..], &wide].concat();
    for bytes in [wide, marked] {
        assert!(search(Canned::xml(bytes)).unwrap_err().message.contains("UTF-8"));
    }
    let declared = good().replace("utf-8", "iso-8859-1");
    assert!(search(Canned::xml(declared)).unwrap_err().message.contains("UTF-8"));
    let marked = [&[0xEF, 0xBB, 0xBF][..], good().as_bytes()].concat();
    assert!(search(Canned::pieces(&marked, 1)).is_ok());
    let instructed = good().replace("<s:Body>", "<?php evil() ?><!-- c --><s:Body>");
    assert!(search(Canned::xml(instructed)).is_ok());
}

fn fetch(content: &str, out: &mut (dyn Write + Send)) -> Result<u64, Error> {
    let payload = format!(
        "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"T\"/><t:Name>x</t:Name><t:Content>{content}</t:Content>\
         </t:FileAttachment></m:Attachments>"
    );
    let text = answer("GetAttachment", &[("Success", "NoError", &payload)]);
    let info = exchange::AttachmentInfo {
        id: "T".to_owned(),
        name: None,
        content_type: None,
        size: 0,
        is_inline: false,
        content_id: None,
        kind: exchange::AttachmentKind::File,
    };
    now(ports(Canned::pieces(text.as_bytes(), 1000)).attachments.unwrap().fetch(&alice(), &info, out))
}

#[test]
fn base64_is_taken_with_white_space_and_refused_with_garbage() {
    let mut out = Vec::new();
    assert_eq!(fetch("aGVs\r\n bG8=\n", &mut out).unwrap(), 5);
    assert_eq!(out, b"hello");
    assert_eq!(fetch("", &mut Vec::new()).unwrap(), 0);
    for garbage in ["aGVs*G8=", "a", "====", "aGVsbG8=aGVsbG8=", "aGVsbG8=&#x41;"] {
        let error = fetch(garbage, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{garbage}: {error}");
        assert!(error.message.contains("base64") && error.message.contains("FileAttachment"), "{error}");
    }
}

#[test]
fn a_full_disk_is_our_trouble_and_not_the_servers() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "no space"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = fetch("aGVsbG8=", &mut Full).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
    assert!(error.message.contains("could not be kept"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_end_in_a_result(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 1_usize..50) {
        let _ = search(Canned::pieces(&bytes, size));
    }

    #[test]
    fn any_change_to_a_good_answer_ends_in_a_result(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
        size in 1_usize..200,
    ) {
        let mut bytes = good().into_bytes();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let first = search(Canned::pieces(&bytes, size));
        prop_assert_eq!(&first, &search(Canned::xml(bytes)), "the pieces change the result");
    }

    #[test]
    fn markup_of_any_shape_ends_in_a_result(parts in proptest::collection::vec(prop_oneof![
        Just("<"), Just(">"), Just("</"), Just("/>"), Just("<!--"), Just("-->"), Just("<![CDATA["), Just("]]>"),
        Just("<?"), Just("?>"), Just("&"), Just(";"), Just("&#x"), Just("\""), Just("'"), Just("="), Just("a"),
        Just("t:Message"), Just("<t:Items>"), Just("</t:Items>"), Just(" "), Just("é"),
    ], 0..60), size in 1_usize..9) {
        let text = one_message(&parts.concat());
        let first = search(Canned::pieces(text.as_bytes(), size));
        prop_assert_eq!(&first, &search(Canned::xml(text)), "the pieces change the result");
    }
}

#[test]
fn time_grows_with_the_bytes_and_no_faster() {
    // One tag that never ends, in small pieces: a reader that starts over at each would be quadratic.
    let cost = |bytes: usize| {
        let text = format!("{}{}", &one_message("")[..200], "x".repeat(bytes));
        let began = Instant::now();
        for _ in 0..20 {
            let _ = search(Canned::pieces(text.as_bytes(), 16));
        }
        began.elapsed()
    };
    let (small, large) = (cost(6_000), cost(60_000));
    assert!(large < small * 30 + Duration::from_millis(200), "{small:?} for 6 KB, {large:?} for 60 KB");
}
