//! Tokens and how they are got: by a secret, a certificate, a device, a browser, a password.

use super::*;

#[tokio::test]
async fn a_secret_gets_a_token_that_acts_as_others_and_expires() {
    let organisation = organisation();
    organisation.add_application(Application {
        impersonates: Reach::only([ALICE]),
        ..Application::with_secret(APP, TENANT, "s&cret")
    });
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let asked = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "s&cret"),
        ("scope", SCOPE),
    ];
    let (status, answer) = token(&server, &asked).await;
    assert_eq!((status, answer["expires_in"].as_u64(), answer.get("refresh_token")), (200, Some(3599), None));
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), Some(ALICE)).await.codes(), ["NoError"]);
    assert_eq!(
        ews(&server, &bearer, &inbox_of(BOB), Some(BOB)).await.codes(),
        ["ErrorImpersonateUserDenied"]
    );
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), None).await.codes(), ["ErrorImpersonationRequired"]);
    server.let_tokens_age(Duration::from_secs(3598));
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), Some(ALICE)).await.status(), 200);
    server.let_tokens_age(Duration::from_secs(2));
    let late = ews(&server, &bearer, &inbox_of(ALICE), Some(ALICE)).await;
    assert_eq!(late.status(), 401);
    let head = late.head.to_lowercase();
    assert!(head.contains("www-authenticate: bearer ") && head.contains("error=\"invalid_token\""), "{head}");
    assert!(head.contains("x-ms-diagnostics: 2000001;reason=\"the token has expired.\""), "{head}");
    let forged = bearer.replace("Bearer ", "Bearer x");
    assert_eq!(ews(&server, &forged, &inbox_of(ALICE), Some(ALICE)).await.status(), 401);
    let graph = [asked[0], asked[1], asked[2], ("scope", "https://graph.microsoft.com/.default")];
    let (_, other) = token(&server, &graph).await;
    let other = format!("Bearer {}", other["access_token"].as_str().unwrap());
    assert_eq!(
        ews(&server, &other, &inbox_of(ALICE), Some(ALICE)).await.status(),
        401,
        "for another resource"
    );
    let nobody = ews(&server, "Nonsense", &inbox_of(ALICE), None).await;
    assert!(nobody.head.to_lowercase().contains("www-authenticate: bearer client_id="), "{}", nobody.head);
}

#[tokio::test]
async fn the_token_endpoint_refuses_as_microsofts_does() {
    let organisation = organisation();
    organisation.add_application(Application::with_secret(APP, TENANT, "right"));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "right"),
        ("scope", SCOPE),
    ];
    let with = |name: &str, value: &'static str| -> Vec<(&str, &str)> {
        good.iter()
            .map(|(n, v)| if *n == name { (*n, value) } else { (*n, *v) })
            .filter(|(_, v)| !v.is_empty())
            .collect()
    };
    let cases = [
        (with("client_secret", "wrong"), (401, "invalid_client", 7_000_215)),
        (with("client_secret", ""), (401, "invalid_client", 7_000_218)),
        (with("client_id", "other"), (400, "unauthorized_client", 700_016)),
        (with("client_id", ""), (400, "invalid_request", 900_144)),
        (
            with("scope", "https://outlook.office365.com/EWS.AccessAsUser.All"),
            (400, "invalid_scope", 1_002_012),
        ),
        (with("scope", ""), (400, "invalid_request", 900_144)),
        (with("grant_type", "telepathy"), (400, "unsupported_grant_type", 70_003)),
        (with("grant_type", ""), (400, "invalid_request", 900_144)),
    ];
    for (fields, expected) in cases {
        assert_eq!(code(&token(&server, &fields).await), expected, "{fields:?}");
    }
    let elsewhere = http(&server, "POST", "/nowhere.example/oauth2/v2.0/token", &form(&good)).await;
    assert!(
        elsewhere.body.contains("AADSTS90002: Tenant 'nowhere.example' not found."),
        "{}",
        elsewhere.body
    );
    assert_eq!(http(&server, "GET", "/corp.example/oauth2/v2.0/token", "").await.status(), 405);
    server.misbehave(Fault::once("token", Misbehaviour::TooManyRequests { retry_after_seconds: 5 }));
    let busy = http(&server, "POST", "/corp.example/oauth2/v2.0/token", &form(&good)).await;
    assert_eq!((busy.status(), busy.head.contains("retry-after: 5")), (429, true));
}

fn assertion(alg: &str, audience: &str, change: impl Fn(&mut Value, &mut Value)) -> String {
    let bytes =
        |pem: &str| STANDARD.decode(pem.lines().filter(|l| !l.starts_with('-')).collect::<String>()).unwrap();
    let mut header = json!({ "alg": alg, "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(bytes(CERTIFICATE))) });
    let now = jiff::Timestamp::now().as_second();
    let mut claims =
        json!({ "aud": audience, "iss": APP, "sub": APP, "jti": "one", "nbf": now, "exp": now + 600 });
    change(&mut header, &mut claims);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let key = RsaKeyPair::from_pkcs8(&bytes(KEY)).unwrap();
    let how: &'static dyn RsaEncoding = if alg == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(how, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_certificate_is_proved_by_a_fresh_signature_for_this_endpoint() {
    let organisation = organisation();
    organisation.add_application(Application::with_certificate(APP, TENANT, CERTIFICATE));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let audience = server.token_url(TENANT);
    let ask = async |assertion: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            ("scope", SCOPE),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        token(&server, &fields).await
    };
    let jti = |name: &'static str| move |_: &mut Value, claims: &mut Value| claims["jti"] = name.into();
    for (alg, name) in [("PS256", "first"), ("RS256", "second")] {
        let good = assertion(alg, &audience, jti(name));
        assert_eq!(ask(&good).await.0, 200, "{alg}");
        assert_eq!(code(&ask(&good).await), (401, "invalid_client", 700_027), "used before");
    }
    let bad: [(String, u64); 8] = [
        (assertion("PS256", "https://elsewhere.example/token", jti("a")), 700_023),
        (assertion("PS256", &audience, |_, c| c["exp"] = 1.into()), 700_024),
        (assertion("PS256", &audience, |_, c| c["nbf"] = 99_999_999_999_i64.into()), 700_024),
        (assertion("PS256", &audience, |_, c| c["iss"] = "x".into()), 700_021),
        (assertion("PS256", &audience, |h, _| h["x5t#S256"] = "x".into()), 700_027),
        (assertion("PS256", &audience, |h, _| h["alg"] = "RS256".into()), 700_027),
        (assertion("PS256", &audience, |h, _| h["alg"] = "none".into()), 5_002_738),
        ("no.jwt".into(), 50_027),
    ];
    for (assertion, number) in bad {
        assert_eq!(code(&ask(&assertion).await), (401, "invalid_client", number));
    }
    let mut changed = assertion("PS256", &audience, jti("b"));
    let at = changed.len() - 5;
    let other = if &changed[at..=at] == "A" { "B" } else { "A" };
    changed.replace_range(at..=at, other);
    assert_eq!(code(&ask(&changed).await).2, 700_027);
}

#[tokio::test]
async fn a_device_waits_for_a_person() {
    let organisation = organisation();
    organisation.add_application(Application::public(APP, TENANT));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let begin = async || -> Value {
        let fields = form(&[("client_id", APP), ("scope", FOR_PEOPLE)]);
        let answer = http(&server, "POST", "/corp.example/oauth2/v2.0/devicecode", &fields).await;
        serde_json::from_str(&answer.body).unwrap()
    };
    let poll = async |device: &Value| {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        token(
            &server,
            &[
                ("grant_type", grant),
                ("client_id", APP),
                ("device_code", device["device_code"].as_str().unwrap()),
            ],
        )
        .await
    };
    let device = begin().await;
    assert_eq!(code(&poll(&device).await), (400, "authorization_pending", 70_016));
    assert_eq!(code(&poll(&device).await).1, "slow_down");
    let said = |decision: &str, password: &str, device: &Value| {
        form(&[
            ("user_code", device["user_code"].as_str().unwrap()),
            ("user", ALICE),
            ("password", password),
            ("decision", decision),
        ])
    };
    assert_eq!(http(&server, "POST", "/sim/device", &said("grant", "wrong", &device)).await.status(), 403);
    assert_eq!(http(&server, "POST", "/sim/device", &said("grant", "Grüße", &device)).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (status, answer) = poll(&device).await;
    assert_eq!(status, 200, "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), None).await.codes(), ["NoError"]);
    assert_eq!(ews(&server, &bearer, &inbox_of(BOB), None).await.codes(), ["ErrorAccessDenied"]);
    assert_eq!(code(&poll(&device).await).1, "bad_verification_code", "a code is good once");

    let declined = begin().await;
    http(&server, "POST", "/sim/device", &said("decline", "", &declined)).await;
    assert_eq!(code(&poll(&declined).await).1, "authorization_declined");
    let late = begin().await;
    server.let_tokens_age(Duration::from_secs(901));
    assert_eq!(code(&poll(&late).await).1, "expired_token");

    let refresh = answer["refresh_token"].as_str().unwrap();
    let again = [("grant_type", "refresh_token"), ("client_id", APP), ("refresh_token", refresh)];
    let (status, second) = token(&server, &again).await;
    assert_eq!((status, second["refresh_token"] == answer["refresh_token"]), (200, false), "it rotates");
    assert_eq!(code(&token(&server, &again).await), (400, "invalid_grant", 70_008));
}

#[tokio::test]
async fn a_browser_brings_back_a_code_for_whoever_began() {
    let organisation = organisation();
    organisation.add_application(Application::public(APP, TENANT));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let query = |redirect: &str, more: &str| {
        let fields = form(&[
            ("client_id", APP),
            ("response_type", "code"),
            ("redirect_uri", redirect),
            ("scope", FOR_PEOPLE),
            ("state", "st&te"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        format!("/corp.example/oauth2/v2.0/authorize?{fields}{more}")
    };
    let here = "http://localhost:9999";
    let page = http(&server, "GET", &query(here, ""), "").await;
    assert!(page.status() == 200 && page.body.contains("<form method=\"post\">"));
    let wrong = http(&server, "POST", &query(here, ""), &form(&[("user", ALICE), ("password", "x")])).await;
    assert_eq!(wrong.status(), 200, "the page again");
    let location = |answer: &Answer| {
        let line = answer.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
        line.to_owned()
    };
    let away =
        http(&server, "POST", &query(here, ""), &form(&[("user", ALICE), ("password", "Grüße")])).await;
    assert_eq!(away.status(), 302);
    let back = location(&away);
    assert!(back.starts_with("http://localhost:9999?code=") && back.ends_with("&state=st%26te"), "{back}");
    let word = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let redeem = async |word: &str, verifier: &str, redirect: &str| {
        let grant = [
            ("grant_type", "authorization_code"),
            ("client_id", APP),
            ("code", word),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        token(&server, &grant).await
    };
    let (status, answer) = redeem(word, verifier, here).await;
    assert_eq!(status, 200, "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), None).await.codes(), ["NoError"]);
    assert_eq!(code(&redeem(word, verifier, here).await), (400, "invalid_grant", 54_005), "good once");

    let silent = async || {
        let hint = format!("&prompt=none&login_hint={ALICE}");
        location(&http(&server, "GET", &query(here, &hint), "").await)
            .split("code=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(code(&redeem(&silent().await, "another verifier", here).await).2, 501_481);
    assert_eq!(code(&redeem(&silent().await, verifier, "http://localhost:1").await).2, 500_112);
    let nobody = http(&server, "GET", &query(here, "&prompt=none"), "").await;
    assert!(location(&nobody).contains("error=login_required&error_description=AADSTS50058"));
    let away = http(&server, "GET", &query("https://evil.example/", ""), "").await;
    assert!(away.body.contains("AADSTS50011"), "nobody is sent away: {}", away.body);
    let trick = http(&server, "GET", &query("http://localhost.evil.example/", ""), "").await;
    assert!(trick.body.contains("AADSTS50011"), "{}", trick.body);
}

#[tokio::test]
async fn a_password_is_taken_where_the_application_allows_it() {
    let organisation = organisation();
    organisation.add_application(Application::public(APP, TENANT));
    organisation
        .add_application(Application { password_grant: false, ..Application::public("strict", TENANT) });
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let ask = async |app: &str, user: &str, password: &str| {
        let fields = [
            ("grant_type", "password"),
            ("client_id", app),
            ("username", user),
            ("password", password),
            ("scope", FOR_PEOPLE),
        ];
        token(&server, &fields).await
    };
    assert_eq!(ask(APP, ALICE, "Grüße").await.0, 200);
    assert_eq!(code(&ask(APP, ALICE, "wrong").await), (400, "invalid_grant", 50_126));
    assert_eq!(code(&ask(APP, "no@corp.example", "x").await), (400, "invalid_grant", 50_034));
    assert_eq!(code(&ask("strict", ALICE, "Grüße").await).1, "unauthorized_client");
}
