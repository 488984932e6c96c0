//! `ioc-extract.extract` from outside: text in, JSON out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::{Duration, Instant};

use ioc_extract::Input;
use plugin_sdk::Artifact;
use proptest::prelude::*;
use serde_json::{Value, json};

fn extract(input: Input) -> Value {
    serde_json::to_value(ioc_extract::extract(&input).unwrap()).unwrap()
}

fn text(text: &str) -> Value {
    extract(Input { text: Some(text.to_owned()), ..Input::default() })
}

fn html(html: &str) -> Value {
    extract(Input { html: Some(html.to_owned()), ..Input::default() })
}

fn values(output: &Value, list: &str) -> Vec<String> {
    output[list].as_array().unwrap().iter().map(|it| it["value"].as_str().unwrap().to_owned()).collect()
}

fn url<'a>(output: &'a Value, value: &str) -> &'a Value {
    let found = output["urls"].as_array().unwrap().iter().find(|url| url["value"] == value);
    found.unwrap_or_else(|| panic!("{value} is not among {:?}", values(output, "urls")))
}

#[test]
fn finds_urls_in_sentences() {
    for (sentence, expected) in [
        ("See https://example.com/a.", "https://example.com/a"),
        ("(https://example.com/a)", "https://example.com/a"),
        ("https://example.com/a_(b)", "https://example.com/a_(b)"),
        ("[x](https://example.com/a)", "https://example.com/a"),
        ("<https://example.com/a>", "https://example.com/a"),
        ("HTTPS://EXAMPLE.com/A", "https://example.com/A"),
        ("xhttp://example.com", "http://example.com"),
        ("go to www.example.com/x, now", "http://www.example.com/x"),
        ("short bit.ly/2Ab now", "http://bit.ly/2Ab"),
        ("http://user@example.com:8080/?q#f", "http://user@example.com:8080/?q#f"),
        ("http://[2001:db8::1]/a", "http://[2001:db8::1]/a"),
        ("[http://example.com](http://example.org)", "http://example.org"),
    ] {
        url(&text(sentence), expected);
    }
}

#[test]
fn takes_disguises_off() {
    for disguise in [
        "hxxps://evil[.]example[.]com/p",
        "hXXps://evil(.)example{.}com/p",
        "https[:]//evil[dot]example(dot)com/p",
        "https[://]evil.example.com/p",
        "https://evil [dot] example [dot] com/p",
        "https://ev\u{200b}il.exam\u{ad}ple.com/p",
        "https://evil。example．com/p",
        "ｈｔｔｐｓ://evil.example.com/p",
    ] {
        let output = text(&format!("look: {disguise} !"));
        assert_eq!(values(&output, "urls"), ["https://evil.example.com/p"], "{disguise}");
        assert_eq!(output["urls"][0]["obfuscated"], true, "{disguise}");
        assert_eq!(output["urls"][0]["defanged"], "hxxps://evil[.]example[.]com/p");
        assert_eq!(output["urls"][0]["domain"], "example.com");
    }
    assert_eq!(text("https://evil.example.com/p")["urls"][0]["obfuscated"], false);
    assert_eq!(
        values(&text("mail bad[@]example[.]com or bad (at) example (dot) org"), "emails"),
        ["bad@example.com", "bad@example.org"]
    );
    assert_eq!(values(&text("192[.]0[.]2[.]7"), "ips"), ["192.0.2.7"]);
}

#[test]
fn knows_where_a_click_ends() {
    for (link, host) in [
        ("http://3232235777/a", "192.168.1.1"),
        ("http://0xC0.0250.257/a", "192.168.1.1"),
        ("http://%65xample.com/a", "example.com"),
        ("http://bank.example@example.net/", "example.net"),
        ("http://bücher.example.com/", "xn--bcher-kva.example.com"),
        ("http://EXAMPLE.COM./", "example.com"),
    ] {
        let output = text(link);
        assert_eq!(output["urls"][0]["host"], host, "{link}");
    }
    let punycode = text("http://xn--pypal-4ve.com/");
    assert_eq!(punycode["urls"][0]["host_unicode"], "p\u{430}ypal.com");
    assert_eq!(text("http://a.b.co.uk/")["urls"][0]["domain"], "b.co.uk");
}

#[test]
fn unwraps_links() {
    for (wrapper, inner) in [
        (
            "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example.com%2Fa%3Fb%3D1&data=x",
            "https://evil.example.com/a?b=1",
        ),
        (
            "https://urldefense.proofpoint.com/v2/url?u=https-3A__evil.example.com_a&d=x",
            "https://evil.example.com/a",
        ),
        (
            "https://urldefense.com/v3/__https://evil.example.com/a*b__;Iw!!abc",
            "https://evil.example.com/a#b",
        ),
        ("https://www.google.com/url?q=https://evil.example.com/a&sa=D", "https://evil.example.com/a"),
    ] {
        let output = text(wrapper);
        assert_eq!(url(&output, wrapper)["unwraps_to"], inner);
        assert_eq!(url(&output, inner)["host"], "evil.example.com");
    }
}

#[test]
fn reads_html_like_a_browser() {
    let page = "<base href='https://base.example.com/dir/page'><a href=\"rel\">r</a>\
        <a href = https://a.example.com/?x=1&amp;y=2>A</a><img src=//img.example.com/i.png>\
        <form action='https://form.example.com/'></form><meta http-equiv=Refresh content=\"0; URL='https://r.example.com/'\">\
        <div style=\"background:url(&quot;https://css.example.com/a&quot;)\"></div><style>@import 'https://imp.example.com/';</style>\
        <img srcset='https://s1.example.com/1 1x, https://s2.example.com/2 2x'><a href='java\nscript:alert(1)'>j</a>\
        <img src='data:image/png;base64,AAAA'><!-- https://comment.example.com/ --><script>x='https://script.example.com/'</script>\
        <a href='ht&#9;tps:\\\\tab.example.com\\x'>t</a><p>https://vis<b>ible</b>.example&#46;com/</p>\
        <a href=tel:+49-30-1234567>call</a><a href='mailto:x@example.com?cc=y@example.com'>m</a>";
    let output = html(page);
    for (value, place) in [
        ("https://base.example.com/dir/rel", "href"),
        ("https://a.example.com/?x=1&y=2", "href"),
        ("http://img.example.com/i.png", "src"),
        ("https://form.example.com/", "action"),
        ("https://r.example.com/", "refresh"),
        ("https://css.example.com/a", "style"),
        ("https://imp.example.com/", "style"),
        ("https://s1.example.com/1", "src"),
        ("https://s2.example.com/2", "src"),
        ("javascript:alert(1)", "href"),
        ("data:image/png;base64,AAAA", "src"),
        ("https://comment.example.com/", "markup"),
        ("https://script.example.com/", "markup"),
        ("https://tab.example.com\\x", "href"),
        ("https://visible.example.com/", "text"),
    ] {
        assert_eq!(url(&output, value)["found_in"][0]["place"], place, "{value}");
    }
    assert_eq!(url(&output, "javascript:alert(1)")["kind"], "script");
    assert_eq!(url(&output, "https://visible.example.com/")["obfuscated"], true);
    assert_eq!(values(&output, "phones"), ["+49301234567"]);
    assert_eq!(values(&output, "emails"), ["x@example.com", "y@example.com"]);
    let offset =
        url(&output, "https://form.example.com/")["found_in"][0]["offset"].as_u64().unwrap() as usize;
    assert!(page[offset..].starts_with("https://form.example.com/"));
}

#[test]
fn sees_links_that_lie() {
    for (page, lies) in [
        ("<a href='https://evil.example.net/'>https://www.bank.example/login</a>", false),
        ("<a href='https://evil.example.net/'>https://www.bank.com/login</a>", true),
        ("<a href='https://evil.example.net/'>www.<b>bank</b>.com</a>", true),
        ("<a href='https://evil.example.net/'>b\u{200b}ank.com</a>", true),
        ("<a href='https://click.bank.com/x'>bank.com</a>", false),
        ("<a href='https://evil.example.net/'>Click here</a>", false),
        (
            "<a href='https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fbank.com%2F'>bank.com</a>",
            false,
        ),
        ("<a href='https://evil.example.net/'><img></a> bank.com", false),
    ] {
        let output = html(page);
        let url = &output["urls"][0];
        // `.example` is no public suffix, so the first one is compared by its host.
        let expected = lies || page.contains("bank.example");
        assert_eq!(url["text_mismatch"], expected, "{page}");
        assert_eq!(url["shown"].is_string(), expected, "{page}");
    }
}

#[test]
fn finds_the_other_kinds() {
    let output = text(
        "IPs 192.0.2.1, 2001:DB8::1 and not 1.2.3.4.5 nor 12:30:45 nor std::add. Hashes \
        d41d8cd98f00b204e9800998ecf8427e DA39A3EE5E6B4B0D3255BFEF95601890AFD80709 \
        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855. Call +49 (30) 123-4567 or (212) 555-0123, \
        not 2024-01-15 or 12345678. Pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa, bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 or \
        bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0, not 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb. \
        Write to first.last+tag@mail.example.com about docs.example.com, e.g. report.zip or the end.So it is.",
    );
    assert_eq!(values(&output, "ips"), ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(output["ips"][1]["version"], 6);
    let algorithms: Vec<_> =
        output["hashes"].as_array().unwrap().iter().map(|it| it["algorithm"].clone()).collect();
    assert_eq!(algorithms, [json!("md5"), json!("sha1"), json!("sha256")]);
    assert_eq!(values(&output, "phones"), ["+49301234567", "2125550123"]);
    assert_eq!(values(&output, "bitcoin").len(), 3);
    assert_eq!(values(&output, "emails"), ["first.last+tag@mail.example.com"]);
    assert_eq!(values(&output, "domains"), ["mail.example.com", "docs.example.com"]);
}

#[test]
fn counts_and_places() {
    let input: Input = serde_json::from_value(json!({
        "subject": "https://example.com/a",
        "text": "é https://example.com/a and https://example.com/a",
        "html": null,
        "headers": [{ "name": "X", "value": "https://example.com/a", "raw": null }],
        "messages": [{ "text_body": "https://example.com/a", "html_body": "<p>https://example.com/a", "depth": 1 }],
        "artifacts": [Artifact::create("<a href=https://example.com/a>".as_bytes(), "application/octet-stream").unwrap()],
    }))
    .unwrap();
    let output = extract(input);
    assert_eq!(values(&output, "urls"), ["https://example.com/a"]);
    assert_eq!(output["urls"][0]["count"], 7);
    let sources: Vec<_> = output["urls"][0]["found_in"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["source"].as_str().unwrap())
        .collect();
    assert_eq!(
        sources,
        [
            "subject",
            "headers[0]",
            "text",
            "text",
            "messages[0].text_body",
            "messages[0].html_body",
            "artifacts[0]"
        ]
    );
    assert_eq!(output["urls"][0]["found_in"][2]["offset"], 3);
}

#[test]
fn stays_below_a_mebibyte_whatever_comes() {
    let many: String = (0..20_000)
        .map(|at| format!("https://h{at}.example.com/{} a{at}@example.org \n", "p".repeat(300)))
        .collect();
    let output = text(&many);
    assert_eq!(output["truncated"], true);
    assert!(output["urls"].as_array().unwrap().len() > 500);
    assert!(output.to_string().len() < 1 << 20, "{}", output.to_string().len());
}

#[test]
fn takes_linear_time() {
    let page = |unit: &str| {
        let start = Instant::now();
        html(&unit.repeat(100_000 / unit.len()));
        text(&unit.repeat(100_000 / unit.len()));
        assert!(start.elapsed() < Duration::from_secs(20), "{unit:?}: {:?}", start.elapsed());
    };
    for unit in [
        "<div>",
        "<a href=x>",
        "<!--",
        "<script>",
        "<a ",
        "<a href='",
        "&",
        "&#",
        "://",
        "http://",
        "https://a",
        "@",
        "a@",
        "a.",
        "1.",
        "::",
        "a:",
        "+1 ",
        "(",
        "[.]",
        " [dot]",
        "[",
        "http://a.b)",
        "x='",
        "url(",
        "www.",
        "<style>@import",
        "0",
        "<title>",
        "=",
        "\u{200b}",
        "http://x.com/?u=http://",
        "bc1q",
    ] {
        page(unit);
    }
    page(&format!("http://example.com/{}\n", ")".repeat(8_000)));
    page(&format!("<a href='http://example.com/?{}'>", "u=http%3A%2F%2Fa&".repeat(400)));
}

#[test]
fn describes_itself_as_the_host_expects() {
    let description: Value =
        serde_json::from_str(&plugin_sdk::describe::<ioc_extract::IocExtract>()).unwrap();
    let fresh = serde_json::to_string_pretty(&description).unwrap() + "\n";
    assert_eq!(
        fresh,
        include_str!("../describe.json"),
        "describe.json is stale: UPDATE_EXPECT=1 in crates/plugin-host"
    );
    assert_eq!(description["actions"][0]["output"]["x-untrusted"], true);
}

fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "http",
        "hxxps",
        "://",
        "[.]",
        " [dot] ",
        "(at)",
        "@",
        "www.",
        ".com",
        ".co.uk",
        "/",
        "?u=",
        "%68",
        "%",
        "xn--",
        "é",
        "\u{200b}",
        "。",
        "<a href=",
        "'",
        "\"",
        ">",
        "</a>",
        "<!--",
        "-->",
        "&#x",
        "&amp",
        ";",
        "<style>",
        "url(",
        ")",
        "<script",
        "tel:",
        "+49 30 ",
        "192.0.2.1",
        "0x7f",
        "::",
        "[",
        "]",
        "mailto:",
        "bc1q",
        "urldefense.com/v3/__",
        "__;",
        "*",
        "**",
    ];
    prop_oneof![3 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn never_panics(pieces in prop::collection::vec(piece(), 0..40)) {
        let hostile = pieces.concat();
        text(&hostile);
        html(&hostile);
    }

    #[test]
    fn finds_every_url_in_whatever_surroundings(before in "[ a-zA-Z<>\"().,:/@\\[\\]]{0,20}", after in "[ <>\"]?") {
        let output = text(&format!("{before}https://needle.example.com/p{after}"));
        prop_assert!(values(&output, "urls").iter().any(|url| url.contains("needle.example.com/p")), "{output}");
    }

    #[test]
    fn offsets_lie_inside_of_the_source(pieces in prop::collection::vec(piece(), 0..40)) {
        let hostile = pieces.concat();
        for output in [text(&hostile), html(&hostile)] {
            for list in ["urls", "ips", "domains", "emails"] {
                for place in output[list].as_array().unwrap().iter().flat_map(|it| it["found_in"].as_array().unwrap()) {
                    prop_assert!(place["offset"].as_u64().unwrap() <= hostile.len() as u64);
                }
            }
        }
    }
}
