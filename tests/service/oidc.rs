//! Tokens of CI systems, issued by an issuer of ours on loopback with real RSA and EC keys; and everything that is none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use api::config::{Issuer, Rule};
use api::identity::Scope;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::Running;

/// A key that the issuer may publish.
struct Key {
    id: &'static str,
    algorithm: Algorithm,
    private: EncodingKey,
}

impl Key {
    fn rsa(id: &'static str) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let pkcs8 = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).expect("DER");
        // an RSA key of 2048 bits stands behind the 26 bytes of PKCS#8 that say so
        let private = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
        Self { id, algorithm: Algorithm::RS256, private }
    }

    fn ec(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let pkcs8 = pair.to_pkcs8v1().expect("DER");
        Self { id, algorithm: Algorithm::ES256, private: EncodingKey::from_ec_der(pkcs8.as_ref()) }
    }

    fn public(&self) -> Jwk {
        let mut key = Jwk::from_encoding_key(&self.private, self.algorithm).expect("a public key");
        key.common.key_id = Some(self.id.to_owned());
        key
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.private).expect("signed")
    }
}

/// An issuer that publishes what it is told to, and counts how often it is asked.
struct Published {
    url: String,
    keys: Arc<Mutex<Vec<Jwk>>>,
    asked: Arc<AtomicUsize>,
}

async fn publish(keys: Vec<Jwk>) -> Published {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
    let configuration = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
    let (shown, counted) = (Arc::clone(&keys), Arc::clone(&asked));
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(move || async move { Json(configuration) }))
        .route(
            "/keys",
            get(move || async move {
                counted.fetch_add(1, Ordering::SeqCst);
                Json(json!({"keys": *shown.lock().expect("keys")}))
            }),
        );
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Published { url, keys, asked }
}

const AUDIENCE: &str = "https://secretarybird.example";

async fn service(issuer: &Published) -> Running {
    let rule = Rule {
        subject: "repo:acme/site:*".to_owned(),
        claims: [("ref".to_owned(), "refs/heads/*".to_owned())].into(),
        scopes: vec![Scope::Scan],
        repositories: vec![],
    };
    let issuer = Issuer {
        issuer: issuer.url.parse().expect("url"),
        audience: Some(AUDIENCE.to_owned()),
        repository: Some("http://127.0.0.1:1/{repository}".to_owned()),
        rules: vec![rule],
    };
    Running::start_with(|config| {
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.limits.failures_a_minute = 1000;
        config.auth.oidc = vec![issuer];
    })
    .await
}

fn claims(issuer: &str) -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({"iss": issuer, "aud": AUDIENCE, "sub": "repo:acme/site:ref:refs/heads/main", "repository": "acme/site",
        "ref": "refs/heads/main", "iat": now - 5, "nbf": now - 5, "exp": now + 300, "jti": "1"})
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn a_pipeline_needs_no_stored_secret_and_sees_its_own_repository_only() {
    let (rsa, ec) = (Key::rsa("rsa"), Key::ec("ec"));
    let issuer = publish(vec![rsa.public(), ec.public()]).await;
    let running = service(&issuer).await;
    let own = running.repository("http://127.0.0.1:1/acme/site").await;
    let other = running.repository("http://127.0.0.1:1/acme/other").await;
    for key in [&rsa, &ec] {
        let token = key.sign(&claims(&issuer.url));
        let show = |id: &str| format!("/api/v1/repositories/{id}");
        assert_eq!(running.with_token(&token, Method::GET, &show(&own), None).await.0, StatusCode::OK, "{}", key.id);
        assert_eq!(running.with_token(&token, Method::GET, &show(&other), None).await.0, StatusCode::NOT_FOUND);
        let body = json!({"url": "http://127.0.0.1:1/acme/site"});
        let (status, _) = running.with_token(&token, Method::POST, "/api/v1/repositories", Some(body)).await;
        assert_eq!(status, StatusCode::OK);
        let (status, _) = running.with_token(&token, Method::GET, "/api/v1/tokens", None).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "its rule allows `scan`");
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1, "the keys are kept");
    let (_, audit) = running.admin(Method::GET, "/api/v1/audit", None).await;
    assert!(audit.to_string().contains("oidc:127.0.0.1 repo:acme/site:ref:refs/heads/main"), "{audit}");
}

#[tokio::test]
async fn what_is_no_token_of_the_issuer_opens_nothing() {
    let (rsa, ec, foreign) = (Key::rsa("rsa"), Key::ec("ec"), Key::rsa("rsa"));
    let issuer = publish(vec![rsa.public(), ec.public()]).await;
    let running = service(&issuer).await;
    let good = claims(&issuer.url);
    let now = jiff::Timestamp::now().as_second();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned =
        |algorithm: &str| format!("{}.{}.", part(&json!({"alg": algorithm, "typ": "JWT", "kid": "rsa"})), part(&good));
    // the public key's text as a shared secret: the confusion of RS256 and HS256
    let public = serde_json::to_string(&rsa.public()).expect("text");
    let header = Header { kid: Some("rsa".to_owned()), ..Header::new(Algorithm::HS256) };
    let confused = encode(&header, &good, &EncodingKey::from_secret(public.as_bytes())).expect("signed");
    let header = Header { kid: Some("ec".to_owned()), ..Header::new(Algorithm::RS256) };
    let other_kind = encode(&header, &good, &rsa.private).expect("signed");
    let without_id = encode(&Header::new(Algorithm::RS256), &good, &rsa.private).expect("signed");
    let critical =
        Header { kid: Some("rsa".to_owned()), crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::RS256) };
    let critical = encode(&critical, &good, &rsa.private).expect("signed");
    let valid = rsa.sign(&good);
    let mut parts: Vec<&str> = valid.split('.').collect();
    let forged = part(&with(good.clone(), "repository", json!("acme/other")));
    parts[1] = &forged;
    let forged = parts.join(".");
    let unknown = Key { id: "unknown", ..Key::rsa("unknown") };
    for (name, token) in [
        ("alg none", unsigned("none")),
        ("alg NONE", unsigned("NONE")),
        ("no signature", unsigned("RS256")),
        ("HS256 with the public key", confused),
        ("an RSA signature under an EC key's id", other_kind),
        ("no key id", without_id),
        ("a critical header", critical),
        ("changed claims", forged),
        ("another key under a known id", foreign.sign(&good)),
        ("an unknown key id", unknown.sign(&good)),
        ("another audience", rsa.sign(&with(good.clone(), "aud", json!("https://elsewhere.example")))),
        ("no audience", rsa.sign(&with(good.clone(), "aud", Value::Null))),
        ("another issuer", rsa.sign(&with(good.clone(), "iss", json!("https://elsewhere.example")))),
        ("expired", rsa.sign(&with(good.clone(), "exp", json!(now - 120)))),
        ("without an end", rsa.sign(&with(good.clone(), "exp", Value::Null))),
        ("not yet valid", rsa.sign(&with(good.clone(), "nbf", json!(now + 120)))),
        ("issued in the future", rsa.sign(&with(good.clone(), "iat", json!(now + 120)))),
        ("living for days", rsa.sign(&with(good.clone(), "exp", json!(now + 90_000)))),
        ("another repository", rsa.sign(&with(good.clone(), "sub", json!("repo:acme/site-evil:ref:refs/heads/main")))),
        ("a claim that the rule does not allow", rsa.sign(&with(good.clone(), "ref", json!("refs/pull/1/merge")))),
        ("no JWT", "a.b.c".to_owned()),
    ] {
        let (status, problem) = running.with_token(&token, Method::GET, "/api/v1/findings", None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}: {problem}");
        assert!(!problem.to_string().contains(&token), "{name}: a token is never quoted");
    }
    assert_eq!(running.with_token(&valid, Method::GET, "/api/v1/findings", None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_forgotten() {
    let (old, new) = (Key::ec("old"), Key::ec("new"));
    let issuer = publish(vec![old.public()]).await;
    let running = service(&issuer).await;
    let ask = async |key: &Key| {
        let token = key.sign(&claims(&issuer.url));
        running.with_token(&token, Method::GET, "/api/v1/findings", None).await.0
    };
    assert_eq!(ask(&old).await, StatusCode::OK);
    *issuer.keys.lock().expect("keys") = vec![new.public()];
    // the issuer is asked again, but not for every made-up id
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while ask(&new).await != StatusCode::OK {
        assert!(tokio::time::Instant::now() < deadline, "the new key is never found");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert_eq!(ask(&old).await, StatusCode::UNAUTHORIZED);
    assert!(issuer.asked.load(Ordering::SeqCst) <= 8, "{} times", issuer.asked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_no_refusal() {
    let key = Key::ec("key");
    let silent = Published { url: "http://127.0.0.1:1".to_owned(), keys: Arc::default(), asked: Arc::default() };
    let running = service(&silent).await;
    let token = key.sign(&claims(&silent.url));
    let (status, problem) = running.with_token(&token, Method::GET, "/api/v1/findings", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    let (status, _) = running.admin(Method::GET, "/api/v1/findings", None).await;
    assert_eq!(status, StatusCode::OK, "other tokens go on");
}
